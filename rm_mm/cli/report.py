"""``rm-mm report``."""

from __future__ import annotations

import argparse

from rm_mm.cli.values import path


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    report = commands.add_parser('report', help='the table from records, and from any logs')
    report.add_argument(
        'paths',
        nargs='+',
        type=path,
        metavar='[METHOD=]PATH',
        help="what --work-dir was; a run of mmengine; mmcv 1.x's .log.json; the authors' .log",
    )
    for name in ('md', 'csv', 'latex', 'html'):
        report.add_argument(f'--{name}', type=path, metavar='FILE', help=f'write {name} to FILE')


def run_report_command(args: argparse.Namespace) -> int:
    """Print the table, and write it where asked."""
    from rm_mm.reporting.command import run_report

    return run_report(args)
