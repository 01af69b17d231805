"""A data set in one LMDB file, read in place of its folder: a root of ``lmdb://FILE``.

mmengine's data sets and transforms ask a file backend, chosen by what a path begins with, for what
lies below their root. This one finds it in the file that ``rm-mm data pack`` wrote, where the path
below ROOT is the key::

    lmdb://data/imagenet.lmdb/train/n01440764/x.JPEG -> data/imagenet.lmdb, train/n01440764/x.JPEG

mmengine's own ``LmdbBackend`` has no folders to list, and wants paths that are keys already.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from mmengine.fileio import BaseStorageBackend, register_backend

from rm_mm.data.pack_uri import split_uri


@register_backend('packed', prefixes='lmdb')
class PackedBackend(BaseStorageBackend):
    """What data sets need of a file system, of packed ones; nothing is ever written."""

    def get(self, filepath: str | Path) -> bytes:
        """The content of a file.

        Raises:
            FileNotFoundError: If there is no such pack, or no such file in it.
            OSError: If it is no pack.
        """
        file, key = split_uri(str(filepath))
        found: bytes | None = None
        with _reading(file) as reading:
            # The root has no name, and LMDB no nameless files.
            if key:
                found = reading.get(os.fsencode(key))
        if found is None:
            raise FileNotFoundError(f'{filepath}: {file} has no file of that name')
        return found

    def get_text(self, filepath: str | Path, encoding: str = 'utf-8') -> str:
        """The content of a file, decoded; errors as of ``get``."""
        return self.get(filepath).decode(encoding)

    @contextmanager
    def get_local_path(self, filepath: str | Path) -> Iterator[str]:
        """A temporary copy on the disk, for readers that want a file; errors as of ``get``."""
        with tempfile.NamedTemporaryFile(suffix=PurePosixPath(filepath).suffix) as copy:
            copy.write(self.get(filepath))
            copy.flush()
            yield copy.name

    def isfile(self, filepath: str | Path) -> bool:
        """Whether there is a file of that name; errors as of ``get`` if there is no pack."""
        file, key = split_uri(str(filepath))
        with _reading(file) as reading:
            return bool(key) and bool(reading.cursor().set_key(os.fsencode(key)))

    def isdir(self, filepath: str | Path) -> bool:
        """Whether there are files below; errors as of ``get`` if there is no pack."""
        return next(self.list_dir_or_file(filepath), None) is not None

    def exists(self, filepath: str | Path) -> bool:
        """Whether there is such a file or folder; errors as of ``get`` if there is no pack."""
        return self.isfile(filepath) or self.isdir(filepath)

    def join_path(self, filepath: str | Path, *filepaths: str | Path) -> str:
        """Names below a folder."""
        return '/'.join([str(filepath).rstrip('/'), *map(str, filepaths)])

    def list_dir_or_file(
        self,
        dir_path: str | Path,
        list_dir: bool = True,
        list_file: bool = True,
        suffix: str | tuple[str, ...] | None = None,
        recursive: bool = False,
    ) -> Iterator[str]:
        """What is in a folder, in the order of its names, as of mmengine's ``LocalBackend``.

        Args:
            dir_path: The folder.
            list_dir: Tell folders.
            list_file: Tell files.
            suffix: How the names of files have to end.
            recursive: Tell what is in folders, too.

        Yields:
            Names relative to the folder.

        Raises:
            FileNotFoundError: If there is no such pack.
            OSError: If it is no pack.
        """
        file, folder = split_uri(str(dir_path))
        start = f'{folder}/' if folder else ''
        told = set()
        for name in _below(file, start, whole=not recursive):
            *parents, last = name.split('/')
            # Without recursion a folder is told by the first file in it, the others skipped.
            for depth in range(1, len(parents) + 1) if recursive else [1] * bool(parents):
                parent = '/'.join(parents[:depth])
                if list_dir and parent not in told:
                    told.add(parent)
                    yield parent
            is_told = list_file and (recursive or not parents)
            if is_told and (suffix is None or last.endswith(suffix)):
                yield name


def _below(file: str, start: str, *, whole: bool) -> Iterator[str]:
    """Names that start so, less the start; with ``whole`` one of each folder right below."""
    with _reading(file) as reading:
        cursor = reading.cursor()
        more = cursor.set_range(os.fsencode(start)) if start else cursor.first()
        while more:
            name = os.fsdecode(cursor.key())
            if not name.startswith(start):
                return
            yield name[len(start) :]
            folder, slash, _ = name[len(start) :].partition('/')
            # '0' is what comes after '/'.
            more = (
                cursor.set_range(os.fsencode(f'{start}{folder}0'))
                if whole and slash
                else cursor.next()
            )


@contextmanager
def _reading(file: str) -> Iterator[Any]:
    """LMDB's transaction on a file."""
    environment = _opened(file)
    import lmdb

    try:
        with environment.begin() as reading:
            yield reading
    except lmdb.Error as error:
        raise OSError(f'{file} is damaged: {error}. Copy it anew, or pack it again') from error


# By name, which asks nothing of the file system; and by what a process may open only once.
_named: dict[str, Any] = {}
_environments: dict[tuple[int, int], Any] = {}
_opening = threading.Lock()


def _opened(file: str) -> Any:
    """LMDB's environment of a file, the same for all of its names."""
    if file not in _named:
        with _opening:
            _named[file] = _environment(file)
    return _named[file]


def _environment(file: str) -> Any:
    try:
        import lmdb
    except ImportError as error:
        raise ImportError(f'{file}: reading packed data takes lmdb: pip install lmdb') from error
    if not os.path.isfile(file):
        raise FileNotFoundError(f'{file} is no file: expected what rm-mm data pack wrote')
    status = os.stat(file)
    which = (status.st_dev, status.st_ino)
    if which not in _environments:
        try:
            opened = lmdb.open(file, subdir=False, readonly=True, lock=False, readahead=False)
        except lmdb.Error as error:
            raise OSError(f'{file}: expected what rm-mm data pack wrote: {error}') from error
        # Where a page is missing, the system would end the process without a word.
        whole = (opened.info()['last_pgno'] + 1) * opened.stat()['psize']
        if status.st_size < whole:
            opened.close()
            raise OSError(f'{file} is cut off: {status.st_size:,} of {whole:,} bytes. Copy it anew')
        _environments[which] = opened
    return _environments[which]


def _begin_anew() -> None:
    """In a process that was forked: what its parent has open is not for its use."""
    global _opening
    _opening = threading.Lock()
    for environment in _environments.values():
        environment.close()
    _environments.clear()
    _named.clear()


os.register_at_fork(after_in_child=_begin_anew)
