"""Training curves: all methods of a task in one panel."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import product

from rm_mm.records import Record
from rm_mm.reporting.page.panel import Axis, DataTable, Look, Mark, Panel, horizontal, vertical
from rm_mm.reporting.results import Column, Results


def curves(results: Results, looks: dict[str, Look]) -> list[Panel]:
    """A panel for each column, setting and unit of steps."""
    panels = []
    for column in results.columns:
        groups: dict[tuple[str, str], list[tuple[str, list[Record]]]] = {}
        for method, setting, cell, _ in results.cells_of(column):
            for unit in dict.fromkeys(r.step_unit for r in cell.records if r.curve):
                records = [r for r in cell.records if r.step_unit == unit]
                groups.setdefault((setting, unit), []).append((method, records))
        units = dict.fromkeys(unit for _, unit in groups)
        for setting, unit in product(results.settings, units):
            if lines := groups.get((setting, unit)):
                title = column.heading + (f', {setting}' if len(results.settings) > 1 else '')
                title += f', by {unit}' if len(units) > 1 else ''
                panels.append(_panel(title, unit, column, lines, looks))
    return panels


def spread(records: Sequence[Record]) -> list[tuple[float, float, float, float]]:
    """Step, mean, lowest and highest value at every step that all seeds share."""
    by_seed = [{p[0]: p[1] for p in record.curve} for record in records if record.curve]
    common = sorted(set.intersection(*map(set, by_seed))) if by_seed else []
    found = []
    for step in common:
        values = [curve[step] for curve in by_seed]
        found.append((step, statistics.fmean(values), min(values), max(values)))
    return found


def _panel(
    title: str,
    unit: str,
    column: Column,
    lines: list[tuple[str, list[Record]]],
    looks: dict[str, Look],
) -> Panel:
    points = [point for _, records in lines for record in records for point in record.curve]
    x = horizontal([step for step, _ in points], unit, margin=0.02, whole=True)
    y = vertical([value for _, value in points])
    header = ['Method', 'Seed', 'First', 'Best', f'At {unit}', 'Last', f'At {unit}']
    rows = []
    for method, r in ((method, record) for method, records in lines for record in records):
        figures = (r.curve[0][1] if r.curve else r.best, r.best, r.last)
        first, best, last = (f'{figure:.{column.digits}f}' for figure in figures)
        rows.append([method, str(r.seed), first, best, str(r.best_step), last, str(r.last_step)])
    marks = [_mark(method, records, x, y, column, looks[method]) for method, records in lines]
    table = DataTable(f'Curves of {title}', header, rows)
    return Panel(title, f'{title} by {unit}', x, marks, table, y)


def _mark(
    method: str, records: Sequence[Record], x: Axis, y: Axis, column: Column, look: Look
) -> Mark:
    """The mean line with its band; one line per seed if the seeds share no step."""
    shared = spread(records)
    band = ''
    if len(records) > 1 and len(shared) > 1:
        top = [(step, high) for step, _, _, high in shared]
        low = [(step, low) for step, _, low, _ in reversed(shared)]
        band = _points(top + low, x, y)
    lines = [[(step, mean) for step, mean, _, _ in shared]] if shared else [
        [(step, value) for step, value in record.curve] for record in records if record.curve
    ]  # fmt: skip
    drawn = [
        (_points(line, x, y), [(x.scale(s), y.scale(v)) for s, v in (line[0], line[-1])])
        for line in lines
    ]
    seeds = f', {len(records)} seeds' if len(records) > 1 else ''
    end = statistics.fmean(line[-1][1] for line in lines)
    label = (
        f'{method}{seeds}: {column.heading} {end:.{column.digits}f} at the end of '
        f'{lines[0][-1][0]:g} {records[0].step_unit}s'
    )
    return Mark(records, label, look, (drawn, band))


def _points(line: list[tuple[float, float]], x: Axis, y: Axis) -> str:
    return ' '.join(f'{x.scale(step):.1f},{y.scale(value):.1f}' for step, value in line)
