"""``rm-mm report``: read the records of a folder, print the table, write it where asked."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rm_mm.atomic import write_text
from rm_mm.errors import InputError
from rm_mm.report.formats import WRITERS, to_text
from rm_mm.report.table import build_table
from rm_mm.suite.records import Record, read_record


def show(records: Sequence[Record]) -> None:
    """Print the table of some records, if there are any."""
    if records:
        print('\n' + to_text(build_table(records)))


def _require_targets(args: argparse.Namespace, records: Path) -> None:
    """Check that no table is written over a record or another table."""
    targets = [target.resolve() for name in WRITERS if (target := getattr(args, name))]
    if any(target.parent == records.resolve() for target in targets):
        raise InputError(f'{records} is the folder of the records: write the table elsewhere')
    if len(set(targets)) < len(targets):
        raise InputError('two formats have one file: give each its own')


def run_report(args: argparse.Namespace) -> int:
    """Print the table of ``DIRECTORY/records``."""
    folder = args.directory / 'records'
    files = sorted(folder.glob('*.json'))
    if not files:
        raise InputError(f'no records: expected {folder}/*.json, as rm-mm suite writes them')
    _require_targets(args, folder)
    table = build_table([read_record(file) for file in files])
    print(to_text(table))
    for name, writer in WRITERS.items():
        if target := getattr(args, name):
            write_text(target, writer(table))
            print(f'wrote {target}')
    return 0
