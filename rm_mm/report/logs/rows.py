"""From the logs of a call to records, and to a word about each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rm_mm.compat.config_scopes import configs_root
from rm_mm.config_files import read_config
from rm_mm.errors import InputError
from rm_mm.names import METHODS, MINI_SETTING, SETTINGS
from rm_mm.printable import printable
from rm_mm.report.logs.curve import LoggedRun
from rm_mm.report.logs.formats import read_log
from rm_mm.report.logs.identify import TASK_OF, Recipe, identify
from rm_mm.suite.metrics import metric_of
from rm_mm.suite.records import Record, figures_of

#: The preset of a record that was made of a log.
PRESET = 'log'


def named_path(text: str) -> tuple[str | None, Path]:
    """``METHOD=PATH``, or a path alone.

    Raises:
        InputError: If a method has no path.
    """
    method, separator, rest = text.partition('=')
    if separator and method in METHODS:
        if not rest:
            raise InputError(f'{text}: expected the path of a log behind it')
        return method, Path(rest)
    return None, Path(text)


def read_rows(logs: Sequence[tuple[str | None, Path]]) -> tuple[list[Record], list[str]]:
    """Read logs.

    Args:
        logs: Methods, where the call says them, and files, or folders of mmengine's runs.

    Returns:
        A record for each, and what to know of it.

    Raises:
        InputError: If one cannot be read, holds no evaluation, or does not say what it is of.
    """
    rows = [_row(method, path) for method, path in logs]
    said = [_said(run, record) for run, record in rows]
    if _number(rows):
        said.append('seeds of logs are numbered, and so paired, in the order of the call')
    return [record for _, record in rows], said


def _number(rows: Sequence[tuple[LoggedRun, Record]]) -> bool:
    """Give each record its seed: the log's, if the methods of a column have the same ones.

    Returns:
        Whether any were numbered in their order instead.
    """
    numbered = False
    for column in dict.fromkeys(record.column for _, record in rows):
        methods: dict[str, list[tuple[LoggedRun, Record]]] = {}
        for run, record in rows:
            if record.column == column:
                methods.setdefault(record.method, []).append((run, record))
        stated = [sorted(str(run.seed) for run, _ in found) for found in methods.values()]
        several = max(map(len, stated)) > 1
        own = several and all(s == stated[0] and len(set(s)) == len(s) for s in stated)
        for found in methods.values():
            for order, (run, record) in enumerate(found):
                record.seed = run.seed if own and run.seed is not None else order
        numbered |= not own and (len(methods) > 1 or several)
    return numbered


def _files(path: Path) -> list[Path]:
    """A log, or the logs of a run of mmengine that was resumed."""
    if path.is_file():
        return [path]
    if path.exists() and not path.is_dir():
        raise InputError(f'{path} is no file: a log is gone through twice; save it first')
    found = sorted([*path.glob('vis_data/scalars.json'), *path.glob('*/vis_data/scalars.json')])
    if not found:
        raise InputError(
            f'no records and no log: expected {path}/records/*.json, as rm-mm suite writes them, '
            f'{path}/*/vis_data/scalars.json, as mmengine does, or a log'
            + ('' if path.exists() else f'; {path} does not exist')
        )
    return found


def _row(method: str | None, path: Path) -> tuple[LoggedRun, Record]:
    run = read_log(*_files(path))
    if not (metrics := run.metrics()):
        raise InputError(
            f'no evaluation in {path}: expected one of {", ".join(TASK_OF)}, in the words of its '
            f'format{_faults(run)}'
        )
    recipe = identify(run, metrics[0], method)
    config = read_config(configs_root() / recipe.config) if recipe.config else None
    metric = metrics[0]
    if config is not None and (counts := metric_of(config).name) in metrics:
        metric = counts
    if config is not None and _is_longer(run, metric, config):
        # The recipe of another schedule, whose figure the paper does not print.
        recipe, config = replace(recipe, config=None), None
    return run, _record(run, metric, recipe, config)


def _is_longer(run: LoggedRun, metric: str, config: Any) -> bool:
    """Whether a run went on where the recipe's schedule ends."""
    length = config.train_cfg.get(f'max_{"iters" if run.step_unit == "iteration" else "epochs"}')
    return length is not None and run.curve(metric)[-1][0] > length


def _record(run: LoggedRun, metric: str, recipe: Recipe, config: Any) -> Record:
    expected = {} if config is None else config.get('expected') or {}
    setting = PRESET
    if config is not None:
        setting = MINI_SETTING if config.get('embedded_data') else SETTINGS[0]
    return Record(
        preset=PRESET,
        task=recipe.task,
        method=recipe.method,
        seed=0,
        metric=metric,
        step_unit=run.step_unit,
        **figures_of(run.curve(metric)),
        published=expected.get('value'),
        source=expected.get('source'),
        config=recipe.config or '',
        config_sha256='',
        schedule_scale=1.0,
        backbone_sha256=None,
        data_fingerprint=None,
        seconds=round(run.seconds, 1),
        environment={'log': str(run.path), 'format': run.kind},
        column=recipe.column,
        settings=[setting],
        seconds_an_iteration=run.seconds_an_iteration,
        memory_mb=run.memory_mb,
    )


def _said(run: LoggedRun, record: Record) -> str:
    parts = [
        f'{printable(run.path)}: {record.method} of {record.column}, {run.kind}, '
        f'{len(record.curve)} evaluations to {record.step_unit} {record.last_step}, '
        f'best at {record.best_step}'
    ]
    if run.seconds_an_iteration:
        parts.append(f'{run.seconds_an_iteration:.3f} s an iteration')
    if run.memory_mb:
        parts.append(f'{run.memory_mb:.0f} MB a GPU')
    if run.restarts:
        parts.append(f'restarted {run.restarts} times')
    if not record.config:
        parts.append('of no recipe here, or of another length: no published figure')
    return ', '.join(parts) + _faults(run)


def _faults(run: LoggedRun) -> str:
    if not run.unread_count:
        return ''
    named = '; '.join(f'{number} ({printable(said)})' for number, said in run.unread)
    more = run.unread_count - len(run.unread)
    return f'; not read: line {named}' + (f' and {more} more' if more else '')
