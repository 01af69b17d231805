"""List folders of any size, and find what is wrong with a file without opening it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

#: What systems leave in folders, beside names that begin with a dot.
_OF_SYSTEMS = frozenset({'Thumbs.db', 'desktop.ini', 'Desktop.ini', '__MACOSX', 'lost+found'})
# Listing waits for the disk or the network, not for the core.
_THREADS = 16


class Fault(NamedTuple):
    """Something wrong with one entry of a folder.

    Args:
        cause: As :meth:`rm_mm.data.check.problems.Problems.add` takes it.
        name: Of the entry; empty if it is the folder itself.
        text: To come after the name.
    """

    cause: str
    name: str
    text: str


@dataclass
class Contents:
    """What a folder holds.

    Args:
        folders: Names, sorted.
        files: Size in bytes by name (or by path below the folder, of a tree), sorted; links count
            as what they lead to. What has a fault is among them.
        faults: What is wrong with the entries.
        hidden: Names that begin with ``._``, and would be images without: macOS leaves them.
    """

    folders: list[str] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    def sound(self) -> dict[str, int]:
        """The files without a fault."""
        bad = {fault.name for fault in self.faults}
        return {name: size for name, size in self.files.items() if name not in bad}


def list_folder(path: str) -> Contents:
    """List one folder; hidden entries and those of systems are left out."""
    found = Contents()
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                _take(entry, found)
    except OSError as error:
        found.faults.append(Fault('unreadable folders', '', f'cannot be listed: {error.strerror}'))
    found.folders.sort()
    found.files = dict(sorted(found.files.items()))
    found.faults.sort()
    return found


def list_folders(paths: Sequence[str]) -> Iterator[Contents]:
    """List many folders at a time, in the order given."""
    with ThreadPoolExecutor(_THREADS) as pool:
        yield from pool.map(list_folder, paths)


def list_tree(path: str, above: frozenset[str] = frozenset()) -> Contents:
    """List a folder and those in it; names are paths below it, with forward slashes.

    Args:
        path: The folder.
        above: The folders that it is in, without links: a link to one of them would lead in a
            circle.
    """
    here = os.path.realpath(path)
    if here in above:
        return Contents(faults=[Fault('links in a circle', '', 'is a link to a folder above it')])
    found = list_folder(path)
    for folder in found.folders:
        inner = list_tree(os.path.join(path, folder), above | {here})
        found.files |= {f'{folder}/{name}': size for name, size in inner.files.items()}
        found.hidden += [f'{folder}/{name}' for name in inner.hidden]
        found.faults += [
            fault._replace(name=f'{folder}/{fault.name}'.rstrip('/')) for fault in inner.faults
        ]
    return found


def _take(entry: os.DirEntry[str], found: Contents) -> None:
    name = entry.name
    if name[0] == '.' or name in _OF_SYSTEMS:
        if name.startswith('._') and '.' in name[2:]:
            found.hidden.append(name)
        return
    try:
        status = entry.stat()
    except OSError as error:
        found.files[name] = 0
        text = f'cannot be read: {error.strerror}'
        if isinstance(error, FileNotFoundError):
            text = 'is a link to something that is not there'
        found.faults.append(Fault('unreadable files', name, text))
        return
    if stat.S_ISDIR(status.st_mode):
        found.folders.append(name)
        return
    found.files[name] = status.st_size
    if not stat.S_ISREG(status.st_mode):
        found.faults.append(Fault('unreadable files', name, 'is no regular file'))
    elif not status.st_size:
        found.faults.append(Fault('empty files', name, 'is empty (0 bytes)'))
    # Readable to all needs no further call, which on a network takes its time.
    elif status.st_mode & 0o444 != 0o444 and not os.access(entry.path, os.R_OK):
        found.faults.append(Fault('unreadable files', name, 'cannot be read: permission denied'))
