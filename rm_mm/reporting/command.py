"""``rm-mm report``: read folders of records, and logs; print the table, write it where asked."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rm_mm.errors import InputError, Mistakes, printable
from rm_mm.files import write_text
from rm_mm.records import PICTURES, Record, read_record
from rm_mm.reporting.formats import WRITERS, to_text
from rm_mm.reporting.results import arrange
from rm_mm.reporting.table import build_table, to_table

#: Options that name a file to write.
_TARGETS = (*WRITERS, 'html')


def show(records: Sequence[Record]) -> None:
    """Print the table of some records, if there are any."""
    if records:
        print('\n' + to_text(build_table(records)))


def _require_targets(
    args: argparse.Namespace, sources: Sequence[Path], folders: Sequence[Path]
) -> None:
    """Check, before anything long begins, that each table can be written where it is to go.

    Args:
        args: Of the call.
        sources: Files that tables are made of.
        folders: Those of the suite, in which whatever lies is taken for its own.

    Raises:
        InputError: If one would replace a source or another table, or has no place.
    """
    targets = [target.resolve() for name in _TARGETS if (target := getattr(args, name))]
    kept = [source.resolve() for source in (*sources, *folders)]
    for target in targets:
        for source in (source for source in kept if source in (target, *target.parents)):
            raise InputError(
                f'{printable(source)} is what the table is made of: write the table elsewhere'
            )
        if target.is_dir():
            raise InputError(f'{printable(target)} is a folder: expected the name of a file')
        above = next(parent for parent in target.parents if os.path.exists(parent))
        if not os.path.exists(target) and not (
            above.is_dir() and os.access(above, os.W_OK | os.X_OK)
        ):
            raise InputError(
                f'cannot write {printable(target)}: expected a folder that can be written to, '
                f'found {printable(above)}. Name another place'
            )
    if len(set(targets)) < len(targets):
        raise InputError('two formats have one file: give each its own')


def _require_distinct(found: Sequence[tuple[Path, Record]]) -> None:
    """Check that no run is there twice: it would count as two.

    Raises:
        InputError: If it is.
    """
    seen: dict[tuple[object, ...], Path] = {}
    for path, record in found:
        # Of schema 1 a record names no setting.
        for setting in record.settings or ['']:
            key = (record.task, record.column, record.method, setting, record.seed)
            if key in seen:
                raise InputError(
                    f'{printable(path)} and {printable(seen[key])} are both {record.method} of '
                    f'{record.column or record.task} with seed {record.seed}: leave one out'
                )
            seen[key] = path


def _read(files: Sequence[Path]) -> list[Record]:
    """Read records.

    Raises:
        InputError: With every one that cannot be used.
    """
    mistakes, found = Mistakes(), []
    for file in files:
        with mistakes.collecting():
            found.append(read_record(file))
    mistakes.require_none('no table was made')
    return found


def run_report(args: argparse.Namespace) -> int:
    """Print the table of folders of records, and of logs that were made elsewhere."""
    from rm_mm.reporting.logs.rows import files_of, named_path, read_rows

    files, suites, logs = [], [], []
    for method, path in map(named_path, map(str, args.paths)):
        here = sorted((path / 'records').glob('*.json'))
        if here and method is not None:
            raise InputError(f'the records of {path} say themselves what they are of: no {method}=')
        files += here
        suites += [path.resolve()] if here else []
        logs += [] if here else [(method, path)]
    paths = [*files, *(path for _, path in logs)]
    if twice := [path for path, count in Counter(p.resolve() for p in paths).items() if count > 1]:
        raise InputError(f'{printable(twice[0])} is there twice: leave one out')
    for path in (path.resolve() for _, path in logs):
        if within := next((suite for suite in suites if suite in path.parents), None):
            raise InputError(
                f'{printable(path)} is a run of {printable(within)}, whose records are in the '
                'table already: leave one out'
            )
    folders = [suite / name for suite in suites for name in ('records', PICTURES)]
    _require_targets(args, [file for _, path in logs for file in files_of(path)], folders)
    found = _read(files)
    rows, said = read_rows(logs, found)
    records = [*found, *rows]
    _require_distinct(list(zip(paths, records, strict=True)))
    results = arrange(records)
    table = to_table(results, records)
    print(to_text(table))
    if said:
        print('\n'.join(['', *said]))
    for name, writer in WRITERS.items():
        if target := getattr(args, name):
            write_text(target, writer(table))
            print(f'wrote {printable(target)}')
    if args.html:
        from rm_mm.reporting.page.document import to_page

        page = to_page(results, table.notes, list(zip(paths, records, strict=True)))
        write_text(args.html, page)
        print(f'wrote {printable(args.html)}')
    return 0
