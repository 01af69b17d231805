"""Gains over the baseline: a forest plot for each task, and bars for its classes."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rm_mm.reporting.page.panel import DataTable, Look, Mark, Panel, clipped, horizontal, signed
from rm_mm.reporting.results import Column, Results
from rm_mm.reporting.verdict import TableCell, Verdict

#: Height of a row and width of its name, in pixels, for methods and for classes.
ROW, NAME = 24, 92
CLASS_ROW, CLASS_NAME = 17, 104
_LETTERS = 14
#: Classes drawn from either end; with more than twice as many the middle is left to the table.
ENDS = 10
GAP = 8
_CLASS_FIGURES = {'detection': 'AP', 'segmentation': 'IoU'}


def forest(results: Results, looks: dict[str, Look]) -> list[Panel]:
    """A panel for each column in which a method has a gain over the baseline."""
    several = len(results.settings) > 1
    panels = []
    for column in results.columns:
        rows = [
            (method, method + (f', {setting}' if several else ''), cell, verdict)
            for method, setting, cell, verdict in results.cells_of(column)
            if cell.gains
        ]
        if rows:
            panels.append(_forest_panel(column, rows, looks))
    return panels


def _forest_panel(
    column: Column, rows: Sequence[tuple[str, str, TableCell, Verdict]], looks: dict[str, Look]
) -> Panel:
    # Scratch loses far more than any method gains: on its scale the others would all look like 0.
    in_range = [row for row in rows if row[0] != 'scratch'] or rows
    values = [0.0]
    for _, _, cell, verdict in in_range:
        values.append(cell.mean_gain)
        values += [verdict.gain.low, verdict.gain.high] if verdict.gain else []
        values += [cell.published_gain] if cell.published_gain is not None else []
    axis = horizontal(values, 'points', left=NAME)
    marks, lines = [], []
    for method, name, cell, verdict in rows:
        test, published, digits = verdict.gain, cell.published_gain, column.digits
        gain, seeds = signed(cell.mean_gain, digits), str(len(cell.gains))
        interval = f'{signed(test.low, digits)} to {signed(test.high, digits)}' if test else 'none'
        paper = 'none' if published is None else signed(published, digits)
        text = verdict.text or 'no claim'
        label = f'{name}: gain {gain}, interval {interval}, {seeds} seeds, paper {paper}. {text}'
        shape = (clipped(name, _LETTERS), gain, cell, verdict.gain)
        marks.append(Mark(cell.compared, label, looks[method], shape))
        lines.append([name, gain, interval, seeds, paper, text])
    header = ['Method', 'Gain', 'Interval', 'Seeds', 'Paper', 'Verdict']
    table = DataTable(f'Gains in {column.heading}', header, lines)
    title = f'{column.heading}: gain'
    return Panel(title, title, axis, marks, table, rows=ROW * len(rows))


@dataclass(frozen=True)
class ClassGain:
    """Gain of one class, and the baseline's figure: means over the seeds with the class in both."""

    name: str
    gain: float
    baseline: float
    seeds: int


def class_gains(cell: TableCell) -> list[ClassGain]:
    """Gains of a cell's classes, paired by seed, the largest first."""
    base = {record.seed: record.per_class for record in cell.baseline}
    values: dict[str, list[tuple[float, float]]] = {}
    for record in cell.records:
        other = base.get(record.seed, {})
        for name, value in record.per_class.items():
            if name in other:
                values.setdefault(name, []).append((value, other[name]))
    found = []
    for name, both in values.items():
        gain = statistics.fmean(value - other for value, other in both)
        baseline = statistics.fmean(other for _, other in both)
        found.append(ClassGain(name, gain, baseline, len(both)))
    return sorted(found, key=lambda entry: (-entry.gain, entry.name))


def classes(results: Results, looks: dict[str, Look]) -> list[tuple[str, list[Panel]]]:
    """Title and panels of each column that has figures by class on both sides."""
    several = len(results.settings) > 1
    groups = []
    for column in results.columns:
        panels = []
        for method, setting, cell, _ in results.cells_of(column):
            if gains := class_gains(cell):
                title = f'{method}, {column.heading}' + (f', {setting}' if several else '')
                panels.append(_class_panel(title, gains, cell, looks[method]))
        if panels:
            figure = _CLASS_FIGURES.get(column.task, 'figure')
            groups.append((f'{column.name}: {figure} by class', panels))
    return groups


def _class_panel(title: str, gains: list[ClassGain], cell: TableCell, look: Look) -> Panel:
    shown = gains if len(gains) <= 2 * ENDS else [*gains[:ENDS], *gains[-ENDS:]]
    hidden = len(gains) - len(shown)
    axis = horizontal([0.0, *(entry.gain for entry in shown)], 'points', left=CLASS_NAME)
    first, last = gains[0], gains[-1]
    label = (
        f'{title}: largest gain {first.name} {signed(first.gain, 2)}, '
        f'last {last.name} {signed(last.gain, 2)}, of {len(gains)} classes'
    )
    bars = [(clipped(entry.name, _LETTERS + 2), entry) for entry in shown]
    rows = [
        [e.name, signed(e.gain, 2), f'{e.baseline:.2f}', f'{e.baseline + e.gain:.2f}', str(e.seeds)]
        for e in gains
    ]
    header = ['Class', 'Gain', 'Baseline', 'This method', 'Seeds']
    mark = Mark(cell.compared, label, look, (bars, ENDS if hidden else None))
    table = DataTable(f'Classes of {title}', header, rows)
    height = CLASS_ROW * len(shown) + (GAP if hidden else 0)
    note = f'{hidden} classes between are in the table.' if hidden else ''
    return Panel(title, title, axis, [mark], table, rows=height, note=note)
