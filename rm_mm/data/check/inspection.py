"""A check in progress: its request, the problems found so far, and its result."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rm_mm.data.catalog import PUBLISHED, SUBSET_STAMP, require_known
from rm_mm.data.listing import Contents
from rm_mm.errors import InputError, checked_fields, printable

if TYPE_CHECKING:
    from rm_mm.data.root_files import SubsetStamp

#: Most problems in a result: as many as fit on a screen.
SHOWN = 20
# Increased whenever a fingerprint covers something else.
_FINGERPRINT_FORMAT = b'rm_mm data 1\n'


@checked_fields
@dataclass(frozen=True)
class CheckRequest:
    """A data set to check.

    Attributes:
        name: One of :data:`rm_mm.names.DATASETS`.
        root: Folder of the data set; ``~`` is expanded.
        deep: Whether to decode every image, instead of reading headers where that is enough.
        jobs: Number of processes; by default one per available core.

    Raises:
        InputError: If an option is invalid, or the root cannot be listed.
    """

    name: str
    root: str | Path
    deep: bool = False
    jobs: int | None = None

    def __post_init__(self) -> None:
        require_known(self.name)
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f'jobs is {self.jobs}: expected at least 1')
        root = Path(self.root).expanduser()
        try:
            next(root.iterdir(), None)
        except OSError as error:
            raise InputError(
                f'{printable(root)} cannot be checked: expected the folder of the data set, got '
                f'{error.strerror}'
            ) from error
        object.__setattr__(self, 'root', root)


@dataclass(frozen=True)
class CheckResult:
    """Result of a check.

    Attributes:
        name: Name of the data set.
        root: Folder that was checked.
        kind: Layout that was found, in words; None if there was none.
        counts: Number of images by split.
        classes: Number of classes; None if the data do not define it.
        problems: At most ``SHOWN`` problems as sentences, some of each cause.
        total: Number of all problems.
        causes: Number of problems by cause.
        notes: Remarks that are not problems.
        subset: Whether the data set has a subset stamp.
        fingerprint: See :class:`Fingerprint`; None if there are problems.
    """

    name: str
    root: Path
    kind: str | None
    counts: dict[str, int]
    classes: int | None
    problems: list[str]
    total: int
    causes: dict[str, int]
    notes: list[str]
    subset: bool
    fingerprint: str | None


class Problems:
    """Counts problems by cause, and keeps the first of each, so that none hides the others."""

    def __init__(self) -> None:
        self.by_cause: dict[str, int] = {}
        self._kept: dict[str, list[str]] = {}

    def add(self, cause: str, sentence: str) -> None:
        """Add a problem, as a printable sentence, under a cause such as ``empty files``."""
        self.by_cause[cause] = self.by_cause.get(cause, 0) + 1
        kept = self._kept.setdefault(cause, [])
        if len(kept) < SHOWN:
            kept.append(sentence)

    @property
    def total(self) -> int:
        """Number of all problems."""
        return sum(self.by_cause.values())

    def first(self) -> list[str]:
        """At most ``SHOWN`` sentences, taken from the causes in turn and grouped by cause."""
        ranked = [
            (rank, position, sentence)
            for position, kept in enumerate(self._kept.values())
            for rank, sentence in enumerate(kept)
        ]
        chosen = sorted(ranked)[:SHOWN]
        return [sentence for _, _, sentence in sorted(chosen, key=lambda c: (c[1], c[0]))]


class Fingerprint:
    """SHA-256 of a data set, independent of its location and of the order of listing.

    It covers the path below the root and the size of every image, and the contents of annotation
    files, masks and CIFAR batches. It does not cover the pixels of images: replacing a file by
    another one of the same name and size does not change it.
    """

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def add_images(self, folder: str, sizes: Mapping[str, int]) -> None:
        """Add images by their sizes in bytes; ``folder`` is a path below the root."""
        for name, size in sizes.items():
            self._lines.append(b'%b\0size %d\n' % (os.fsencode(f'{folder}/{name}'), size))

    def add_content(self, path: str, sha256: str) -> None:
        """Add a file by the hexadecimal SHA-256 of its content."""
        self._lines.append(b'%b\0sha256 %b\n' % (os.fsencode(path), sha256.encode('ascii')))

    def hexdigest(self) -> str:
        """The fingerprint, 64 hexadecimal digits."""
        return hashlib.sha256(_FINGERPRINT_FORMAT + b''.join(sorted(self._lines))).hexdigest()


@dataclass
class Inspection:
    """A check in progress. All paths are relative to ``root``.

    Its other attributes are the parts of the :class:`CheckResult`. ``progress`` takes a line.
    """

    request: CheckRequest
    progress: Callable[[str], None]
    kind: str | None = None
    classes: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)
    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    subset: SubsetStamp | None = None

    def __post_init__(self) -> None:
        self.root = Path(self.request.root)

    def read_subset(self) -> None:
        """Read the stamp in the root; an invalid one is a problem."""
        if not os.path.lexists(self.root / SUBSET_STAMP):
            return
        from rm_mm.data.root_files import SubsetStamp

        name = self.request.name
        try:
            stamp = SubsetStamp.read(self.root)
            if stamp is None or stamp.name == name:
                self.subset = stamp
            # As custom data, a subset of a published data set has splits of other names.
            elif name != 'custom':
                raise ValueError(f'belongs to {printable(stamp.name)}, not to {name}')
        except ValueError as error:
            self.add('subset stamps', SUBSET_STAMP, printable(error))

    def add(self, cause: str, path: str, text: str) -> None:
        """Add a problem of a file or folder, given by its path below the root."""
        self.problems.add(cause, f'{printable(path)} {text}')

    def add_faults(self, folder: str, contents: Contents) -> None:
        """Add the faults of a folder's entries."""
        for fault in contents.faults:
            self.add(fault.cause, f'{folder}/{fault.name}'.rstrip('/'), fault.text)

    def note_hidden(self, folder: str, hidden: list[str]) -> None:
        """Add a note about files of macOS that some loaders take for images."""
        if hidden:
            folder = printable(folder)
            self.notes.append(
                f'{folder}: {len(hidden):,} hidden files such as {printable(hidden[0])} are '
                f'skipped, but torchvision would read them: find {folder} -name "._*" -delete'
            )

    def has_folder(self, folder: str, layout: str) -> bool:
        """Whether a folder exists; if not, add a problem with the expected layout, printable."""
        path = self.root / folder
        if os.path.isdir(path):
            return True
        state = 'is not a folder' if os.path.lexists(path) else 'is missing'
        self.add('missing folders', folder, f'{state}: expected {layout}')
        return False

    def add_count(self, split: str, found: int) -> None:
        """Set the number of images of a split, and compare it with the expected one."""
        self.counts[split] = found
        known = self.subset or PUBLISHED.get(self.request.name)
        expected = known.counts.get(split, found) if known else found
        if found != expected:
            source = 'subset stamp' if self.subset else 'published'
            text = f'holds {found:,} images, expected {expected:,} ({source}): '
            text += f'{abs(found - expected):,} {"too many" if found > expected else "missing"}'
            self.add('counts', split, text)

    def add_class_count(self, split: str, path: str, found: int, of_class: str = '') -> None:
        """Compare the number of images of one class with the expected one.

        ``path`` and ``of_class``, such as ``' of cat'``, name the class in the message.
        """
        low, high = self._class_limits(split) or (found, found)
        if not low <= found <= high:
            span = f'{low:,}' if low == high else f'{low:,} to {high:,}'
            text = f'holds {found:,} images{of_class}, expected {span}'
            self.add('counts of classes', path, text)

    def _class_limits(self, split: str) -> tuple[int, int] | None:
        """Smallest and largest number of images per class; None if unknown."""
        if self.subset is None:
            published = PUBLISHED.get(self.request.name)
            return published.class_counts.get(split) if published else None
        each = self.subset.images_a_class
        if each is None or split not in self.subset.counts or not self.classes:
            return None
        # A small class has fewer images, but then the split has fewer than its maximum.
        full = self.subset.counts[split] == each * self.classes
        return (each if full else 1, each)

    def result(self) -> CheckResult:
        """The result of the check."""
        total = self.problems.total
        return CheckResult(
            name=self.request.name,
            root=self.root,
            kind=self.kind,
            counts=self.counts,
            classes=self.classes,
            problems=self.problems.first(),
            total=total,
            causes=self.problems.by_cause,
            notes=self.notes,
            subset=self.subset is not None,
            fingerprint=None if total else self.fingerprint.hexdigest(),
        )
