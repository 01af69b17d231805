"""A finished table as text for a terminal, Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from rm_mm.report.table import TEXT_COLUMNS, Table

# What LaTeX takes for its own, or sets as something else.
_IN_LATEX = str.maketrans(
    {character: f'\\{character}' for character in '%_&#${}'}
    | {
        '\\': r'\textbackslash{}',
        '^': r'\textasciicircum{}',
        '~': r'\textasciitilde{}',
        '<': r'\textless{}',
        '>': r'\textgreater{}',
        '±': r'$\pm$',
    }
)


def to_text(table: Table) -> str:
    """For a terminal: aligned columns."""
    lines = [table.header, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.header))]
    text = [
        '  '.join(
            cell.ljust(width) if i < TEXT_COLUMNS else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return '\n'.join([text[0], '-' * len(text[0]), *text[1:], '', *table.notes])


def to_markdown(table: Table) -> str:
    """A GitHub table."""

    def escape(cell: str) -> str:
        # Markdown lets HTML through.
        for old, new in (('&', '&amp;'), ('<', '&lt;'), ('>', '&gt;'), ('|', r'\|')):
            cell = cell.replace(old, new)
        return cell

    rule = ['---'] * TEXT_COLUMNS + ['---:'] * (len(table.header) - TEXT_COLUMNS)
    rows = [table.header, rule, *table.rows]
    body = '\n'.join('| ' + ' | '.join(map(escape, row)) + ' |' for row in rows)
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

    def line(cells: list[str]) -> str:
        return ' & '.join(cell.translate(_IN_LATEX) for cell in cells) + r' \\'

    columns = 'l' * TEXT_COLUMNS + 'r' * (len(table.header) - TEXT_COLUMNS)
    body = [r'\toprule', line(table.header), r'\midrule', *map(line, table.rows), r'\bottomrule']
    return '\n'.join([rf'\begin{{tabular}}{{{columns}}}', *body, r'\end{tabular}']) + '\n'


WRITERS: dict[str, Callable[[Table], str]] = {
    'md': to_markdown,
    'csv': to_csv,
    'latex': to_latex,
}
