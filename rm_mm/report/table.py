"""Rows are methods, columns tasks: best and last, the gain, and the paper's figure."""

from __future__ import annotations

import csv
import html
import io
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rm_mm.suite.records import Record

METHODS = ('scratch', 'baseline', 'mixup', 'cutmix', 'rm')
#: Heading and digits of each task: one more than the paper prints, where the metric has them.
COLUMNS = {
    'classification': ('top-1 %', 3),
    'detection': ('box AP %', 2),
    'segmentation': ('mIoU %', 2),
}
ABSENT = '-'


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
        records: Of one preset.
    """
    tasks = [task for task in COLUMNS if any(record.task == task for record in records)]
    published = any(record.published is not None for record in records)
    header = ['method']
    for task in tasks:
        name = COLUMNS[task][0]
        header += [f'{name} best', 'last', 'gain'] + (['paper'] if published else [])
    present = {record.method for record in records}
    order = [*(m for m in METHODS if m in present), *sorted(present - set(METHODS))]
    rows = []
    for method in order:
        row = [method]
        for task in tasks:
            row += _cells(records, task, method, published)
        rows.append(row)
    return Table(header, rows, _notes(records))


def _cells(records: Sequence[Record], task: str, method: str, published: bool) -> list[str]:
    chosen = _select(records, task, method)
    digits = COLUMNS[task][1]
    if not chosen:
        return [ABSENT] * (4 if published else 3)
    gain = _gain(chosen, _select(records, task, 'baseline'))
    cells = [
        _mean([record.best for record in chosen], digits),
        _mean([record.last for record in chosen], digits),
        ABSENT if gain is None or method == 'baseline' else f'{gain:+.{digits}f}',
    ]
    if published:
        figure = chosen[0].published
        cells.append(ABSENT if figure is None else f'{figure:g}')
    return cells


def _select(records: Sequence[Record], task: str, method: str) -> list[Record]:
    return [record for record in records if (record.task, record.method) == (task, method)]


def _gain(chosen: Sequence[Record], baseline: Sequence[Record]) -> float | None:
    """Mean difference of the best values over the seeds that both have."""
    base = {record.seed: record.best for record in baseline}
    pairs = [record.best - base[record.seed] for record in chosen if record.seed in base]
    return statistics.fmean(pairs) if pairs else None


def _mean(values: Sequence[float], digits: int) -> str:
    mean = f'{statistics.fmean(values):.{digits}f}'
    return mean if len(values) == 1 else f'{mean} ± {statistics.stdev(values):.{digits}f}'


def _notes(records: Sequence[Record]) -> list[str]:
    notes = ['gain: best, over the baseline with the same seed.']
    seeds = sorted({record.seed for record in records})
    if len(seeds) == 1:
        notes.append(f'One seed ({seeds[0]}): differences of this size can be chance.')
    else:
        notes.append(f'Mean ± standard deviation over seeds {", ".join(map(str, seeds))}.')
    if any((r.task, r.method) == ('classification', 'scratch') for r in records):
        notes.append('scratch has no pretraining: its top-1 is that of the untrained network.')
    scales = {record.schedule_scale for record in records}
    if scales != {1.0}:
        notes.append(f'Schedules were shortened to {", ".join(f"{s:g}" for s in scales)}.')
    return notes


def to_text(table: Table) -> str:
    """For a terminal: aligned columns."""
    lines = [table.header, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.header))]
    text = [
        '  '.join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return '\n'.join([text[0], '-' * len(text[0]), *text[1:], '', *table.notes])


def to_markdown(table: Table) -> str:
    """A GitHub table."""
    rule = ['---'] + ['---:'] * (len(table.header) - 1)
    rows = [table.header, rule, *table.rows]
    body = '\n'.join('| ' + ' | '.join(cell.replace('|', r'\|') for cell in r) + ' |' for r in rows)
    return '\n\n'.join([body, ' '.join(table.notes)]) + '\n'


def to_csv(table: Table) -> str:
    """Comma-separated; headings are made unique by their task's."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator='\n')
    names, task = [], ''
    for name in table.header:
        if name.endswith(' best'):
            task = name.removesuffix('best')
            names.append(name)
        else:
            names.append(task + name)
    writer.writerow(names)
    writer.writerows(table.rows)
    return out.getvalue()


def to_latex(table: Table) -> str:
    """A booktabs ``tabular``."""

    def escape(cell: str) -> str:
        for old, new in (('\\', r'\textbackslash '), ('%', r'\%'), ('_', r'\_'), ('&', r'\&')):
            cell = cell.replace(old, new)
        return cell.replace('±', r'$\pm$')

    def line(cells: list[str]) -> str:
        return ' & '.join(map(escape, cells)) + r' \\'

    columns = 'l' + 'r' * (len(table.header) - 1)
    body = [r'\toprule', line(table.header), r'\midrule', *map(line, table.rows), r'\bottomrule']
    return '\n'.join([rf'\begin{{tabular}}{{{columns}}}', *body, r'\end{tabular}']) + '\n'


def to_html(table: Table) -> str:
    """One self-contained page."""

    def line(cells: list[str], tag: str) -> str:
        return '<tr>' + ''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells) + '</tr>'

    rows = ''.join(line(row, 'td') for row in table.rows)
    notes = ''.join(f'<p>{html.escape(note)}</p>' for note in table.notes)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>rm_mm</title>'
        '<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui;margin:2rem}'
        'div{overflow-x:auto}table{border-collapse:collapse}th,td{padding:.3rem .8rem;'
        'text-align:right;border-bottom:1px solid #8886}th:first-child,td:first-child'
        '{text-align:left}</style><h1>Does it transfer?</h1>'
        f'<div><table><thead>{line(table.header, "th")}</thead><tbody>{rows}</tbody></table></div>'
        f'{notes}</html>\n'
    )


WRITERS: dict[str, Callable[[Table], str]] = {
    'md': to_markdown,
    'csv': to_csv,
    'latex': to_latex,
    'html': to_html,
}
