"""What is known of a data set while it is checked, and what is said of it in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rm_mm.data.catalog import PUBLISHED
from rm_mm.data.check.fingerprint import Fingerprint
from rm_mm.data.check.listing import Contents
from rm_mm.data.check.problems import Problems
from rm_mm.data.check.subset import Subset, read_stamp
from rm_mm.errors import printable


@dataclass(frozen=True)
class CheckResult:
    """The answer of a check.

    Args:
        name: Of the data set.
        root: Where it is.
        kind: In which of its layouts it is, in words; None if in none.
        counts: Images found, by split.
        classes: How many there are; None if the data do not say.
        problems: The first of them, as sentences: some of each cause.
        total: How many problems there are.
        causes: How many there are of each cause.
        notes: What is worth knowing, and no problem.
        subset: Whether it is a small version, by its stamp.
        fingerprint: What to record; None if there are problems.
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


@dataclass
class Inspection:
    """A check under way.

    Args:
        name: Of the data set.
        root: Where it is; the folder that paths are shown relative to.
        deep: Whether every image is decoded.
        jobs: Processes.
        progress: Is told how far it got.
    """

    name: str
    root: Path
    deep: bool
    jobs: int
    progress: Callable[[str], None]
    kind: str | None = None
    classes: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)
    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    subset: Subset | None = None

    def read_subset(self) -> None:
        """Look for the stamp of a small version in the root."""
        self.subset = read_stamp(self.root, self.name, self.problems)

    def add(self, cause: str, path: str, text: str) -> None:
        """Add a problem of a file or folder, named by its path below the root."""
        self.problems.add(cause, f'{printable(path)} {text}')

    def add_faults(self, folder: str, contents: Contents, names: Iterable[str] = ()) -> None:
        """Add what is wrong with entries of a folder.

        Args:
            folder: Its path below the root.
            contents: What was listed in it.
            names: Only of these entries, and of the folder itself; none: of all.
        """
        wanted = {*names, ''}
        for fault in contents.faults:
            if len(wanted) == 1 or fault.name in wanted:
                self.add(fault.cause, f'{folder}/{fault.name}'.rstrip('/'), fault.text)

    def note_hidden(self, folder: str, hidden: list[str]) -> None:
        """Say that macOS left files there which some loaders take for images."""
        if hidden:
            self.notes.append(
                f'{folder}: {len(hidden):,} hidden files such as {printable(hidden[0])} are left '
                f'out, though torchvision would read them: find {folder} -name "._*" -delete'
            )

    def add_count(self, split: str, found: int) -> None:
        """Set how many images a split holds, and compare it with what is expected."""
        self.counts[split] = found
        expected: Mapping[str, int] = {}
        if self.subset is not None:
            expected, source = self.subset.counts, 'its stamp says'
        elif self.name in PUBLISHED:
            expected, source = PUBLISHED[self.name].counts, 'published are'
        if split in expected and found != expected[split]:
            difference = found - expected[split]
            self.add(
                'counts',
                split,
                f'holds {found:,} images: {source} {expected[split]:,}, '
                f'{abs(difference):,} {"too many" if difference > 0 else "missing"}',
            )

    def class_range(self, split: str) -> tuple[int, int] | None:
        """The fewest and the most images that a class may have; None if there is no saying."""
        if self.subset is None:
            published = PUBLISHED.get(self.name)
            return published.class_counts.get(split) if published else None
        each = self.subset.images_a_class
        if each is None or split not in self.subset.counts or not self.classes:
            return None
        # A class may hold fewer than were asked for; where none does, all hold as many.
        full = self.subset.counts[split] == each * self.classes
        return (each if full else 1, each)

    def result(self) -> CheckResult:
        """What the check found."""
        total = self.problems.total
        return CheckResult(
            name=self.name,
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
