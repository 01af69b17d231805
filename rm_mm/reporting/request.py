"""Reports: the request, its validation, and the result."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from rm_mm.errors import InputError, printable
from rm_mm.files import write_text
from rm_mm.records import RecordSet, read_files
from rm_mm.reporting.formats import WRITERS, to_text
from rm_mm.reporting.results import arrange
from rm_mm.reporting.sources import find_sources, require_distinct, require_writable
from rm_mm.reporting.table import Table, to_table

StrPath: TypeAlias = 'str | PathLike[str]'


@dataclass(frozen=True)
class ReportRequest:
    """What to report, and the file to write in each format.

    Attributes:
        paths: Work directories of a suite, folders of runs, and logs. ``METHOD=PATH`` names the
            method of a log.

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
        for value in (*paths, *self._given.values()):
            if not isinstance(value, str | PathLike) or not os.fspath(value):
                raise InputError(
                    f'report: expected paths as str or Path, found {type(value).__name__} {value!a}'
                )
        object.__setattr__(self, 'paths', tuple(map(os.fspath, paths)))
        targets = [target.resolve() for target in self.targets.values()]
        if len(set(targets)) < len(targets):
            raise InputError('two formats share a file: give each format its own file')

    @property
    def _given(self) -> dict[str, StrPath]:
        files = {'md': self.md, 'csv': self.csv, 'latex': self.latex, 'html': self.html}
        return {name: file for name, file in files.items() if file is not None}

    @property
    def targets(self) -> dict[str, Path]:
        """Files to write, by format."""
        return {name: Path(file) for name, file in self._given.items()}


@dataclass(frozen=True)
class Report:
    """The table of some records, and the files that were written.

    Attributes:
        table: Cells and notes.
        records: Those of logs included.
        notes: What the logs were identified as, one sentence each.
        files: In the order of the formats.
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

    The arguments are those of a :class:`ReportRequest`, or a complete one alone.

    Raises:
        InputError: If something cannot be read or written, or a run is given twice.
    """
    if not isinstance(request, ReportRequest):
        paths = [request] if isinstance(request, str | PathLike) else request
        request = ReportRequest(paths, md=md, csv=csv, latex=latex, html=html)
    elif any(target is not None for target in (md, csv, latex, html)):
        raise InputError('report: name files either in the request or as arguments, not in both')
    sources = find_sources(map(str, request.paths))
    require_writable(request.targets.values(), sources)
    found = read_files(sources.records, 'no table was made')
    records, notes = list(found), list[str]()
    if sources.logs:
        from rm_mm.reporting.logs.rows import read_rows

        rows, notes = read_rows(sources.logs, found)
        records += rows
    located = list(zip(sources.paths, records, strict=True))
    require_distinct(located)
    results = arrange(records)
    table = to_table(results, records)
    for name, target in request.targets.items():
        if name == 'html':
            from rm_mm.reporting.page.document import to_page

            write_text(target, to_page(results, table.notes, located))
        else:
            write_text(target, WRITERS[name](table))
    return Report(table, RecordSet(records), notes, list(request.targets.values()))
