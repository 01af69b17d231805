"""From logs to records, with a sentence about each log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rm_mm.compat.config_scopes import configs_root
from rm_mm.errors import InputError, printable
from rm_mm.logs.logged_run import LoggedRun, read_run
from rm_mm.names import METHODS, MINI_SETTING, SETTINGS
from rm_mm.recipe.config import read_config
from rm_mm.recipe.metric import metric_of
from rm_mm.records import LOG, Record, figures_of
from rm_mm.reporting.logs.identify import TASK_OF, Recipe, identify
from rm_mm.reporting.logs.seeds import number_seeds
from rm_mm.reporting.sources import files_of


def read_rows(
    logs: Sequence[tuple[str | None, Path]], records: Sequence[Record] = ()
) -> tuple[list[Record], list[str]]:
    """Read logs as records, with remarks for the user.

    Args:
        logs: For each log its method, if the user named it, and its file or the folder of the run.
        records: Records of the same table. Logs are paired with them by seed.

    Raises:
        InputError: If a log cannot be read, has no evaluation, or cannot be identified.
    """
    rows, remarks = [], []
    for method, path in logs:
        run, record, length = _row(method, path)
        rows.append((run, record))
        remarks.append(_remark(run, record, length))
    remarks += number_seeds(rows, records)
    return [record for _, record in rows], remarks


def _row(method: str | None, path: Path) -> tuple[LoggedRun, Record, int | None]:
    """A log, its record, and the planned length of the run in the record's steps."""
    run = read_run(*files_of(path))
    if not run.metrics:
        others = f', found {", ".join(map(printable, run.others))}' if run.others else ''
        raise InputError(
            f'no evaluation in {path}: expected one of {", ".join(TASK_OF)}, as its format calls '
            f'them{others}{_faults(run)}'
        )
    metric = run.metrics[0]
    recipe = identify(run, metric, method)
    config, length = None, None
    if recipe.config:
        config = read_config(configs_root() / recipe.config)
        if (reported := metric_of(config).name) in run.metrics:
            metric = reported
        unit = 'iters' if run.step_unit == 'iteration' else 'epochs'
        length = config.train_cfg.get(f'max_{unit}')
        if not _is_whole(run, run.curve(metric)[-1][0], length):
            # The published figure is that of a whole run.
            recipe, config = replace(recipe, config=None), None
    return run, _record(run, metric, recipe, config), run.length or length


def _is_whole(run: LoggedRun, last: int, length: int | None) -> bool:
    """Whether a run ended where its recipe does, as far as its log shows."""
    # mmcv numbers evaluations by the training line before them, which may be lost.
    lost = run.stride if run.step_unit == 'iteration' and run.kind == 'mmcv 1.x' else 0
    return length is not None and 0 <= length - last <= lost


def _record(run: LoggedRun, metric: str, recipe: Recipe, config: Any) -> Record:
    known, setting = recipe.method in METHODS, LOG
    expected: dict[str, Any] = {}
    if config is not None:
        expected = (known and config.get('expected')) or {}
        setting = MINI_SETTING if config.get('embedded_data') else SETTINGS[0]
    return Record(
        preset=LOG,
        task=recipe.task,
        method=recipe.method,
        seed=0,
        metric=metric,
        step_unit=run.step_unit,
        **figures_of(run.curve(metric)),
        published=expected.get('value'),
        source=expected.get('source'),
        config=(known and recipe.config) or '',
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


def _remark(run: LoggedRun, record: Record, length: int | None) -> str:
    extent = f'{_counted(len(record.curve), "evaluation")} to {record.step_unit} {record.last_step}'
    if length is not None and length > record.last_step and not record.config:
        extent += f' of {length}: unfinished'
    parts = [
        f'{printable(run.path)}: {record.method} of {record.column}, {run.kind}, {extent}, '
        f'best at {record.best_step}'
    ]
    if run.seconds_an_iteration:
        parts.append(f'{run.seconds_an_iteration:.3f} s an iteration')
    if run.memory_mb:
        parts.append(f'{run.memory_mb:.0f} MB a GPU')
    if run.restarts:
        lost = f' (discarding {_counted(run.discarded, "evaluation")})' if run.discarded else ''
        parts.append(f'restarted {_counted(run.restarts, "time")}{lost}')
    if run.earlier:
        parts.append(f'{_counted(run.earlier, "log")} of earlier runs in its folder ignored')
    if run.repeated:
        parts.append(f'{_counted(run.repeated, "evaluation")} repeated: the last one counts')
    if not record.config and record.method in METHODS:
        parts.append('matches no recipe, or its length: no published figure')
    return ', '.join(parts) + _faults(run)


def _counted(number: int, noun: str) -> str:
    return f'{number} {noun}' + ('' if number == 1 else 's')


def _faults(run: LoggedRun) -> str:
    if not run.unread_count:
        return ''
    named = '; '.join(f'{number} ({printable(problem)})' for number, problem in run.unread)
    more = run.unread_count - len(run.unread)
    return f'; unreadable: line {named}' + (f' and {more} more' if more else '')
