"""Writers of a finished table: plain text, Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

from rm_mm.reporting.results import ABSENT
from rm_mm.reporting.table import TEXT_COLUMNS, Table

# Markdown syntax; strike-through is harmless and not escaped.
_IN_MARKDOWN = str.maketrans(
    {'&': '&amp;', '<': '&lt;', '>': '&gt;'} | {sign: f'\\{sign}' for sign in '\\|`*'}
)
#: Suffixes of the CSV fields that one cell becomes, by the last word of its heading.
_PARTS = {'best': ('', ' std'), 'last': ('', ' std'), 'gain': ('', ' low', ' high')}
# LaTeX syntax, and characters that LaTeX typesets as others.
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
    """Plain text with aligned columns, and the notes below."""
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
        # Markdown allows HTML and links. The brackets of an interval alone are not a link.
        return cell.translate(_IN_MARKDOWN).replace('](', r']\(')

    rule = ['---'] * TEXT_COLUMNS + ['---:'] * (len(table.header) - TEXT_COLUMNS)
    rows = [table.header, rule, *table.rows]
    body = '\n'.join('| ' + ' | '.join(map(escape, row)) + ' |' for row in rows)
    return '\n\n'.join([body, ' '.join(map(escape, table.notes))]) + '\n'


def to_csv(table: Table) -> str:
    """CSV with every number in its own field, and an empty field where there is none.

    Headings include the task, which makes them unique.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator='\n')
    names, task = [], ''
    for name in table.header:
        task = name.removesuffix('best') if name.endswith(' best') else task
        own = name if name.startswith(task) else task + name
        names += [own + part for part in _PARTS.get(name.rpartition(' ')[2], ('',))]
    writer.writerow(map(_inert, names))
    for row in table.rows:
        fields = [_inert(cell) for cell in row[:TEXT_COLUMNS]]
        for name, cell in zip(table.header[TEXT_COLUMNS:], row[TEXT_COLUMNS:], strict=True):
            fields += _numbers(name.rpartition(' ')[2], '' if cell == ABSENT else cell)
        writer.writerow(fields)
    return out.getvalue()


def _numbers(name: str, cell: str) -> list[str]:
    """The fields of a cell, see :data:`_PARTS`."""
    if name not in _PARTS:
        return [cell]
    numbers = re.split(r' ± | \[|, ', cell.removesuffix(']'))
    return numbers + [''] * (len(_PARTS[name]) - len(numbers))


def _inert(text: str) -> str:
    """Text that no spreadsheet evaluates as a formula."""
    return f"'{text}" if text.startswith(('=', '+', '-', '@')) and text != ABSENT else text


def to_latex(table: Table) -> str:
    """A booktabs ``tabular``."""

    def line(cells: list[str]) -> str:
        text = ' & '.join(cell.translate(_IN_LATEX) for cell in cells) + r' \\'
        # The row end before it would parse these two as its arguments.
        return f'{{{text[0]}}}{text[1:]}' if text.startswith(('[', '*')) else text

    columns = 'l' * TEXT_COLUMNS + 'r' * (len(table.header) - TEXT_COLUMNS)
    body = [r'\toprule', line(table.header), r'\midrule', *map(line, table.rows), r'\bottomrule']
    return '\n'.join([rf'\begin{{tabular}}{{{columns}}}', *body, r'\end{tabular}']) + '\n'


WRITERS: dict[str, Callable[[Table], str]] = {
    'md': to_markdown,
    'csv': to_csv,
    'latex': to_latex,
}
