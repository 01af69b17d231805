"""Where the runs of a report come from: record files, logs and the folders of both."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rm_mm.errors import InputError, printable
from rm_mm.names import METHODS, require_name
from rm_mm.records import PICTURES, Record

#: Names that mmcv gives to logs.
_MMCV_LOG = re.compile(r'\d{8}_\d{6}\.log\.json')
#: Logs of mmengine, below ``vis_data``, its parent, or the work directory of a run.
_MMENGINE_LOGS = ('scalars.json', 'vis_data/scalars.json', '*/vis_data/scalars.json')


@dataclass(frozen=True)
class Sources:
    """Record files, the work directories they are in, and logs with the methods given for them."""

    records: list[Path]
    suites: list[Path]
    logs: list[tuple[str | None, Path]]

    @property
    def paths(self) -> list[Path]:
        """One path per run."""
        return [*self.records, *(path for _, path in self.logs)]


def find_sources(paths: Iterable[str]) -> Sources:
    """Find the records and logs that the paths of a report lead to.

    Raises:
        InputError: If a path is given twice, or a run and the work directory that contains it.
    """
    sources = Sources([], [], [])
    for text in paths:
        if records := _records_in(Path(text)):
            sources.records.extend(records)
            sources.suites.append(Path(text).resolve())
            continue
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


def named_path(text: str) -> tuple[str | None, Path]:
    """Split ``METHOD=PATH``. The method may be a custom one; a path alone has none.

    Raises:
        InputError: If the path is missing, or the method cannot be the name of a row.
    """
    method, separator, rest = text.partition('=')
    is_path = Path(text).exists() or not Path(rest).exists()
    if not separator or (method not in METHODS and is_path):
        return None, Path(text)
    if not rest:
        raise InputError(f'{text}: expected the path of a log after it')
    require_name(method, (), 'method')
    return method, Path(rest)


def files_of(path: Path) -> list[Path]:
    """The logs of a run, in order: a single log, or those in the folder of the run.

    Raises:
        InputError: If there is no log, or if the logs may be of several runs.
    """
    if path.is_file():
        return [path]
    if not path.exists():
        raise InputError(f'no records and no log: {path} does not exist')
    if not path.is_dir():
        raise InputError(f'{path} is not a regular file: save the log first, as it is read twice')
    if found := sorted(file for pattern in _MMENGINE_LOGS for file in path.glob(pattern)):
        return found
    if found := sorted(path.glob('*.log.json')):
        if len(found) > 1 and not all(_MMCV_LOG.fullmatch(file.name) for file in found):
            raise InputError(
                f'{path} holds several logs, which may be of several runs: expected names as mmcv '
                f'gives them, such as 20260101_120000.log.json, found {found[0].name}; pass each '
                'log by itself'
            )
        return found
    raise InputError(
        f'no records and no log: expected {path}/records/*.json of rm-mm suite, '
        f'{path}/*/vis_data/scalars.json of mmengine, {path}/*.log.json of mmcv 1.x, or a log'
    )


def require_writable(targets: Iterable[Path], sources: Sources) -> None:
    """Check that every file can be written, before anything slow begins.

    Raises:
        InputError: If one cannot, or would replace a source or a file of the suite.
    """
    kept = [suite / name for suite in sources.suites for name in ('records', PICTURES)]
    kept += [file for _, path in sources.logs for file in files_of(path)]
    kept = [path.resolve() for path in kept]
    for target in (target.resolve() for target in targets):
        if source := next((path for path in kept if path in (target, *target.parents)), None):
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


def require_distinct(located: Iterable[tuple[Path, Record]]) -> None:
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
