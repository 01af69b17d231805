"""Training curves of all methods on one axis for each task."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import product

from rm_mm.records import Record
from rm_mm.reporting.page.chart import (
    Axes,
    axes,
    data_table,
    drawing,
    panel,
    section,
    x_axis,
    y_axis,
)
from rm_mm.reporting.page.look import Look, legend
from rm_mm.reporting.page.markup import Markup, tag
from rm_mm.reporting.page.runs import Runs
from rm_mm.reporting.page.scale import around
from rm_mm.reporting.results import Column, Results


def curves(results: Results, runs: Runs, known: dict[str, Look]) -> Markup:
    """The section of the curves."""
    panels = []
    settings = dict.fromkeys(row.setting for row in results.rows)
    for index, column in enumerate(results.columns):
        drawn = [r for row in results.rows for r in row.cells[index].records if r.curve]
        units = dict.fromkeys(record.step_unit for record in drawn)
        for setting, unit in product(settings, units):
            lines: list[tuple[str, Sequence[Record]]] = [
                (row.method, records)
                for row in results.rows
                if row.setting == setting
                and (records := [r for r in row.cells[index].records if r.step_unit == unit])
                and any(record.curve for record in records)
            ]
            if lines:
                title = column.heading + (f', {setting}' if len(settings) > 1 else '')
                title += f', by {unit}' if len(units) > 1 else ''
                panels.append(_panel(title, column, lines, runs, known))
    return section(
        'curves',
        'Training curves',
        tag('p', 'Every evaluation on the way. Line: mean over seeds; band: lowest to highest '
            'seed, where there are several.'),
        legend(list(dict.fromkeys(row.method for row in results.rows)), known),
        tag('div', panels, class_='panels'),
    )  # fmt: skip


def spread(records: Sequence[Record]) -> list[tuple[float, float, float, float]]:
    """Step, mean, lowest and highest at every step that all seeds have."""
    by_seed = [{p[0]: p[1] for p in record.curve} for record in records if record.curve]
    common = sorted(set.intersection(*map(set, by_seed))) if by_seed else []
    found = []
    for step in common:
        values = [curve[step] for curve in by_seed]
        found.append((step, statistics.fmean(values), min(values), max(values)))
    return found


def _panel(
    title: str,
    column: Column,
    lines: list[tuple[str, Sequence[Record]]],
    runs: Runs,
    known: dict[str, Look],
) -> Markup:
    unit = lines[0][1][0].step_unit
    points = [point for _, records in lines for record in records for point in record.curve]
    place = axes(around([step for step, _ in points], 0.02), around([value for _, value in points]))
    marks = [
        _curve(method, records, place, column, runs, known[method]) for method, records in lines
    ]
    rows = [
        [method, str(record.seed), *_ends(record, column.digits)]
        for method, records in lines
        for record in records
    ]
    header = ['Method', 'Seed', 'First', 'Best', f'At {unit}', 'Last', f'At {unit}']
    svg = drawing(f'{title} by {unit}', y_axis(place.y), x_axis(place.x, unit, whole=True), marks)
    return panel(title, svg, data_table(f'Curves of {title}', header, rows))


def _curve(
    method: str, records: Sequence[Record], place: Axes, column: Column, runs: Runs, look: Look
) -> Markup:
    """One line with its band; of seeds that share no step, a line each."""
    shared = spread(records)
    drawn = []
    if len(records) > 1 and len(shared) > 1:
        top = [f'{place.x(step):.1f},{place.y(high):.1f}' for step, _, _, high in shared]
        low = [f'{place.x(step):.1f},{place.y(low):.1f}' for step, _, low, _ in reversed(shared)]
        drawn.append(tag('polygon', points=' '.join(top + low), class_='band'))
    lines = [[(step, mean) for step, mean, _, _ in shared]] if shared else [
        [(step, value) for step, value in record.curve] for record in records if record.curve
    ]  # fmt: skip
    for line in lines:
        path = ' '.join(f'{place.x(step):.1f},{place.y(value):.1f}' for step, value in line)
        drawn.append(tag('polyline', points=path, class_='line', stroke_dasharray=look.dash))
        # Wide and unseen, so that a finger can meet it.
        drawn.append(tag('polyline', points=path, class_='touch'))
        drawn += [look.point(place.x(step), place.y(value)) for step, value in (line[0], line[-1])]
    digits, ends = column.digits, [line[-1][1] for line in lines]
    seeds = f', {len(records)} seeds' if len(records) > 1 else ''
    label = (
        f'{method}{seeds}: {column.heading} {statistics.fmean(ends):.{digits}f} at the end of '
        f'{lines[0][-1][0]:g} {records[0].step_unit}s'
    )
    return runs.mark(records, drawn, label=label, look=look.colour)


def _ends(record: Record, digits: int) -> list[str]:
    first = record.curve[0][1] if record.curve else record.best
    return [
        f'{first:.{digits}f}',
        f'{record.best:.{digits}f}',
        str(record.best_step),
        f'{record.last:.{digits}f}',
        str(record.last_step),
    ]
