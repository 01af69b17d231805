"""The table in finished text: best and last figures, gains, the paper's figures, and notes."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rm_mm.records import LOG, Record
from rm_mm.reporting.results import ABSENT, Results, arrange, blocks
from rm_mm.reporting.verdict import NOTES as VERDICT_NOTES
from rm_mm.reporting.verdict import SPREADS, TableCell, Verdict, difference

SETTING_NOTES = {
    'paper': "paper: backbones as in the paper's tables; the COCO baseline starts from "
    "torchvision's.",
    'controlled': 'controlled: all methods share one pretraining recipe.',
    'mini': 'mini: embedded images; all methods share one pretraining recipe.',
}
#: Method and setting; all other columns are figures.
TEXT_COLUMNS = 2


@dataclass(frozen=True)
class Table:
    """A table in finished text, with notes on what a reader needs to know about its figures."""

    header: list[str]
    rows: list[list[str]]
    notes: list[str]


def build_table(records: Sequence[Record]) -> Table:
    """The table of some records. Several seeds become mean, standard deviation and a verdict."""
    return to_table(arrange(records), records)


def to_table(results: Results, records: Sequence[Record]) -> Table:
    """The table of results that were arranged from ``records``."""
    header = ['method', 'setting']
    for column in results.columns:
        header += [f'{column.heading} best', 'last', 'gain']
        header += ['paper'] * results.published + ['verdict'] * results.judged
    rows = []
    for line in results.rows:
        row = [line.method, line.setting]
        for column, cell, verdict in zip(results.columns, line.cells, line.verdicts, strict=True):
            row += [
                mean_text([record.best for record in cell.records], column.digits),
                mean_text([record.last for record in cell.records], column.digits),
                gain_text(cell, verdict, column.digits) or ABSENT,
            ]
            paper = ABSENT if cell.published is None else f'{cell.published:g}'
            row += [paper] * results.published + [verdict.text] * results.judged
        rows.append(row)
    return Table(header, rows, _notes(results, records))


def gain_text(cell: TableCell, verdict: Verdict, digits: int) -> str:
    """Mean gain over the seeds shared with the baseline, and its interval; empty without gain."""
    if not cell.gains:
        return ''
    text = f'{cell.mean_gain:+.{digits}f}'
    if (test := verdict.gain) is None:
        return text
    return f'{text} [{test.low:+.{digits}f}, {test.high:+.{digits}f}]'


def mean_text(values: Sequence[float], digits: int) -> str:
    """Mean and, of several values, standard deviation; a dash without values."""
    if not values:
        return ABSENT
    mean = f'{statistics.fmean(values):.{digits}f}'
    return mean if len(values) == 1 else f'{mean} ± {statistics.stdev(values):.{digits}f}'


def _notes(results: Results, records: Sequence[Record]) -> list[str]:
    notes = ['gain: best minus the best of the baseline with the same seed and setting.']
    present = {setting for mark, _ in blocks(records) for setting in mark.split(', ')}
    notes += [note for setting, note in SETTING_NOTES.items() if setting in present]
    seeds = sorted({record.seed for record in records})
    if len(seeds) == 1:
        notes.append(f'One seed ({seeds[0]}): differences of this size can be chance.')
    else:
        notes.append(f'Mean ± standard deviation over seeds {", ".join(map(str, seeds))}.')
        notes += _fewer_seeds(records, len(seeds))
    if results.judged and len(seeds) > 1:
        notes += VERDICT_NOTES
    published = [
        column.name
        for column in results.columns
        if any(cell.published is not None for _, _, cell, _ in results.cells_of(column))
    ]
    notes += [note for end, note in SPREADS.items() if any(n.endswith(end) for n in published)]
    if any((r.task, r.method) == ('classification', 'scratch') for r in records):
        notes.append('scratch has no pretraining: its top-1 is that of the untrained network.')
    notes += _batches(records)
    scales = sorted({record.schedule_scale for record in records} - {1.0})
    if scales:
        shown = ', '.join(f'{scale:g}' for scale in scales)
        notes.append(f'Schedules were shortened to {shown}; the paper has no figure of such runs.')
    return [*notes, *_exclusions(results)]


def _exclusions(results: Results) -> list[str]:
    """Runs that are not compared, and records that contradict each other."""
    found: dict[str, None] = {}
    for row in results.rows:
        for column, cell in zip(results.columns, row.cells, strict=True):
            name = f'{row.method} of {column.name or column.task}'
            notes = [
                f', seed {record.seed}: the baseline has {reason}: no gain.'
                for record, base in cell.pairs
                if (reason := difference(record, base))
            ]
            ends = sorted({record.last_step for record in cell.records if LOG in record.settings})
            if len(ends) > 1:
                notes.append(f': its runs end at different steps: {", ".join(map(str, ends))}.')
            figures = sorted({f'{record.published}' for record in cell.records})
            if len(figures) > 1:
                notes.append(
                    f": records disagree on the paper's figure ({', '.join(figures)}), so none is "
                    'used.'
                )
            found |= dict.fromkeys(name + note for note in notes)
    return list(found)


def _fewer_seeds(records: Sequence[Record], most: int) -> list[str]:
    """Rows with fewer seeds than others, one sentence per number of seeds."""
    runs = Counter(
        (record.task, record.method, record.column, tuple(record.settings)) for record in records
    )
    found: dict[int, list[str]] = {}
    for (task, method, _, _), count in runs.items():
        if count < most:
            found.setdefault(count, []).append(f'{task} {method}')
    return [
        f'Only {count} seed{"s" if count > 1 else ""}: {", ".join(dict.fromkeys(rows))}.'
        for count, rows in sorted(found.items())
    ]


def _batches(records: Sequence[Record]) -> list[str]:
    """Rows not run with the recipe's global batch, one sentence per difference."""
    found: dict[str, list[str]] = {}
    for record in records:
        if record.batch:
            found.setdefault(record.batch, []).append(f'{record.task} {record.method}')
    return [f'{", ".join(dict.fromkeys(rows))}: {batch}.' for batch, rows in found.items()]
