"""List folders of any size, and find faulty files without opening them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

#: Files and folders that operating systems create, besides hidden ones.
_SYSTEM_NAMES = frozenset({'Thumbs.db', 'desktop.ini', 'Desktop.ini', '__MACOSX', 'lost+found'})
# Listing waits for the disk or the network, not for a core.
_THREADS = 16


class Fault(NamedTuple):
    """A fault of an entry of a folder, or of the folder itself, whose name is empty."""

    cause: str
    name: str
    text: str


@dataclass
class Contents:
    """Contents of a folder or of a tree of folders.

    Attributes:
        folders: Names, sorted.
        files: Size in bytes by name (in a tree, by path below the folder), sorted. Links count as
            their targets. Faulty files are included.
        faults: Faults of the entries.
        hidden: Files of macOS whose names are those of other files after ``._``.
    """

    folders: list[str] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    def sound(self) -> list[str]:
        """Names of the files without a fault."""
        bad = {fault.name for fault in self.faults}
        return [name for name in self.files if name not in bad]


def list_folder(path: Path) -> Contents:
    """List one folder, without hidden entries and those of operating systems."""
    found = Contents()
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                _add_entry(entry, found)
    except OSError as error:
        found.faults.append(Fault('unreadable folders', '', f'cannot be listed: {error.strerror}'))
    found.folders.sort()
    found.files = dict(sorted(found.files.items()))
    found.faults.sort()
    found.hidden.sort()
    return found


def list_folders(paths: Sequence[Path]) -> Iterator[Contents]:
    """List many folders concurrently, in the given order."""
    with ThreadPoolExecutor(_THREADS) as pool:
        yield from pool.map(list_folder, paths)


def list_tree(path: Path, above: frozenset[str] = frozenset()) -> Contents:
    """List a folder and all folders below it; names are paths with forward slashes.

    ``above`` holds the real paths of the folders around it, to detect circular links.
    """
    here = os.path.realpath(path)
    if here in above:
        text = 'is a link to a folder that contains it'
        return Contents(faults=[Fault('links in a circle', '', text)])
    found = list_folder(path)
    for folder in found.folders:
        inner = list_tree(path / folder, above | {here})
        found.files |= {f'{folder}/{name}': size for name, size in inner.files.items()}
        found.hidden += [f'{folder}/{name}' for name in inner.hidden]
        found.faults += [
            fault._replace(name=f'{folder}/{fault.name}'.rstrip('/')) for fault in inner.faults
        ]
    return found


def _add_entry(entry: os.DirEntry[str], found: Contents) -> None:
    name = entry.name
    if name[0] == '.' or name in _SYSTEM_NAMES:
        if name.startswith('._') and '.' in name[2:]:
            found.hidden.append(name)
        return
    cause, text, size = 'unreadable files', '', 0
    try:
        status = entry.stat()
    except FileNotFoundError:
        text = 'is a broken link'
    except OSError as error:
        text = f'cannot be read: {error.strerror}'
    else:
        if stat.S_ISDIR(status.st_mode):
            found.folders.append(name)
            return
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            text = 'is not a regular file'
        elif not size:
            cause, text = 'empty files', 'is empty (0 bytes)'
        # The mode saves a call of access(), which is slow on network file systems.
        elif status.st_mode & 0o444 != 0o444 and not os.access(entry.path, os.R_OK):
            text = 'cannot be read: permission denied'
    found.files[name] = size
    if text:
        found.faults.append(Fault(cause, name, text))
