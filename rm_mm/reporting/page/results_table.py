"""The table: rows are methods, columns tasks."""

from __future__ import annotations

import statistics
from itertools import groupby

from rm_mm.reporting.page.chart import section
from rm_mm.reporting.page.look import Look, sample
from rm_mm.reporting.page.markup import Child, Markup, tag
from rm_mm.reporting.page.runs import Runs
from rm_mm.reporting.page.verdicts import badge
from rm_mm.reporting.results import Column, Results
from rm_mm.reporting.verdict import Cell, Verdict


def results_table(results: Results, notes: list[str], runs: Runs, known: dict[str, Look]) -> Markup:
    """The section of the table, and what to know of it."""
    caption = 'Best figure of each run, mean ± standard deviation over seeds, by method and task'
    head = tag(
        'tr',
        tag('th', 'Method', scope='col', role='columnheader'),
        [
            tag('th', column.heading, tag('span', column.name or column.task, class_='under'),
                scope='col', role='columnheader')
            for column in results.columns
        ],
        role='row',
    )  # fmt: skip
    bodies = []
    for setting, rows in groupby(results.rows, key=lambda row: row.setting):
        title = tag('th', f'setting: {setting}', scope='rowgroup', role='rowheader',
                    colspan=len(results.columns) + 1)  # fmt: skip
        lines = [
            tag(
                'tr',
                tag(
                    'th',
                    tag('div', sample(known[row.method]), tag('span', row.method)),
                    scope='row',
                    role='rowheader',
                ),
                [
                    _cell(row.method, column, cell, verdict, runs)
                    for column, cell, verdict in zip(
                        results.columns, row.cells, row.verdicts, strict=True
                    )
                ],
                role='row',
            )
            for row in rows
        ]
        head_line = tag('tr', title, class_='setting', role='row')
        bodies.append(tag('tbody', head_line, lines, role='rowgroup'))
    # On a phone its cells stand below one another: roles say what they are there too.
    table = tag('table', tag('caption', caption), tag('thead', head, role='rowgroup'), bodies,
                class_='results', role='table')  # fmt: skip
    return section(
        'results',
        'Results',
        tag('div', table, class_='scroll', tabindex='0', role='region', aria_label='Results'),
        tag('div', tag('h3', 'Notes'), tag('ul', [tag('li', note) for note in notes]),
            class_='notes'),
    )  # fmt: skip


def _cell(method: str, column: Column, cell: Cell, verdict: Verdict, runs: Runs) -> Markup:
    if not cell.records:
        shown_verdict = badge(verdict) or '\N{EN DASH}'
        return tag('td', shown_verdict, role='cell', data_column=column.heading)
    digits, what = column.digits, f'{method}, {column.heading}'
    best = [record.best for record in cell.records]
    shown: list[Child] = [
        runs.button(cell.records, _mean(best, digits), label=f'best, {what}: the runs')
    ]
    if cell.gains:
        shown.append(_gain(cell, verdict, digits, runs, what))
    last = _mean([record.last for record in cell.records], digits)
    paper: list[Child] | None = None
    if cell.published is not None:
        figure = tag('b', f'{cell.published:g}')
        paper = [' · paper ', runs.button(cell.records, figure, label=f'of the paper, {what}')]
    last_button = runs.button(cell.records, last, label=f'last, {what}: the runs')
    shown.append(tag('span', 'last ', last_button, paper, class_='minor'))
    if (said := badge(verdict)) is not None:
        behind = [*cell.records, *cell.baseline]
        shown.append(runs.button(behind, said, label=f'verdict, {what}: the runs'))
    return tag('td', tag('div', shown, class_='cell'), role='cell', data_column=column.heading)


def _gain(cell: Cell, verdict: Verdict, digits: int, runs: Runs, what: str) -> Markup:
    """The mean gain, and its interval on the same seeds."""
    text = signed(statistics.fmean(cell.gains), digits)
    if test := verdict.gain:
        text += f' [{signed(test.low, digits)}, {signed(test.high, digits)}]'
    button = runs.button([*cell.records, *cell.baseline], text, label=f'gain, {what}: the runs')
    return tag('span', 'gain ', button, class_='gain')


def signed(value: float, digits: int) -> str:
    """A difference, with a proper minus sign."""
    return f'{value:+.{digits}f}'.replace('-', '\N{MINUS SIGN}')


def _mean(values: list[float], digits: int) -> str:
    mean = f'{statistics.fmean(values):.{digits}f}'
    return mean if len(values) == 1 else f'{mean} ± {statistics.stdev(values):.{digits}f}'
