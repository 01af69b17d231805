"""One call of ``prepare``: what its steps share."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from rm_mm.data.check.class_folders import IMAGE_SUFFIXES
from rm_mm.data.prepare.archives import ARCHIVES, Archive
from rm_mm.data.prepare.journal import Journal
from rm_mm.data.prepare.writing import write_file
from rm_mm.errors import InputError, printable

_CHUNK_BYTES = 1 << 22


@dataclass
class Task:
    """A data set on its way to its layout.

    Attributes:
        name: Of the data set.
        root: Where the layout goes.
        source: Where the archives are, or, of a small version, the whole data set.
        journal: What is done.
        progress: Called often with a line that says how far it is.
        written: Files, by split.
        present: Files that were there already, by split.
    """

    name: str
    root: Path
    source: Path
    journal: Journal
    progress: Callable[[str], None]
    written: Counter[str] = field(default_factory=Counter)
    present: Counter[str] = field(default_factory=Counter)

    @property
    def elsewhere(self) -> bool:
        """Whether the source is another folder than the root, which may hold a whole data set."""
        return self.source.resolve() != self.root.resolve()

    def write(self, split: str, target: Path, content: BinaryIO, size: int, source: Path) -> None:
        """Write a file of a split, unless it is there; see :func:`write_file`.

        Raises:
            InputError: If it is an image without a byte.
        """
        if size == 0 and target.suffix.lower() in IMAGE_SUFFIXES:
            raise InputError(
                f'{printable(source)} holds {printable(target.name)} without content: it is '
                'damaged; get it again'
            )
        new = write_file(target, content, size, source)
        (self.written if new else self.present)[split] += 1
        done = self.written[split] + self.present[split]
        self.progress(f'{split}: {done:,} files')

    def skip(self, split: str, part: str) -> None:
        """Count what an earlier call laid out."""
        self.present[split] += self.journal.parts[part]['files']

    def verify(self, found: dict[str, Path]) -> None:
        """Read each archive to its end, and say of those that are not as published that they are.

        People have packed some anew, so that is no error; damage is found when they are unpacked.
        """
        for archive in ARCHIVES[self.name]:
            if archive.name in found:
                self._verify(archive, found[archive.name])

    def _verify(self, archive: Archive, path: Path) -> None:
        md5 = self.journal.known_md5(path)
        if md5 is None:
            digest = hashlib.md5(usedforsecurity=False)
            size = path.stat().st_size
            read = 0
            with path.open('rb') as file:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    read += len(chunk)
                    self.progress(f'{archive.name}: {read / size:.0%} of its checksum')
            md5 = digest.hexdigest()
            self.journal.remember_md5(path, md5)
        if md5 != archive.md5:
            print(
                f'note: {printable(path)} is not the published file: MD5 {md5}, expected '
                f'{archive.md5}; what it holds is laid out as it is',
                file=sys.stderr,
            )
