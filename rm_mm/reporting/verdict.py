"""What a row says about the paper's: reproduced, within noise, off, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rm_mm.records import LOG, Record
from rm_mm.reporting.statistics import LEVEL, Comparison, compare, equivalence, holm

ABSENT = 'not run'
ONE_SEED = 'one seed: no claim'
NOT_PAIRED = 'fewer than two seeds in common: no claim'
IDENTICAL = 'the same figures under every seed: no claim'
UNPUBLISHED = 'no published figure'
NOTES = (
    'Gains are paired by seed. In brackets, the bootstrap interval of the mean gain, 95 %; p is of '
    f'a two-sided t-test, Holm-corrected over the cells of the table; the level is {LEVEL:.0%}.',
    "reproduced: a gain that chance alone does not give, in the paper's direction and not told "
    "apart from the paper's; of a baseline, its level is the paper's to less than the smallest "
    "published gain. off: told apart from the paper's. within noise: neither.",
)
#: What the paper and others say of their own spread, by the end of a column's name.
SPREADS = {
    'cifar10': "The paper's own spread on CIFAR-10: 97.60, 97.62 and 97.72 in three runs.",
    'ade20k': 'On ADE20K, runs of one recipe are reported to lie 1 to 2 mIoU apart.',
}


@dataclass(frozen=True)
class Cell:
    """The runs of one row in one column, and those of the row it is compared with.

    Attributes:
        records: Of the row; several seeds.
        baseline: Of the baseline of the same setting; empty for the baseline itself.
    """

    records: Sequence[Record]
    baseline: Sequence[Record]

    @property
    def gains(self) -> list[float]:
        """Best over the baseline's best, for each seed that both have, of like data and length."""
        return [r.best - base.best for r, base in self.pairs if difference(r, base) is None]

    @property
    def pairs(self) -> list[tuple[Record, Record]]:
        """Runs and the baseline's of the same seed."""
        base = {record.seed: record for record in self.baseline}
        return [(r, base[r.seed]) for r in self.records if r.seed in base]

    @property
    def published(self) -> float | None:
        """The paper's figure; None if it prints none, or these are no runs of its whole recipe."""
        return _published(self.records)

    @property
    def published_gain(self) -> float | None:
        """The paper's figure over the paper's baseline."""
        figure, base = _published(self.records), _published(self.baseline)
        return None if figure is None or base is None else figure - base


def _published(records: Sequence[Record]) -> float | None:
    figures = {record.published for record in records}
    whole = all(record.schedule_scale == 1 for record in records)
    return figures.pop() if len(figures) == 1 and whole else None


def difference(record: Record, other: Record) -> str | None:
    """What sets two runs apart beside their methods, so that their difference is not these'."""
    data = (record.data_fingerprint, other.data_fingerprint)
    if None not in data and data[0] != data[1]:
        return 'other data'
    lengths = [(each.schedule_scale, *_end_of_log(each)) for each in (record, other)]
    return None if lengths[0] == lengths[1] else 'a schedule of another length'


def _end_of_log(record: Record) -> tuple[str, int] | tuple[()]:
    """Where a log ends that is of no recipe, or not at its end: its length is not known otherwise.

    A record says it by its schedule, whatever the steps of its evaluations.
    """
    return (record.step_unit, record.last_step) if record.settings == [LOG] else ()


@dataclass(frozen=True)
class Verdict:
    """What is said of one cell.

    Attributes:
        text: The verdict.
        gain: The gain over the seeds, with its interval; None where there is none to test.
    """

    text: str
    gain: Comparison | None = None


def judge(cells: Sequence[Cell]) -> list[Verdict]:
    """A verdict for each cell of a table; the correction is over all of them."""
    against_zero = [compare(cell.gains) for cell in cells]
    against_paper = [_against_paper(cell) for cell in cells]
    zeros, papers = _corrected(against_zero), _corrected(against_paper)
    return [
        Verdict(
            _of_gain(cell, gain, zeros[i], papers[i])
            if cell.baseline
            else _of_level(cell, against_paper[i], papers[i], cells),
            gain,
        )
        for i, (cell, gain) in enumerate(zip(cells, against_zero, strict=True))
    ]


def _against_paper(cell: Cell) -> Comparison | None:
    """The gain against the paper's; of a baseline, its level against the paper's."""
    if cell.baseline:
        return None if (gain := cell.published_gain) is None else compare(cell.gains, gain)
    if (figure := cell.published) is None:
        return None
    return compare([record.best for record in cell.records], figure)


def _corrected(comparisons: Sequence[Comparison | None]) -> list[float | None]:
    found = [(i, made.p_value) for i, made in enumerate(comparisons) if made is not None]
    corrected: list[float | None] = [None] * len(comparisons)
    for (index, _), p_value in zip(found, holm([p for _, p in found]), strict=True):
        corrected[index] = p_value
    return corrected


def _of_gain(cell: Cell, gain: Comparison | None, zero: float | None, paper: float | None) -> str:
    """The verdict of a row that has a baseline."""
    if not cell.records:
        return ABSENT
    published = cell.published_gain
    if gain is None or zero is None:
        if published is None:
            return UNPUBLISHED
        return ONE_SEED if len(cell.records) < 2 else NOT_PAIRED
    real = zero < LEVEL
    noise = IDENTICAL if gain.identical else f'within noise (p {zero:.2g})'
    if published is None or paper is None:
        direction = 'better' if gain.mean > 0 else 'worse'
        said = f'{direction} than the baseline (p {zero:.2g})' if real else noise
        return f'{UNPUBLISHED}; {said}'
    if paper < LEVEL:
        return f'off (p {paper:.2g})'
    if not real:
        return noise
    reproduced = gain.mean * published > 0
    return f'reproduced (p {zero:.2g})' if reproduced else f'within noise (p {paper:.2g})'


def _of_level(
    cell: Cell, level: Comparison | None, paper: float | None, cells: Sequence[Cell]
) -> str:
    """The verdict of a baseline, or of a row without one: by its level."""
    if not cell.records:
        return ABSENT
    figure = cell.published
    if figure is None:
        return UNPUBLISHED
    if level is None or paper is None:
        return ONE_SEED
    if level.identical:
        return IDENTICAL
    if paper < LEVEL:
        return f'off (p {paper:.2g})'
    gains = [abs(c.published_gain or 0.0) for c in cells if list(c.baseline) == list(cell.records)]
    margin = min((gain for gain in gains if gain), default=0.0)
    best = [record.best for record in cell.records]
    same = equivalence(best, figure, margin) if margin else 1.0
    return f'reproduced (p {same:.2g})' if same < LEVEL else f'within noise (p {paper:.2g})'
