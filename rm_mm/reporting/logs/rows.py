"""From the logs of a call to records, and to a word about each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rm_mm.compat.config_scopes import configs_root
from rm_mm.errors import InputError, printable
from rm_mm.names import METHODS, MINI_SETTING, SETTINGS, require_name
from rm_mm.recipe.config import read_config
from rm_mm.recipe.metric import metric_of
from rm_mm.records import LOG, Record, figures_of
from rm_mm.reporting.logs.curve import LoggedRun
from rm_mm.reporting.logs.formats import read_log
from rm_mm.reporting.logs.identify import TASK_OF, Recipe, identify
from rm_mm.reporting.logs.seeds import number

#: What mmcv calls a log.
_MMCV_LOG = re.compile(r'\d{8}_\d{6}\.log\.json')
#: Where mmengine keeps its logs, from a folder or from that of the run.
_MMENGINE_LOGS = ('scalars.json', 'vis_data/scalars.json', '*/vis_data/scalars.json')


def named_path(text: str) -> tuple[str | None, Path]:
    """``METHOD=PATH``, or a path alone; the method may be one of the user's own.

    Raises:
        InputError: If a method has no path.
    """
    method, separator, rest = text.partition('=')
    is_path = Path(text).exists() or not Path(rest).exists()
    if not separator or (method not in METHODS and is_path):
        return None, Path(text)
    if not rest:
        raise InputError(f'{text}: expected the path of a log behind it')
    require_name(method, (), 'method')
    return method, Path(rest)


def read_rows(
    logs: Sequence[tuple[str | None, Path]], records: Sequence[Record] = ()
) -> tuple[list[Record], list[str]]:
    """Read logs.

    Args:
        logs: Methods, where the call says them, and files, or folders of runs.
        records: What stands in the same table, and is paired with them by its seeds.

    Returns:
        A record for each, and what to know of it.

    Raises:
        InputError: If one cannot be read, holds no evaluation, or does not say what it is of.
    """
    rows, said = [], []
    for method, path in logs:
        run, record, length = _row(method, path)
        rows.append((run, record))
        said.append(_said(run, record, length))
    said += number(rows, records)
    return [record for _, record in rows], said


def files_of(path: Path) -> list[Path]:
    """A log, or the logs of one run in its folder, in order.

    Raises:
        InputError: If there is none.
    """
    if path.is_file():
        return [path]
    if not path.exists():
        raise InputError(f'no records and no log: {path} does not exist')
    if not path.is_dir():
        raise InputError(f'{path} is no file: a log is gone through twice; save it first')
    if found := sorted(file for pattern in _MMENGINE_LOGS for file in path.glob(pattern)):
        return found
    if found := sorted(path.glob('*.log.json')):
        if len(found) > 1 and not all(_MMCV_LOG.fullmatch(file.name) for file in found):
            raise InputError(
                f'{path} holds several logs, of one run or of several: expected names such as '
                f'20260101_120000.log.json, as mmcv gives them, found {found[0].name}; name each '
                'log by itself'
            )
        return found
    raise InputError(
        f'no records and no log: expected {path}/records/*.json, as rm-mm suite writes them, '
        f'{path}/*/vis_data/scalars.json, as mmengine does, {path}/*.log.json, as mmcv 1.x does, '
        'or a log'
    )


def _row(method: str | None, path: Path) -> tuple[LoggedRun, Record, int | None]:
    """A log, its record, and the length of its recipe in the steps of that."""
    run = read_log(*files_of(path))
    if not (metrics := run.metrics()):
        others = f', found {", ".join(map(printable, run.others))}' if run.others else ''
        raise InputError(
            f'no evaluation in {path}: expected one of {", ".join(TASK_OF)}, in the words of its '
            f'format{others}{_faults(run)}'
        )
    recipe = identify(run, metrics[0], method)
    config = read_config(configs_root() / recipe.config) if recipe.config else None
    metric = metrics[0]
    if config is not None and (counts := metric_of(config).name) in metrics:
        metric = counts
    length = None
    if config is not None:
        unit = 'iters' if run.step_unit == 'iteration' else 'epochs'
        length = config.train_cfg.get(f'max_{unit}')
        if not _is_whole(run, run.curve(metric)[-1][0], length):
            # Of another schedule, or not at its end: the paper prints no figure of that.
            recipe, config = replace(recipe, config=None), None
    return run, _record(run, metric, recipe, config), run.length or length


def _is_whole(run: LoggedRun, last: int, length: int | None) -> bool:
    """Whether a run ended where its recipe does, as far as its log shows."""
    # Of mmcv an evaluation by iterations is after the last line of training that can be read.
    lost = run.stride if run.step_unit == 'iteration' and run.kind == 'mmcv 1.x' else 0
    return length is not None and 0 <= length - last <= lost


def _record(run: LoggedRun, metric: str, recipe: Recipe, config: Any) -> Record:
    expected = {} if config is None else config.get('expected') or {}
    known = recipe.method in METHODS
    setting = LOG
    if config is not None:
        setting = MINI_SETTING if config.get('embedded_data') else SETTINGS[0]
    return Record(
        preset=LOG,
        task=recipe.task,
        method=recipe.method,
        seed=0,
        metric=metric,
        step_unit=run.step_unit,
        **figures_of(run.curve(metric)),
        published=expected.get('value') if known else None,
        source=expected.get('source') if known else None,
        config=recipe.config or '' if known else '',
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


def _said(run: LoggedRun, record: Record, length: int | None) -> str:
    ended = f'{_counted(len(record.curve), "evaluation")} to {record.step_unit} {record.last_step}'
    if length is not None and length > record.last_step and not record.config:
        ended += f' of {length}: unfinished'
    parts = [
        f'{printable(run.path)}: {record.method} of {record.column}, {run.kind}, '
        f'{ended}, best at {record.best_step}'
    ]
    if run.seconds_an_iteration:
        parts.append(f'{run.seconds_an_iteration:.3f} s an iteration')
    if run.memory_mb:
        parts.append(f'{run.memory_mb:.0f} MB a GPU')
    if run.restarts:
        given_up = f' (which gave up {_counted(run.given_up, "evaluation")})' * bool(run.given_up)
        parts.append(f'restarted {_counted(run.restarts, "time")}{given_up}')
    if run.earlier:
        parts.append(f'{_counted(run.earlier, "log")} of runs before it in its folder not counted')
    if run.made_again:
        parts.append(
            f'{_counted(run.made_again, "evaluation")} made again, of which the last count'
        )
    if not record.config and record.method in METHODS:
        parts.append('of no recipe here, or of another length: no published figure')
    return ', '.join(parts) + _faults(run)


def _counted(number: int, what: str) -> str:
    return f'{number} {what}' + ('' if number == 1 else 's')


def _faults(run: LoggedRun) -> str:
    if not run.unread_count:
        return ''
    named = '; '.join(f'{number} ({printable(said)})' for number, said in run.unread)
    more = run.unread_count - len(run.unread)
    return f'; not read: line {named}' + (f' and {more} more' if more else '')
