"""Rows are methods and settings, columns tasks: best and last, gain, and the paper's figure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rm_mm.names import METHODS, SETTINGS, TASKS
from rm_mm.report.verdict import NOTES as VERDICT_NOTES
from rm_mm.report.verdict import SPREADS, Cell, Verdict, judge
from rm_mm.suite.records import Record

#: Heading and digits of each metric: one more than the paper prints.
HEADINGS = {
    'top1_percent': ('top-1 %', 3),
    'box_ap_percent': ('box AP %', 2),
    'mask_ap_percent': ('mask AP %', 2),
    'map_percent': ('mAP %', 2),
    'miou_percent': ('mIoU %', 3),
}
SETTING_NOTES = {
    'paper': (
        "paper: backbones as in the paper's tables; the COCO baseline starts from torchvision's."
    ),
    'controlled': 'controlled: all methods share one pretraining recipe.',
    'mini': 'mini: embedded images; all methods share one pretraining recipe.',
}
ABSENT = '-'
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
    columns = _columns(records)
    published = any(record.published is not None for record in records)
    judged = published or len({record.seed for record in records}) > 1
    header = ['method', 'setting']
    for heading, _ in columns.values():
        header += [f'{heading} best', 'last', 'gain', *['paper'] * published, *['verdict'] * judged]
    lines = _lines(records)
    cells = [
        Cell(
            [record for record in here if record.method == method],
            [] if method == 'baseline' else [r for r in here if r.method == 'baseline'],
        )
        for _, method, block in lines
        for here in ([r for r in block if _key(r) == column] for column in columns)
    ]
    verdicts = iter(judge(cells) if judged else [Verdict('')] * len(cells))
    figures = iter(cells)
    rows = []
    for setting, method, _ in lines:
        row = [method, setting]
        for _, digits in columns.values():
            cell, verdict = next(figures), next(verdicts)
            row += _figures(cell, verdict, digits)
            row += [_paper(cell)] * published + [verdict.text] * judged
        rows.append(row)
    return Table(header, rows, _notes(records, judged))


def _lines(records: Sequence[Record]) -> list[tuple[str, str, list[Record]]]:
    """Setting, method, and the records of the setting, of each row."""
    found = []
    for setting, block in blocks(records):
        present = {record.method for record in block}
        order = [*(m for m in METHODS if m in present), *sorted(present - set(METHODS))]
        found += [(setting, method, block) for method in order]
    return found


def blocks(records: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    """Records by setting, in the order of the settings.

    A run whose backbone is the same in both settings belongs to both. Where some method has a run
    of its own in one, its block holds all rows of that setting; where none has, the rows are the
    same and stand once, marked with both.
    """
    own = {record.settings[0] for record in records if len(record.settings) == 1}
    found = [
        (setting, [record for record in records if setting in record.settings])
        for setting in (*SETTINGS, *sorted(own - set(SETTINGS)))
        if setting in own
    ]
    shared = [record for record in records if not own & set(record.settings)]
    marks = dict.fromkeys(', '.join(record.settings) for record in shared)
    return found + [
        (mark or ABSENT, [record for record in shared if ', '.join(record.settings) == mark])
        for mark in marks
    ]


def _key(record: Record) -> tuple[str, str, str]:
    return record.task, record.column, record.metric


def _columns(records: Sequence[Record]) -> dict[tuple[str, str, str], tuple[str, int]]:
    """Heading and digits of each column; two of one kind are told apart by their names."""
    keys = dict.fromkeys(map(_key, records))
    order = sorted(keys, key=lambda key: (TASKS.index(key[0]), *key[1:]))
    names: dict[str, set[str]] = {}
    for task, name, _ in order:
        names.setdefault(task, set()).add(name)
    found = {}
    for task, name, metric in order:
        heading, digits = HEADINGS.get(metric, (metric, 2))
        alone = len(names[task]) == 1
        found[task, name, metric] = (heading if alone else f'{name} {heading}', digits)
    return found


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
    figure = cell.records[0].published if cell.records else None
    return ABSENT if figure is None else f'{figure:g}'


def _mean(values: Sequence[float], digits: int) -> str:
    mean = f'{statistics.fmean(values):.{digits}f}'
    return mean if len(values) == 1 else f'{mean} ± {statistics.stdev(values):.{digits}f}'


def _notes(records: Sequence[Record], judged: bool) -> list[str]:
    notes = ['gain: best, over the baseline with the same seed and setting.']
    shown = {setting for mark, _ in blocks(records) for setting in mark.split(', ')}
    notes += [note for setting, note in SETTING_NOTES.items() if setting in shown]
    seeds = sorted({record.seed for record in records})
    if len(seeds) == 1:
        notes.append(f'One seed ({seeds[0]}): differences of this size can be chance.')
    else:
        notes.append(f'Mean ± standard deviation over seeds {", ".join(map(str, seeds))}.')
        notes += _fewer_seeds(records, len(seeds))
    if judged:
        notes += VERDICT_NOTES if len(seeds) > 1 else ()
        columns = [record.column for record in records if record.published is not None]
        notes += [said for end, said in SPREADS.items() if any(c.endswith(end) for c in columns)]
    if any((r.task, r.method) == ('classification', 'scratch') for r in records):
        notes.append('scratch has no pretraining: its top-1 is that of the untrained network.')
    notes += _batches(records)
    scales = {record.schedule_scale for record in records}
    if scales != {1.0}:
        notes.append(f'Schedules were shortened to {", ".join(f"{s:g}" for s in scales)}.')
    return notes


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
