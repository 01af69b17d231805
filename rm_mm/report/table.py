"""Rows are methods and settings, columns tasks: best and last, gain, and the paper's figure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rm_mm.names import METHODS, SETTINGS, TASKS
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
    """Arrange records; several seeds become mean and standard deviation.

    Args:
        records: Of one folder.
    """
    columns = _columns(records)
    published = any(record.published is not None for record in records)
    header = ['method', 'setting']
    for heading, _ in columns.values():
        header += [f'{heading} best', 'last', 'gain'] + (['paper'] if published else [])
    rows = []
    for setting, block in blocks(records):
        present = {record.method for record in block}
        order = [*(m for m in METHODS if m in present), *sorted(present - set(METHODS))]
        for method in order:
            row = [method, setting]
            for column, (_, digits) in columns.items():
                here = [record for record in block if _key(record) == column]
                row += _cells(here, method, digits, published)
            rows.append(row)
    return Table(header, rows, _notes(records))


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


def _key(record: Record) -> tuple[str, str]:
    return record.task, record.column


def _columns(records: Sequence[Record]) -> dict[tuple[str, str], tuple[str, int]]:
    """Heading and digits of each column; two of one kind are told apart by their names."""
    first = {_key(record): record for record in reversed(records)}
    order = sorted(first, key=lambda key: (TASKS.index(key[0]), key[1]))
    kinds = [task for task, _ in order]
    found = {}
    for task, name in order:
        metric = first[task, name].metric
        heading, digits = HEADINGS.get(metric, (metric, 2))
        found[task, name] = (heading if kinds.count(task) == 1 else f'{name} {heading}', digits)
    return found


def _cells(records: Sequence[Record], method: str, digits: int, published: bool) -> list[str]:
    chosen = [record for record in records if record.method == method]
    if not chosen:
        return [ABSENT] * (4 if published else 3)
    gain = _gain(chosen, [record for record in records if record.method == 'baseline'])
    cells = [
        _mean([record.best for record in chosen], digits),
        _mean([record.last for record in chosen], digits),
        ABSENT if gain is None or method == 'baseline' else f'{gain:+.{digits}f}',
    ]
    if published:
        figure = chosen[0].published
        cells.append(ABSENT if figure is None else f'{figure:g}')
    return cells


def _gain(chosen: Sequence[Record], baseline: Sequence[Record]) -> float | None:
    """Mean difference of the best values over the seeds that both have."""
    base = {record.seed: record.best for record in baseline}
    pairs = [record.best - base[record.seed] for record in chosen if record.seed in base]
    return statistics.fmean(pairs) if pairs else None


def _mean(values: Sequence[float], digits: int) -> str:
    mean = f'{statistics.fmean(values):.{digits}f}'
    return mean if len(values) == 1 else f'{mean} ± {statistics.stdev(values):.{digits}f}'


def _notes(records: Sequence[Record]) -> list[str]:
    notes = ['gain: best, over the baseline with the same seed and setting.']
    shown = {setting for mark, _ in blocks(records) for setting in mark.split(', ')}
    notes += [note for setting, note in SETTING_NOTES.items() if setting in shown]
    seeds = sorted({record.seed for record in records})
    if len(seeds) == 1:
        notes.append(f'One seed ({seeds[0]}): differences of this size can be chance.')
    else:
        notes.append(f'Mean ± standard deviation over seeds {", ".join(map(str, seeds))}.')
        notes += _fewer_seeds(records, len(seeds))
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
