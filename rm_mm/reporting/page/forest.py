"""The gain over the baseline, task by task, with its interval."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

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
from rm_mm.reporting.results import Column, Results, Row
from rm_mm.reporting.verdict import Cell, Verdict

#: Height of a row, and room for its name, in pixels.
_ROW, _NAME = 24, 92
_LETTERS = 14


def forest(results: Results, runs: Runs, known: dict[str, Look]) -> Markup | None:
    """The section of the gains; None where nothing has a baseline beside it."""
    panels = []
    several = len({row.setting for row in results.rows}) > 1
    for index, column in enumerate(results.columns):
        rows = [
            (row, row.cells[index], row.verdicts[index])
            for row in results.rows
            if row.cells[index].gains
        ]
        if rows:
            panels.append(_panel(column, rows, runs, known, several))
    if not panels:
        return None
    return section(
        'gains',
        'Gain over the baseline',
        tag('p', 'Point: mean over the seeds that both have. Line: bootstrap interval of that '
            'mean, 95 %, where there are two seeds or more. Open diamond: the gain that the paper '
            'reports. The line at zero is the baseline. Arrow: the gain lies outside the panel.'),
        tag('div', panels, class_='panels'),
    )  # fmt: skip


def _panel(
    column: Column,
    rows: Sequence[tuple[Row, Cell, Verdict]],
    runs: Runs,
    known: dict[str, Look],
    several: bool,
) -> Markup:
    values = [0.0]
    for _, cell, verdict in _in_sight(rows):
        values.append(statistics.fmean(cell.gains))
        values += [verdict.gain.low, verdict.gain.high] if verdict.gain else []
        values += [cell.published_gain] if cell.published_gain is not None else []
    height = TOP + _ROW * len(rows) + BOTTOM
    scale = Scale(*around(values), _NAME, WIDTH - RIGHT)
    zero = tag('line', x1=scale(0), x2=scale(0), y1=TOP, y2=height - BOTTOM, class_='zero')
    marks, lines = [], []
    for number, (row, cell, verdict) in enumerate(rows):
        name = row.method + (f', {row.setting}' if several else '')
        y = TOP + _ROW * (number + 0.5)
        marks.append(_mark(name, y, scale, column, cell, verdict, runs, known[row.method]))
        lines.append([name, *_words(cell, verdict, column.digits)])
    title = f'{column.heading}: gain'
    svg = drawing(title, x_axis(scale, 'points', height), zero, marks, height=height)
    header = ['Method', 'Gain', 'Interval', 'Seeds', 'Paper', 'Verdict']
    return panel(title, svg, data_table(f'Gains in {column.heading}', header, lines))


def _in_sight(rows: Sequence[tuple[Row, Cell, Verdict]]) -> list[tuple[Row, Cell, Verdict]]:
    """The rows that a panel is as wide as.

    Not scratch: its loss is of another size, beside which no other could be told from zero.
    """
    return [line for line in rows if line[0].method != 'scratch'] or list(rows)


def _mark(
    name: str,
    y: float,
    scale: Scale,
    column: Column,
    cell: Cell,
    verdict: Verdict,
    runs: Runs,
    look: Look,
) -> Markup:
    short = name if len(name) <= _LETTERS else name[: _LETTERS - 1] + '…'
    mean = statistics.fmean(cell.gains)
    drawn = [
        tag('rect', x=0, y=y - _ROW / 2, width=WIDTH, height=_ROW, class_='touch'),
        tag('text', short, x=_NAME - 8, y=y + 4, text_anchor='end', class_='name'),
    ]
    if not scale.low <= mean <= scale.high:
        return runs.mark(
            [*cell.records, *cell.baseline], [*drawn, _beyond(mean, y, scale, column.digits)],
            label=_label(name, cell, verdict, column.digits), look=look.colour,
        )  # fmt: skip
    if test := verdict.gain:
        low, high = scale(test.low), scale(test.high)
        drawn.append(tag('line', x1=low, x2=high, y1=y, y2=y, class_='line'))
        for end in (low, high):
            drawn.append(tag('line', x1=end, x2=end, y1=y - 4, y2=y + 4, class_='line'))
    drawn.append(look.point(scale(mean), y))
    if cell.published_gain is not None:
        place = f'translate({scale(cell.published_gain):.1f} {y:.1f})'
        drawn.append(tag('path', d='M0-6L6 0L0 6L-6 0Z', transform=place, class_='paper'))
    label = _label(name, cell, verdict, column.digits)
    return runs.mark([*cell.records, *cell.baseline], drawn, label=label, look=look.colour)


def _beyond(mean: float, y: float, scale: Scale, digits: int) -> Markup:
    """An arrow to a gain that lies outside the panel, and what it is."""
    left = mean < scale.low
    x, out = (scale.start, -1) if left else (scale.end, 1)
    arrow = f'M{x:.1f} {y:.1f}l{-8 * out} -5v10z'
    return tag(
        'g',
        tag('path', d=arrow, class_='point'),
        tag('text', signed(mean, digits), x=x - 12 * out, y=y + 4,
            text_anchor='start' if left else 'end'),
    )  # fmt: skip


def _label(name: str, cell: Cell, verdict: Verdict, digits: int) -> str:
    gain, interval, seeds, paper, said = _words(cell, verdict, digits)
    return f'{name}: gain {gain}, interval {interval}, {seeds} seeds, paper {paper}. {said}'


def _words(cell: Cell, verdict: Verdict, digits: int) -> list[str]:
    test, paper = verdict.gain, cell.published_gain
    return [
        signed(statistics.fmean(cell.gains), digits),
        f'{signed(test.low, digits)} to {signed(test.high, digits)}' if test else 'none',
        str(len(cell.gains)),
        'none' if paper is None else signed(paper, digits),
        verdict.text or 'no claim',
    ]
