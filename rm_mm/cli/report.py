"""``rm-mm report``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rm_mm.cli.values import path
from rm_mm.errors import printable

if TYPE_CHECKING:
    from rm_mm.records import Record
    from rm_mm.reporting.table import Table


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    report = commands.add_parser('report', help='the table of records and logs')
    sources = (
        'work directory of a suite (--work-dir), run of mmengine, .log.json of mmcv 1.x, or .log '
        "of the paper's authors"
    )
    report.add_argument('paths', nargs='+', type=path, metavar='[METHOD=]PATH', help=sources)
    for name in ('md', 'csv', 'latex', 'html'):
        report.add_argument(f'--{name}', type=path, metavar='FILE', help=f'write {name} to FILE')


def run_report_command(args: argparse.Namespace) -> int:
    """Print the table, and write the requested files."""
    from rm_mm.reporting import ReportRequest, report

    request = ReportRequest(args.paths, md=args.md, csv=args.csv, latex=args.latex, html=args.html)
    made = report(request)
    _print_table(made.table)
    if made.notes:
        print('\n'.join(['', *made.notes]))
    for file in made.files:
        print(f'wrote {printable(file)}')
    return 0


def print_records(records: Sequence[Record]) -> None:
    """Print the table of some records, if there are any."""
    if records:
        from rm_mm.reporting.table import build_table

        print()
        _print_table(build_table(records))


def _print_table(table: Table) -> None:
    """Print a table: through rich on a terminal wide enough for it, else as plain text.

    Pipes get plain text because scripts parse it, and rich would fit it to a width.
    """
    from rm_mm.reporting.formats import to_text

    if sys.stdout.isatty() and _print_on_terminal(table):
        return
    print(to_text(table))


def _print_on_terminal(table: Table) -> bool:
    """Print with rich, verdicts wrapped; False if figures would have to be wrapped too."""
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table as RichTable
    from rich.text import Text

    from rm_mm.reporting.table import TEXT_COLUMNS

    console = Console(highlight=False)
    drawn = RichTable(box=None, header_style='bold', pad_edge=False)
    for index, heading in enumerate(table.header):
        is_verdict = heading == 'verdict'
        drawn.add_column(
            Text(heading),
            justify='left' if index < TEXT_COLUMNS else 'right',
            no_wrap=not is_verdict,
            min_width=20 if is_verdict else None,
        )
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    unlimited = console.options.update(max_width=sys.maxsize)
    if Measurement.get(console, unlimited, drawn).minimum > console.width:
        return False
    console.print(drawn)
    print('\n'.join(['', *table.notes]))
    return True
