"""Read a packed data set in place of its folder, for a data root ``lmdb://FILE.lmdb``.

mmengine's data sets and transforms access everything below their root through a file backend, which
is chosen by the prefix of the path. This backend reads the file that ``rm-mm data pack`` wrote, in
which the path below ROOT is the key::

    lmdb://data/imagenet.lmdb/train/n01440764/x.JPEG -> data/imagenet.lmdb, train/n01440764/x.JPEG

mmengine's own ``LmdbBackend`` cannot list folders, and expects keys instead of paths.
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

from rm_mm.data.sources import split_pack_uri


@register_backend('packed', prefixes='lmdb')
class PackedBackend(BaseStorageBackend):
    """Read-only file backend for packed data sets.

    All methods raise ``FileNotFoundError`` if the pack does not exist, and ``OSError`` if it is
    damaged or another kind of file.
    """

    def get(self, filepath: str | Path) -> bytes:
        """Return the content of a file; raises ``FileNotFoundError`` if the pack has none."""
        pack, key = split_pack_uri(str(filepath))
        with _transaction(pack) as transaction:
            # The root has an empty name, which LMDB rejects as a key.
            content: bytes | None = transaction.get(os.fsencode(key)) if key else None
        if content is None:
            raise FileNotFoundError(f'{filepath}: {pack} has no file of that name')
        return content

    def get_text(self, filepath: str | Path, encoding: str = 'utf-8') -> str:
        """Return the content of a text file; raises like ``get``."""
        return self.get(filepath).decode(encoding)

    @contextmanager
    def get_local_path(self, filepath: str | Path) -> Iterator[str]:
        """Yield the path of a temporary copy, for readers that need a file; raises like ``get``."""
        with tempfile.NamedTemporaryFile(suffix=PurePosixPath(filepath).suffix) as copy:
            copy.write(self.get(filepath))
            copy.flush()
            yield copy.name

    def isfile(self, filepath: str | Path) -> bool:
        """Return whether there is a file of that name."""
        pack, key = split_pack_uri(str(filepath))
        with _transaction(pack) as transaction:
            return bool(key) and bool(transaction.cursor().set_key(os.fsencode(key)))

    def isdir(self, filepath: str | Path) -> bool:
        """Return whether there are files below this path."""
        return next(self.list_dir_or_file(filepath), None) is not None

    def exists(self, filepath: str | Path) -> bool:
        """Return whether there is such a file or folder."""
        return self.isfile(filepath) or self.isdir(filepath)

    def join_path(self, filepath: str | Path, *filepaths: str | Path) -> str:
        """Join a folder and names below it."""
        return '/'.join([str(filepath).rstrip('/'), *map(str, filepaths)])

    def list_dir_or_file(
        self,
        dir_path: str | Path,
        list_dir: bool = True,
        list_file: bool = True,
        suffix: str | tuple[str, ...] | None = None,
        recursive: bool = False,
    ) -> Iterator[str]:
        """Yield names relative to a folder, sorted; options as in mmengine's ``LocalBackend``."""
        pack, folder = split_pack_uri(str(dir_path))
        start = f'{folder}/' if folder else ''
        listed = set()
        for name in _names_below(pack, start, one_per_folder=not recursive):
            *parents, last = name.split('/')
            # Without recursion, the first file in a folder stands for the folder.
            for depth in range(1, len(parents) + 1) if recursive else [1] * bool(parents):
                parent = '/'.join(parents[:depth])
                if list_dir and parent not in listed:
                    listed.add(parent)
                    yield parent
            is_listed = list_file and (recursive or not parents)
            if is_listed and (suffix is None or last.endswith(suffix)):
                yield name


def _names_below(pack: str, start: str, *, one_per_folder: bool) -> Iterator[str]:
    """Names that begin with ``start``, without it; optionally only one in each direct subfolder."""
    with _transaction(pack) as transaction:
        cursor = transaction.cursor()
        more = cursor.set_range(os.fsencode(start)) if start else cursor.first()
        while more:
            name = os.fsdecode(cursor.key())
            if not name.startswith(start):
                return
            yield name[len(start) :]
            folder, slash, _ = name[len(start) :].partition('/')
            if one_per_folder and slash:
                # '0' is the character after '/', so this skips the rest of the folder.
                more = cursor.set_range(os.fsencode(f'{start}{folder}0'))
            else:
                more = cursor.next()


@contextmanager
def _transaction(pack: str) -> Iterator[Any]:
    """Open a read transaction of LMDB."""
    environment = _environment(pack)
    import lmdb

    try:
        with environment.begin() as transaction:
            yield transaction
    except lmdb.Error as error:
        raise OSError(f'{pack} is damaged: {error}. Copy it again, or pack it again') from error


# Open environments by name, which needs no access to the file system, and by device and inode,
# because a process may open a file only once.
_by_name: dict[str, Any] = {}
_by_inode: dict[tuple[int, int], Any] = {}
_opening = threading.Lock()


def _environment(pack: str) -> Any:
    """Return LMDB's environment of a file, the same for all names of the file."""
    if pack not in _by_name:
        with _opening:
            _by_name[pack] = _open(pack)
    return _by_name[pack]


def _open(pack: str) -> Any:
    try:
        import lmdb
    except ImportError as error:
        raise ImportError(f'{pack}: reading packed data needs lmdb: pip install lmdb') from error
    if not os.path.isfile(pack):
        raise FileNotFoundError(f'{pack} is no file: expected one that rm-mm data pack wrote')
    status = os.stat(pack)
    inode = (status.st_dev, status.st_ino)
    if inode not in _by_inode:
        try:
            opened = lmdb.open(pack, subdir=False, readonly=True, lock=False, readahead=False)
        except lmdb.Error as error:
            raise OSError(f'{pack}: expected a file that rm-mm data pack wrote: {error}') from error
        # Reading a missing page would kill the process without a message.
        size = (opened.info()['last_pgno'] + 1) * opened.stat()['psize']
        if status.st_size < size:
            opened.close()
            raise OSError(f'{pack} is cut off: {status.st_size:,} of {size:,} bytes. Copy it again')
        _by_inode[inode] = opened
    return _by_inode[inode]


def _close_all() -> None:
    """Close everything in a forked process, which must not use environments of its parent."""
    global _opening
    _opening = threading.Lock()
    for environment in _by_inode.values():
        environment.close()
    _by_inode.clear()
    _by_name.clear()


os.register_at_fork(after_in_child=_close_all)
