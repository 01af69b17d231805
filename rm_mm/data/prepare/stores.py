"""Where the images of a small version come from: a zip, or the whole data set as it lies."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from rm_mm.data.prepare.writing import require_space
from rm_mm.data.prepare.zips import DAMAGE, damaged, members_of, open_zip
from rm_mm.errors import InputError, printable


class Store(Protocol):
    """Files by their path in the layout.

    Attributes:
        path: What it is, for messages.
    """

    path: Path

    def names(self, prefix: str) -> list[str]:
        """The files whose path begins so, sorted."""
        ...

    def size(self, name: str) -> int:
        """The bytes of one.

        Raises:
            InputError: If it is not there.
        """
        ...

    @contextmanager
    def open(self, name: str) -> Iterator[tuple[BinaryIO, int]]:
        """Open one, with its size in bytes.

        Raises:
            InputError: If it is not there.
        """
        ...


class ZipStore:
    """The members of a zip.

    Args:
        archive: Open.
        path: Of it.
        strip: What stands before the paths of the layout.
    """

    def __init__(self, archive: zipfile.ZipFile, path: Path, strip: str = '') -> None:
        self.path = path
        self._archive = archive
        self._members = {
            name.removeprefix(strip): info for name, info in members_of(archive, path).items()
        }

    def names(self, prefix: str) -> list[str]:
        """The files whose path begins so, sorted."""
        return sorted(name for name in self._members if name.startswith(prefix))

    def size(self, name: str) -> int:
        """The bytes of one."""
        return self._info(name).file_size

    def _info(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            raise InputError(f'{printable(self.path)} lacks {printable(name)}')
        return self._members[name]

    @contextmanager
    def open(self, name: str) -> Iterator[tuple[BinaryIO, int]]:
        """Open one, with its size in bytes."""
        info = self._info(name)
        # Here, where it is known which of several archives it is.
        try:
            with self._archive.open(info) as content:
                yield cast(BinaryIO, content), info.file_size
        except DAMAGE as error:
            raise damaged(self.path, error) from error


class FolderStore:
    """The files below a folder.

    Args:
        path: Of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self, prefix: str) -> list[str]:
        """The files whose path begins so, sorted; hidden ones are of a system."""
        found = []
        for parent, folders, names in os.walk(self.path / prefix, followlinks=True):
            folders[:] = [folder for folder in folders if not folder.startswith('.')]
            below = Path(parent).relative_to(self.path)
            found += [str(below / name) for name in names if not name.startswith('.')]
        return sorted(found)

    def size(self, name: str) -> int:
        """The bytes of one."""
        return self._file(name).stat().st_size

    def _file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise InputError(f'{printable(self.path)} lacks {printable(name)}')
        return path

    @contextmanager
    def open(self, name: str) -> Iterator[tuple[BinaryIO, int]]:
        """Open one, with its size in bytes."""
        path = self._file(name)
        with path.open('rb') as content:
            yield content, path.stat().st_size


def require_space_for(root: Path, store: Store, names: Iterable[str]) -> None:
    """Check that a root has room for those files of a store that are not in it.

    Raises:
        InputError: If it has not, or the store lacks one.
    """
    missing = (store.size(name) for name in names if not (root / name).exists())
    require_space(root, sum(missing))


@contextmanager
def open_store(archive: Path | None, folder: Path, strip: str = '') -> Iterator[Store]:
    """Open a zip if there is one, else a folder."""
    if archive is None:
        yield FolderStore(folder)
    else:
        with open_zip(archive) as opened:
            yield ZipStore(opened, archive, strip)
