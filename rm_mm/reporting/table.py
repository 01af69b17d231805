"""Rows are methods and settings, columns tasks: best and last, gain, and the paper's figure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rm_mm.records import LOG, Record
from rm_mm.reporting.results import ABSENT, Results, arrange, blocks
from rm_mm.reporting.verdict import NOTES as VERDICT_NOTES
from rm_mm.reporting.verdict import SPREADS, Cell, Verdict, difference

SETTING_NOTES = {
    'paper': (
        "paper: backbones as in the paper's tables; the COCO baseline starts from torchvision's."
    ),
    'controlled': 'controlled: all methods share one pretraining recipe.',
    'mini': 'mini: embedded images; all methods share one pretraining recipe.',
}
#: Method and setting; all others are figures.
TEXT_COLUMNS = 2


@dataclass(frozen=True)
class Table:
    """Finished text, cell by cell.

    Attributes:
        header: One heading a column.
        rows: As long as the header each.
        notes: What a reader has to know.
    """

    header: list[str]
    rows: list[list[str]]
    notes: list[str]


def build_table(records: Sequence[Record]) -> Table:
    """Arrange records; several seeds become mean and standard deviation, and a verdict.

    Args:
        records: Of all that the call names.
    """
    return to_table(arrange(records), records)


def to_table(results: Results, records: Sequence[Record]) -> Table:
    """The text of results.

    Args:
        results: Arranged and judged.
        records: That they are of.
    """
    published, judged = results.published, results.judged
    header = ['method', 'setting']
    for column in results.columns:
        header += [f'{column.heading} best', 'last', 'gain']
        header += [*['paper'] * published, *['verdict'] * judged]
    rows = []
    for line in results.rows:
        row = [line.method, line.setting]
        for column, cell, verdict in zip(results.columns, line.cells, line.verdicts, strict=True):
            row += _figures(cell, verdict, column.digits)
            row += [_paper(cell)] * published + [verdict.text] * judged
        rows.append(row)
    return Table(header, rows, _notes(results, records, judged))


def _figures(cell: Cell, verdict: Verdict, digits: int) -> list[str]:
    """Best, last and gain."""
    if not cell.records:
        return [ABSENT] * 3
    return [
        _mean([record.best for record in cell.records], digits),
        _mean([record.last for record in cell.records], digits),
        _gain(cell, verdict, digits),
    ]


def _gain(cell: Cell, verdict: Verdict, digits: int) -> str:
    """Mean difference of the best values over the seeds that both have, and its interval."""
    if not cell.gains:
        return ABSENT
    text = f'{statistics.fmean(cell.gains):+.{digits}f}'
    if (test := verdict.gain) is None:
        return text
    return f'{text} [{test.low:+.{digits}f}, {test.high:+.{digits}f}]'


def _paper(cell: Cell) -> str:
    return ABSENT if cell.published is None else f'{cell.published:g}'


def _mean(values: Sequence[float], digits: int) -> str:
    mean = f'{statistics.fmean(values):.{digits}f}'
    return mean if len(values) == 1 else f'{mean} ± {statistics.stdev(values):.{digits}f}'


def _notes(results: Results, records: Sequence[Record], judged: bool) -> list[str]:
    notes = ['gain: best, over the baseline with the same seed and setting.']
    present = {setting for mark, _ in blocks(records) for setting in mark.split(', ')}
    notes += [note for setting, note in SETTING_NOTES.items() if setting in present]
    seeds = sorted({record.seed for record in records})
    if len(seeds) == 1:
        notes.append(f'One seed ({seeds[0]}): differences of this size can be chance.')
    else:
        notes.append(f'Mean ± standard deviation over seeds {", ".join(map(str, seeds))}.')
        notes += _fewer_seeds(records, len(seeds))
    if judged:
        notes += VERDICT_NOTES if len(seeds) > 1 else ()
        columns = [
            column.name
            for row in results.rows
            for column, cell in zip(results.columns, row.cells, strict=True)
            if cell.published is not None
        ]
        notes += [said for end, said in SPREADS.items() if any(c.endswith(end) for c in columns)]
    if any((r.task, r.method) == ('classification', 'scratch') for r in records):
        notes.append('scratch has no pretraining: its top-1 is that of the untrained network.')
    notes += _batches(records)
    scales = sorted({record.schedule_scale for record in records} - {1.0})
    if scales:
        shown = ', '.join(f'{scale:g}' for scale in scales)
        notes.append(f'Schedules were shortened to {shown}: of such runs the paper has no figure.')
    return [*notes, *_unlike(results)]


def _unlike(results: Results) -> list[str]:
    """What is not compared, though its seeds would pair it, or not of one mind."""
    found: dict[str, None] = {}
    for row in results.rows:
        for column, cell in zip(results.columns, row.cells, strict=True):
            name = f'{row.method} of {column.name or column.task}'
            for record, base in cell.pairs:
                if said := difference(record, base):
                    found[f'{name}, seed {record.seed}: the baseline is of {said}: no gain.'] = None
            ends = sorted({record.last_step for record in cell.records if LOG in record.settings})
            if len(ends) > 1:
                found[f'{name}: its runs end at different steps: {", ".join(map(str, ends))}.'] = (
                    None
                )
            figures = sorted({f'{record.published}' for record in cell.records})
            if len(figures) > 1:
                said = f"records disagree on the paper's figure ({', '.join(figures)})"
                found[f'{name}: {said}: none counts.'] = None
    return list(found)


def _fewer_seeds(records: Sequence[Record], most: int) -> list[str]:
    """Which figures are of fewer seeds than the others, a sentence for each number."""
    runs = Counter(
        (record.task, record.method, record.column, tuple(record.settings)) for record in records
    )
    found: dict[int, list[str]] = {}
    for (task, method, _, _), number in runs.items():
        if number < most:
            found.setdefault(number, []).append(f'{task} {method}')
    return [
        f'Of {number} seed{"s" if number > 1 else ""} only: {", ".join(dict.fromkeys(rows))}.'
        for number, rows in sorted(found.items())
    ]


def _batches(records: Sequence[Record]) -> list[str]:
    """What was not run on the recipe's batch, a sentence for each way."""
    found: dict[str, list[str]] = {}
    for record in records:
        if record.batch:
            found.setdefault(record.batch, []).append(f'{record.task} {record.method}')
    return [f'{", ".join(dict.fromkeys(rows))}: {batch}.' for batch, rows in found.items()]
