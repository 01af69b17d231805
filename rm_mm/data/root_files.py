"""JSON files in the root of a data set: the stamp of a subset, the journal of a preparation.

Import this module only where such a file is read or written: pydantic takes a while to load.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from rm_mm.data.catalog import SUBSET_STAMP
from rm_mm.files import write_json

F = TypeVar('F', bound='RootFile')


class RootFile(BaseModel):
    """A JSON file of a fixed name and schema in the root of a data set."""

    model_config = ConfigDict(strict=True)

    file_name: ClassVar[str]
    schema_version: Literal[1] = 1

    @classmethod
    def read(cls: type[F], root: Path) -> F | None:
        """Read the file in a root; None if there is none.

        Raises:
            ValueError: If it cannot be read or is invalid, with one line that says why.
        """
        try:
            return cls.model_validate_json((root / cls.file_name).read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ValueError(f'cannot be read: {error.strerror}') from error
        except ValidationError as error:
            fault = error.errors()[0]
            text = ': '.join([*map(str, fault['loc']), fault['msg']])
            raise ValueError(f'is invalid: {text}') from error

    def write(self, root: Path) -> None:
        """Write the file into a root, atomically."""
        write_json(root / self.file_name, self.model_dump())


class SubsetStamp(RootFile):
    """Marks a subset of a data set, and tells a check how many images to expect.

    Attributes:
        name: Name of the data set.
        images_a_class: Largest number of images per class; None if unknown.
        counts: Number of images by split.
    """

    file_name: ClassVar[str] = SUBSET_STAMP
    name: str
    images_a_class: NonNegativeInt | None = None
    counts: dict[str, NonNegativeInt] = Field(min_length=1)
