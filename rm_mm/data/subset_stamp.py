"""The stamp of a subset: a file in its root that says how many images to expect."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rm_mm.errors import printable
from rm_mm.files import write_json

#: File name of the stamp.
SUBSET_STAMP = 'rm_mm_subset.json'


@dataclass(frozen=True)
class SubsetStamp:
    """Contents of a stamp.

    Attributes:
        name: Name of the data set.
        images_a_class: Largest number of images per class; None if unknown.
        counts: Number of images by split.
    """

    name: str
    images_a_class: int | None
    counts: dict[str, int]

    def write(self, root: Path) -> None:
        """Write the stamp into a root."""
        write_json(root / SUBSET_STAMP, {'schema_version': 1, **asdict(self)})


def read_subset_stamp(root: Path) -> SubsetStamp | None:
    """Read the stamp in a root; None if there is none.

    Raises:
        ValueError: If it cannot be read or is invalid.
    """
    try:
        stamp = json.loads((root / SUBSET_STAMP).read_bytes())
        if not isinstance(stamp, dict) or stamp['schema_version'] != 1:
            raise ValueError('expected an object with "schema_version": 1')
        name, counts, each = stamp['name'], stamp['counts'], stamp.get('images_a_class')
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f'cannot be read: {error.strerror}') from error
    except KeyError as error:
        raise ValueError(f'lacks {printable(error)}') from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f'is not a subset stamp: {printable(error)}') from error
    numbers = list(counts.values()) if isinstance(counts, dict) else []
    if not numbers or any(type(n) is not int or n < 0 for n in [*numbers, each or 0]):
        raise ValueError('is invalid: expected whole numbers in "counts" and "images_a_class"')
    return SubsetStamp(name, each, counts)
