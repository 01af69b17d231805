"""The stamp of a small version of a data set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rm_mm.data.catalog import SUBSET_STAMP
from rm_mm.data.check.problems import Problems
from rm_mm.errors import printable


@dataclass(frozen=True)
class Subset:
    """What the stamp of a small version says.

    Args:
        counts: Images, by split.
        images_a_class: The most images of one class.
    """

    counts: dict[str, int]
    images_a_class: int | None


def read_stamp(root: Path, name: str, problems: Problems) -> Subset | None:
    """Read the stamp of a root; None if there is none, or it is wrong, which is a problem."""
    try:
        stamp = json.loads((root / SUBSET_STAMP).read_bytes())
        if not isinstance(stamp, dict) or stamp['schema_version'] != 1:
            raise ValueError('expected an object with "schema_version": 1')
        if name == 'custom' and stamp['name'] != name:
            # One's own check of a small version of a published data set: its splits are others.
            return None
        if stamp['name'] != name:
            raise ValueError(f'it is of {stamp["name"]}, not of {name}')
        counts, each = stamp['counts'], stamp.get('images_a_class')
        if not isinstance(counts, dict):
            counts = {}
        numbers = [*counts.values(), *([] if each is None else [each])]
        if not counts or any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError('expected whole numbers in "counts" and "images_a_class"')
        return Subset(counts, each)
    except FileNotFoundError:
        return None
    except OSError as error:
        text = f'cannot be read: {error.strerror}'
    except KeyError as error:
        text = f'lacks {printable(error)}'
    except (ValueError, RecursionError) as error:
        text = f'is no stamp of a subset: {printable(error)}'
    problems.add('subset stamps', f'{SUBSET_STAMP} {text}')
    return None
