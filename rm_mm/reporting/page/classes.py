"""The gain of each class over the baseline, largest first and last."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rm_mm.records import Record
from rm_mm.reporting.page.chart import (
    BOTTOM,
    RIGHT,
    TOP,
    WIDTH,
    data_table,
    drawing,
    panel,
    section,
    x_axis,
)
from rm_mm.reporting.page.look import Look
from rm_mm.reporting.page.markup import Markup, tag
from rm_mm.reporting.page.results_table import signed
from rm_mm.reporting.page.runs import Runs
from rm_mm.reporting.page.scale import Scale, around
from rm_mm.reporting.results import Column, Results
from rm_mm.reporting.verdict import Cell

#: Of more classes than twice this, so many from either end are drawn.
ENDS = 10
#: More panels of one task are folded away.
_OPEN = 6
_ROW, _NAME, _LETTERS = 17, 104, 16
_FIGURES = {'detection': 'AP', 'segmentation': 'IoU'}


@dataclass(frozen=True)
class ClassGain:
    """One class.

    Attributes:
        name: Of the class.
        gain: Mean over the seeds that have it on both sides.
        baseline: Mean of the baseline over the same seeds.
        seeds: How many.
    """

    name: str
    gain: float
    baseline: float
    seeds: int


def class_gains(cell: Cell) -> list[ClassGain]:
    """Gains of a cell's classes, paired by seed, the largest first."""
    base = {record.seed: record.per_class for record in cell.baseline}
    values: dict[str, list[tuple[float, float]]] = {}
    for record in cell.records:
        for name, value in record.per_class.items():
            if (other := base.get(record.seed, {}).get(name)) is not None:
                values.setdefault(name, []).append((value, other))
    found = [
        ClassGain(
            name,
            statistics.fmean(value - other for value, other in both),
            statistics.fmean(other for _, other in both),
            len(both),
        )
        for name, both in values.items()
    ]
    return sorted(found, key=lambda entry: (-entry.gain, entry.name))


def classes(results: Results, runs: Runs, known: dict[str, Look]) -> Markup | None:
    """The section of the classes; None where no record has any."""
    groups = []
    for index, column in enumerate(results.columns):
        panels = []
        for row in results.rows:
            cell = row.cells[index]
            if gains := class_gains(cell):
                title = f'{row.method}, {column.heading}'
                if len({other.setting for other in results.rows}) > 1:
                    title += f', {row.setting}'
                behind = [*cell.records, *cell.baseline]
                panels.append(_panel(title, column, gains, behind, runs, known[row.method]))
        if panels:
            groups.append(_group(column, panels))
    if not groups:
        return None
    return section(
        'classes',
        'Gain of each class over the baseline',
        tag('p', 'AP or IoU of the best checkpoint in percentage points, paired by seed, mean over '
            'seeds; the largest gain first, the largest loss last.'),
        groups,
    )  # fmt: skip


def _group(column: Column, panels: list[Markup]) -> Markup:
    title = tag('h3', f'{column.name}: {_FIGURES.get(column.task, "figure")} by class')
    first, more = panels[:_OPEN], panels[_OPEN:]
    folded = tag(
        'details',
        tag('summary', f'{len(more)} more methods'),
        tag('div', more, class_='panels'),
    )
    return tag('div', title, tag('div', first, class_='panels'), folded if more else None)


def _panel(
    title: str,
    column: Column,
    gains: Sequence[ClassGain],
    behind: Sequence[Record],
    runs: Runs,
    look: Look,
) -> Markup:
    shown = [*gains] if len(gains) <= 2 * ENDS else [*gains[:ENDS], *gains[-ENDS:]]
    left_out = len(gains) - len(shown)
    height = TOP + _ROW * len(shown) + BOTTOM + (8 if left_out else 0)
    scale = Scale(*around([0.0, *(entry.gain for entry in shown)]), _NAME, WIDTH - RIGHT)
    zero = tag('line', x1=scale(0), x2=scale(0), y1=TOP, y2=height - BOTTOM, class_='zero')
    bars = [
        _bar(entry, TOP + _ROW * number + (8 if left_out and number >= ENDS else 0), scale)
        for number, entry in enumerate(shown)
    ]
    if left_out:
        y = TOP + _ROW * ENDS + 4
        bars.append(tag('line', x1=0, x2=WIDTH, y1=y, y2=y, class_='gap'))
    label = (
        f'{title}: largest gain {gains[0].name} {signed(gains[0].gain, 2)}, '
        f'last {gains[-1].name} {signed(gains[-1].gain, 2)}, of {len(gains)} classes'
    )
    mark = runs.mark(behind, bars, label=label, look=look.colour)
    svg = drawing(title, x_axis(scale, 'points', height), zero, mark, height=height)
    rows = [
        [e.name, signed(e.gain, 2), f'{e.baseline:.2f}', f'{e.baseline + e.gain:.2f}', str(e.seeds)]
        for e in gains
    ]
    table = data_table(
        f'Classes of {title}', ['Class', 'Gain', 'Baseline', 'This method', 'Seeds'], rows
    )
    more = tag('p', f'{left_out} classes between are in the table.', class_='minor')
    return panel(title, svg, more if left_out else None, table)


def _bar(entry: ClassGain, top: float, scale: Scale) -> Markup:
    name = entry.name if len(entry.name) <= _LETTERS else entry.name[: _LETTERS - 1] + '…'
    start, end = sorted((scale(0), scale(entry.gain)))
    return tag(
        'g',
        tag('title', f'{entry.name}: {signed(entry.gain, 2)}'),
        tag('rect', x=0, y=top, width=WIDTH, height=_ROW, class_='touch'),
        tag('text', name, x=_NAME - 8, y=top + 12, text_anchor='end', class_='name'),
        tag('rect', x=start, y=top + 3, width=max(end - start, 1), height=_ROW - 6,
            class_='bar' if entry.gain >= 0 else 'bar loss'),
    )  # fmt: skip
