"""The verdict of a table cell: does it agree with the paper, does it differ from the baseline?"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rm_mm.records import LOG, Record
from rm_mm.reporting.statistics import LEVEL, PairedTest, equivalence, holm, paired_test

ONE_SEED = 'one seed: no claim'
IDENTICAL = 'identical figures under every seed: no claim'
UNPUBLISHED = 'no published figure'
NOTES = (
    'Gains are paired by seed. Brackets hold the 95 % bootstrap interval of the mean gain. p is '
    'from a two-sided t-test, Holm-corrected over the cells of the table; the level is '
    f'{LEVEL:.0%}.',
    "reproduced: the gain is significant, in the paper's direction, and not significantly "
    "different from the paper's; for a baseline, its level equals the paper's to within the "
    "smallest published gain. off: significantly different from the paper's. not significant: "
    'neither.',
)
#: Published spread between runs, by the end of a column's name.
SPREADS = {
    'cifar10': "The paper's own spread on CIFAR-10: 97.60, 97.62 and 97.72 in three runs.",
    'ade20k': 'On ADE20K, runs of one recipe are reported to lie 1 to 2 mIoU apart.',
}

Kind = Literal[
    'reproduced', 'better', 'worse', 'insignificant', 'off', 'silent', 'unpublished', 'absent'
]


@dataclass(frozen=True)
class TableCell:
    """Runs of one row in one column, and those of the baseline in the same setting, if another."""

    records: Sequence[Record]
    baseline: Sequence[Record]

    @property
    def compared(self) -> list[Record]:
        """All runs behind a gain or a verdict."""
        return [*self.records, *self.baseline]

    @property
    def gains(self) -> list[float]:
        """Best minus the baseline's best for each shared seed, if data and schedule agree."""
        return [r.best - base.best for r, base in self.pairs if difference(r, base) is None]

    @property
    def mean_gain(self) -> float:
        """Mean of the gains, of which there must be one or more."""
        return statistics.fmean(self.gains)

    @property
    def pairs(self) -> list[tuple[Record, Record]]:
        """Runs with the baseline run of the same seed."""
        base = {record.seed: record for record in self.baseline}
        return [(r, base[r.seed]) for r in self.records if r.seed in base]

    @property
    def published(self) -> float | None:
        """The paper's figure; None if it has none, or if the runs were shortened."""
        return _published(self.records)

    @property
    def published_gain(self) -> float | None:
        """The paper's figure minus that of its baseline."""
        figure, base = _published(self.records), _published(self.baseline)
        return None if figure is None or base is None else figure - base


def _published(records: Sequence[Record]) -> float | None:
    figures = {record.published for record in records}
    whole = all(record.schedule_scale == 1 for record in records)
    return figures.pop() if len(figures) == 1 and whole else None


def difference(record: Record, other: Record) -> str | None:
    """Why two runs cannot be compared: they differ in more than the method. None if they can."""
    data = (record.data_fingerprint, other.data_fingerprint)
    if None not in data and data[0] != data[1]:
        return 'other data'
    lengths = [(each.schedule_scale, *_end_of_log(each)) for each in (record, other)]
    return None if lengths[0] == lengths[1] else 'a schedule of another length'


def _end_of_log(record: Record) -> tuple[str, int] | tuple[()]:
    """Last step of a log that matches no recipe: the only hint at the length of its schedule."""
    return (record.step_unit, record.last_step) if record.settings == [LOG] else ()


@dataclass(frozen=True)
class Verdict:
    """Verdict of one cell.

    Attributes:
        text: In words; empty if nothing was judged.
        kind: Category, which the page counts and colours.
        gain: Gain over the baseline, with its interval; None if there is none to test.
    """

    text: str = ''
    kind: Kind = 'absent'
    gain: PairedTest | None = None


def judge_cells(cells: Sequence[TableCell]) -> list[Verdict]:
    """A verdict for each cell of a table; p-values are corrected over all of them."""
    gains = [paired_test(cell.gains) for cell in cells]
    against_paper = [_against_paper(cell) for cell in cells]
    zeros, papers = _corrected(gains), _corrected(against_paper)
    found = []
    for i, (cell, gain) in enumerate(zip(cells, gains, strict=True)):
        kind: Kind
        if not cell.records:
            kind, text = 'absent', 'not run'
        elif cell.baseline:
            kind, text = _judge_gain(cell, gain, zeros[i], papers[i])
        else:
            kind, text = _judge_level(cell, against_paper[i], papers[i], cells)
        found.append(Verdict(text, kind, gain))
    return found


def _against_paper(cell: TableCell) -> PairedTest | None:
    """The gain tested against the paper's; for a baseline, its level."""
    if cell.baseline:
        return None if (gain := cell.published_gain) is None else paired_test(cell.gains, gain)
    if (figure := cell.published) is None:
        return None
    return paired_test([record.best for record in cell.records], figure)


def _corrected(tests: Sequence[PairedTest | None]) -> list[float | None]:
    corrected = iter(holm([test.p_value for test in tests if test is not None]))
    return [None if test is None else next(corrected) for test in tests]


def _insignificant(p_value: float) -> tuple[Kind, str]:
    return 'insignificant', f'not significant (p {p_value:.2g}, Holm)'


def _judge_gain(
    cell: TableCell, gain: PairedTest | None, zero: float | None, paper: float | None
) -> tuple[Kind, str]:
    """Verdict of a row that has a baseline; ``zero`` and ``paper`` are corrected p-values."""
    published = cell.published_gain
    if gain is None or zero is None:
        if published is None:
            return 'unpublished', UNPUBLISHED
        unpaired = 'fewer than two seeds in common: no claim'
        return 'silent', ONE_SEED if len(cell.records) < 2 else unpaired
    significant = zero < LEVEL
    neither: tuple[Kind, str] = ('silent', IDENTICAL) if gain.identical else _insignificant(zero)
    if published is None or paper is None:
        kind, text = neither
        if significant:
            kind = 'better' if gain.mean > 0 else 'worse'
            text = f'significantly {kind} than the baseline (p {zero:.2g}, Holm)'
        return kind, f'{UNPUBLISHED}; {text}'
    if paper < LEVEL:
        return 'off', f'off (p {paper:.2g})'
    if not significant:
        return neither
    if gain.mean * published > 0:
        return 'reproduced', f'reproduced (p {zero:.2g})'
    return _insignificant(paper)


def _judge_level(
    cell: TableCell, level: PairedTest | None, paper: float | None, cells: Sequence[TableCell]
) -> tuple[Kind, str]:
    """Verdict of a baseline, or of a row without one, by its level."""
    if (figure := cell.published) is None:
        return 'unpublished', UNPUBLISHED
    if level is None or paper is None:
        return 'silent', ONE_SEED
    if level.identical:
        return 'silent', IDENTICAL
    if paper < LEVEL:
        return 'off', f'off (p {paper:.2g})'
    gains = [abs(c.published_gain or 0.0) for c in cells if list(c.baseline) == list(cell.records)]
    margin = min((gain for gain in gains if gain), default=0.0)
    best = [record.best for record in cell.records]
    same = equivalence(best, figure, margin) if margin else 1.0
    return ('reproduced', f'reproduced (p {same:.2g})') if same < LEVEL else _insignificant(paper)
