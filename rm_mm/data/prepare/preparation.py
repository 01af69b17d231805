"""A preparation in progress: its request, its counts, and the steps that all data sets share."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rm_mm.data.catalog import ARCHIVES, IMAGE_SUFFIXES, Archive, require_known
from rm_mm.data.prepare.archives import Member, find_archive
from rm_mm.data.prepare.journal import Journal
from rm_mm.data.prepare.writing import write_file
from rm_mm.data.root_files import SubsetStamp
from rm_mm.errors import InputError, checked_fields, printable

_CHUNK_BYTES = 1 << 22


@checked_fields
@dataclass(frozen=True)
class PrepareRequest:
    """A data set to lay out.

    Attributes:
        name: One of :data:`rm_mm.names.DATASETS`.
        root: Folder to lay it out in; ``~`` is expanded.
        archives: Folder of the archives, or of the whole data set to take a subset from; by
            default the root.
        subset: Number of images per class; None for the whole data set.

    Raises:
        InputError: If an option is invalid, or the folder of the archives does not exist.
    """

    name: str
    root: str | Path
    archives: str | Path | None = None
    subset: int | None = None

    def __post_init__(self) -> None:
        root = Path(self.root).expanduser()
        source = root if self.archives is None else Path(self.archives).expanduser()
        object.__setattr__(self, 'root', root)
        object.__setattr__(self, 'archives', source)
        require_known(self.name)
        if self.subset is not None and self.subset < 1:
            raise InputError(f'the subset has {self.subset} images per class: expected at least 1')
        if not source.is_dir():
            raise InputError(
                f'no folder {printable(source)}: expected the archives of {self.name} there, or '
                'pass --archives DIR'
            )
        if root.exists() and not root.is_dir():
            raise InputError(f'{printable(root)} is not a folder: expected the root of the layout')
        if self.name == 'custom' and self.subset is None:
            raise InputError(
                'custom has no official archives: rm-mm data check custom ROOT checks it as it is, '
                'and --subset N --archives DIR makes a subset of class folders'
            )
        if self.name == 'custom' and source.resolve() == root.resolve():
            raise InputError('a subset needs another folder than its source: pass --archives DIR')


@dataclass(frozen=True)
class PrepareResult:
    """Result of a preparation: files written, and files that existed before, by split.

    The root is that of the layout, to be passed to a check. Notes name archives that are not the
    published files.
    """

    name: str
    root: Path
    written: dict[str, int]
    present: dict[str, int]
    notes: list[str]


@dataclass
class Preparation:
    """A preparation in progress; ``subset`` is 0 for the whole data set.

    The root is that of the layout. The source is the folder of the archives or, if ``elsewhere``,
    perhaps of the whole data set. Files are counted by split. A part is a folder below the root
    that is recorded in the journal when it is complete.
    """

    name: str
    root: Path
    source: Path
    elsewhere: bool
    subset: int
    journal: Journal
    progress: Callable[[str], None]
    show_note: Callable[[str], None]
    notes: list[str] = field(default_factory=list)
    written: Counter[str] = field(default_factory=Counter)
    present: Counter[str] = field(default_factory=Counter)

    def write(self, split: str, target: Path, member: Member) -> None:
        """Write a file of a split, unless it exists; see :func:`write_file`.

        Raises:
            InputError: If it is an empty image.
        """
        if member.size == 0 and target.suffix.lower() in IMAGE_SUFFIXES:
            raise InputError(
                f'{printable(member.source)} is damaged: {printable(target.name)} is empty. '
                'Download it again'
            )
        with member.open() as content:
            new = write_file(target, content, member.size, member.source)
        (self.written if new else self.present)[split] += 1
        done = self.written[split] + self.present[split]
        self.progress(f'{split}: {done:,} files')

    def write_bytes(self, split: str, target: Path, data: bytes, source: Path) -> None:
        """Write a file that was made from a source, unless it exists."""
        self.write(split, target, Member(target.name, len(data), source, partial(io.BytesIO, data)))

    def has_finished(self, part: str) -> bool:
        """Whether an earlier call has finished a part; if so, its files are counted."""
        finished = self.journal.finished(part, self.root / part)
        if finished:
            self.present[part.partition('/')[0]] += self.journal.parts[part].files
        return finished

    def finish(self, part: str) -> None:
        """Record that a part is complete."""
        self.journal.finish(part, self.root / part)

    def stamp(self, counts: Mapping[str, int]) -> None:
        """Mark the root as a subset with these numbers of images."""
        stamp = SubsetStamp(name=self.name, images_a_class=self.subset, counts=dict(counts))
        stamp.write(self.root)

    def needed_archives(self, is_present: Callable[[Path], bool]) -> list[Archive]:
        """Archives to lay out. A folder that is present needs none, unless it is unfinished.

        Raises:
            InputError: If there is nothing to do.
        """
        main: dict[str, Archive] = {}
        needed = []
        begun = self.journal.unfinished()
        for archive in ARCHIVES[self.name]:
            (folder,) = archive.folders
            first = main.setdefault(folder, archive)
            found = find_archive(first, self.source)
            if found or first.name in begun or not is_present(self.root / folder):
                needed.append(archive)
        if not needed:
            raise InputError(
                f'nothing to do: {printable(self.root)} has {", ".join(main)}, and there are no '
                f'archives in {printable(self.source)}. rm-mm data check {self.name} ROOT shows '
                'whether the data set is complete'
            )
        return needed

    def verify(self, found: Mapping[str, Path]) -> None:
        """Compare archives, given by name, with the published files, and note differences.

        They are not errors, since some people repack archives. Unpacking finds damage.
        """
        expected = {archive.name: archive.md5 for archive in ARCHIVES[self.name]}
        for name, path in found.items():
            md5 = self.journal.md5(path, self._md5)
            if md5 != expected[name]:
                text = f'is not the published file: MD5 {md5}, expected {expected[name]}'
                self.notes.append(f'{printable(path)} {text}. It is laid out as it is')
                self.show_note(self.notes[-1])

    def _md5(self, path: Path) -> str:
        digest = hashlib.md5(usedforsecurity=False)
        size, read = path.stat().st_size, 0
        with path.open('rb') as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                read += len(chunk)
                self.progress(f'{path.name}: {read / size:.0%} of its checksum')
        return digest.hexdigest()
