"""Journal of a preparation: the finished parts, so that the next call can resume.

It is the file ``.rm_mm_prepare.json`` in the root, replaced atomically after every part.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, Field, PrivateAttr

from rm_mm.data.root_files import RootFile
from rm_mm.errors import InputError, printable


class _ReadArchive(BaseModel):
    """An archive that was read to its end; ``done`` when all of it is laid out."""

    size: int
    mtime_ns: int
    md5: str
    done: bool = False


class _Part(BaseModel):
    """A finished folder: number and total size of its files, and a hash of their paths."""

    files: int
    bytes: int
    names: str = ''


class Journal(RootFile):
    """Journal of one root: of a subset of so many images per class, or of the whole data set.

    Archives are those that were read to their end. Parts are the folders that are complete.
    """

    file_name: ClassVar[str] = '.rm_mm_prepare.json'
    name: str
    subset: int | None
    archives: dict[str, _ReadArchive] = Field(default_factory=dict)
    parts: dict[str, _Part] = Field(default_factory=dict)
    _root: Path = PrivateAttr()

    def save(self) -> None:
        """Write the journal into its root."""
        self.write(self._root)

    def md5(self, archive: Path, compute: Callable[[Path], str]) -> str:
        """MD5 of an archive, computed only if its size or time has changed since the last call.

        If the MD5 has changed too, all parts have to be laid out again.
        """
        entry, status = self.archives.get(archive.name), archive.stat()
        if entry and (entry.size, entry.mtime_ns) == (status.st_size, status.st_mtime_ns):
            return entry.md5
        md5 = compute(archive)
        if entry and entry.md5 != md5:
            self.parts.clear()
        new = _ReadArchive(size=status.st_size, mtime_ns=status.st_mtime_ns, md5=md5)
        self.archives[archive.name] = new
        self.save()
        return md5

    def complete(self, name: str) -> None:
        """Record that an archive is laid out completely."""
        if name in self.archives:
            self.archives[name].done = True
            self.save()

    def unfinished(self) -> list[str]:
        """Names of archives that an interrupted call has started to lay out."""
        return [name for name, archive in self.archives.items() if not archive.done]

    def finish(self, part: str, folder: Path) -> None:
        """Record that a part is complete."""
        self.parts[part] = _measure(folder)
        self.save()

    def finished(self, part: str, folder: Path) -> bool:
        """Whether a part is complete, and its folder is unchanged since."""
        return part in self.parts and self.parts[part] == _measure(folder)


def open_journal(root: Path, name: str, subset: int | None) -> Journal:
    """Read the journal of a root, or start a new one.

    Raises:
        InputError: If the journal cannot be read, or belongs to another data set or subset.
    """
    advice = 'remove it to start again; finished files are kept'
    journal = _read(root, advice) or Journal(name=name, subset=subset)
    journal._root = root
    if (journal.name, journal.subset) != (name, subset):
        raise InputError(
            f'{printable(root)} was prepared for {_describe(journal.name, journal.subset)}: '
            f'choose another ROOT for {_describe(name, subset)}'
        )
    return journal


def require_laid_out(source: Path) -> None:
    """Check that a data set was not left incomplete by an interrupted call.

    Raises:
        InputError: If it was, or its journal cannot be read.
    """
    journal = _read(source, 'prepare this folder again first')
    if journal is not None and (names := journal.unfinished()):
        raise InputError(
            f'{printable(source)} is incomplete ({", ".join(map(printable, names))}): finish its '
            'preparation first by repeating the interrupted call'
        )


def _read(root: Path, advice: str) -> Journal | None:
    try:
        return Journal.read(root)
    except ValueError as error:
        text = f'the journal of an earlier call, {printable(error)}: {advice}'
        raise InputError(f'{printable(root / Journal.file_name)}, {text}') from error


def _describe(name: str, subset: int | None) -> str:
    return f'all of {name}' if subset is None else f'{subset} images per class of {name}'


def _measure(folder: Path) -> _Part:
    # Hidden files of the operating system come and go.
    paths = [
        os.path.join(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if not name.startswith('.')
    ]
    total = sum(os.lstat(path).st_size for path in paths)
    listed = os.fsencode('\0'.join(sorted(os.path.relpath(path, folder) for path in paths)))
    return _Part(files=len(paths), bytes=total, names=hashlib.sha256(listed).hexdigest())
