"""Reports: the request, its validation, and the result."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from rm_mm.errors import InputError, printable
from rm_mm.files import write_text
from rm_mm.records import PICTURES, Record, RecordSet, read_files
from rm_mm.reporting.formats import WRITERS, to_text
from rm_mm.reporting.results import arrange
from rm_mm.reporting.table import Table, to_table

StrPath: TypeAlias = 'str | PathLike[str]'


@dataclass(frozen=True)
class ReportRequest:
    """What to report, and which files to write.

    Attributes:
        paths: Work directories of a suite, folders of runs, and logs. ``METHOD=PATH`` names the
            method of a log.
        md: Markdown file to write.
        csv: CSV file to write.
        latex: LaTeX file to write.
        html: Page to write.

    Raises:
        InputError: If there are no paths, one is not a path, or two formats share a file.
    """

    paths: Sequence[StrPath]
    md: StrPath | None = None
    csv: StrPath | None = None
    latex: StrPath | None = None
    html: StrPath | None = None

    def __post_init__(self) -> None:
        paths = [self.paths] if isinstance(self.paths, str | PathLike) else self.paths
        if not isinstance(paths, Sequence) or not paths:
            raise InputError(f'report: expected one or more paths, found {printable(paths)}')
        given = [
            *paths,
            *(value for name in _FORMATS if (value := getattr(self, name)) is not None),
        ]
        for value in given:
            if not isinstance(value, str | PathLike) or not os.fspath(value):
                raise InputError(
                    f'report: expected paths as str or Path, found {type(value).__name__} {value!a}'
                )
        object.__setattr__(self, 'paths', tuple(map(os.fspath, paths)))
        targets = [target.resolve() for target in self.targets.values()]
        if len(set(targets)) < len(targets):
            raise InputError('two formats share a file: give each format its own file')

    @property
    def targets(self) -> dict[str, Path]:
        """Files to write, by format."""
        given = {name: getattr(self, name) for name in _FORMATS}
        return {name: Path(target) for name, target in given.items() if target is not None}


_FORMATS = (*WRITERS, 'html')


@dataclass(frozen=True)
class Report:
    """The table of some records, and the files that were written.

    Attributes:
        table: Cells and notes of the table.
        records: Its records, those of logs included.
        notes: What the logs were identified as, one sentence each.
        files: Files that were written.
    """

    table: Table
    records: RecordSet
    notes: list[str]
    files: list[Path]

    @property
    def text(self) -> str:
        """The table as plain text."""
        return to_text(self.table)


def report(
    request: ReportRequest | StrPath | Sequence[StrPath],
    *,
    md: StrPath | None = None,
    csv: StrPath | None = None,
    latex: StrPath | None = None,
    html: StrPath | None = None,
) -> Report:
    """Make the table of work directories and logs, and write it to files.

    Args:
        request: A complete request, or its paths.
        md: Markdown file to write. Like the other files, only with paths.
        csv: CSV file to write.
        latex: LaTeX file to write.
        html: Page to write.

    Raises:
        InputError: If something cannot be read or written, or a run is given twice.
    """
    if not isinstance(request, ReportRequest):
        paths = [request] if isinstance(request, str | PathLike) else request
        request = ReportRequest(paths, md=md, csv=csv, latex=latex, html=html)
    elif any(target is not None for target in (md, csv, latex, html)):
        raise InputError('report: name files either in the request or as arguments, not in both')
    sources = _find(request)
    _require_writable(request, sources)
    found = read_files(sources.records, 'no table was made')
    records, notes = list(found), list[str]()
    if sources.logs:
        from rm_mm.reporting.logs.rows import read_rows

        rows, notes = read_rows(sources.logs, found)
        records += rows
    located = list(zip(sources.paths, records, strict=True))
    _require_distinct(located)
    results = arrange(records)
    table = to_table(results, records)
    for name, target in request.targets.items():
        if name == 'html':
            from rm_mm.reporting.page.document import to_page

            write_text(target, to_page(results, table.notes, located))
        else:
            write_text(target, WRITERS[name](table))
    return Report(table, RecordSet(records), notes, list(request.targets.values()))


@dataclass(frozen=True)
class _Sources:
    """Record files, the work directories they are in, and logs with the methods given for them."""

    records: list[Path]
    suites: list[Path]
    logs: list[tuple[str | None, Path]]

    @property
    def paths(self) -> list[Path]:
        """One path per run."""
        return [*self.records, *(path for _, path in self.logs)]


def _find(request: ReportRequest) -> _Sources:
    """Find records and logs.

    Raises:
        InputError: If a path is given twice, or a run and the work directory that contains it.
    """
    sources = _Sources([], [], [])
    for text in map(str, request.paths):
        if records := _records_in(Path(text)):
            sources.records.extend(records)
            sources.suites.append(Path(text).resolve())
            continue
        from rm_mm.reporting.logs.rows import named_path

        method, path = named_path(text)
        if _records_in(path):
            raise InputError(
                f'the records of {printable(path)} name their methods themselves: drop {method}='
            )
        sources.logs.append((method, path))
    counts = Counter(path.resolve() for path in sources.paths)
    if twice := [path for path, count in counts.items() if count > 1]:
        raise InputError(f'{printable(twice[0])} is given twice: drop one')
    for path in (path.resolve() for _, path in sources.logs):
        if within := next((suite for suite in sources.suites if suite in path.parents), None):
            raise InputError(
                f'{printable(path)} is a run of {printable(within)}, whose records are already in '
                'the table: drop one'
            )
    return sources


def _records_in(folder: Path) -> list[Path]:
    return sorted((folder / 'records').glob('*.json'))


def _require_writable(request: ReportRequest, sources: _Sources) -> None:
    """Check that every file can be written, before anything slow begins.

    Raises:
        InputError: If one cannot, or would replace a source or a file of the suite.
    """
    kept = [suite / name for suite in sources.suites for name in ('records', PICTURES)]
    if request.targets and sources.logs:
        from rm_mm.reporting.logs.rows import files_of

        kept += [file for _, path in sources.logs for file in files_of(path)]
    kept = [path.resolve() for path in kept]
    for target in (target.resolve() for target in request.targets.values()):
        for source in (source for source in kept if source in (target, *target.parents)):
            raise InputError(
                f'{printable(source)} is a source of the table: write the table elsewhere'
            )
        if target.is_dir():
            raise InputError(f'{printable(target)} is a folder: expected the name of a file')
        above = next(parent for parent in target.parents if os.path.exists(parent))
        if not os.path.exists(target) and not (
            above.is_dir() and os.access(above, os.W_OK | os.X_OK)
        ):
            raise InputError(
                f'cannot write {printable(target)}: expected a writable folder, found '
                f'{printable(above)}. Choose another place'
            )


def _require_distinct(located: Sequence[tuple[Path, Record]]) -> None:
    """Check that no run is there twice, because it would count as two.

    Raises:
        InputError: If one is.
    """
    known: dict[tuple[object, ...], Path] = {}
    for path, record in located:
        # Records of schema 1 have no settings.
        for setting in record.settings or ['']:
            key = (record.task, record.column, record.method, setting, record.seed)
            if key in known:
                raise InputError(
                    f'{printable(path)} and {printable(known[key])} are both {record.method} of '
                    f'{record.column or record.task} with seed {record.seed}: drop one'
                )
            known[key] = path
