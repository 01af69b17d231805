"""The resolved config of one cell: the recipe, this seed, this backbone, this schedule length."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rm_mm.compat.config_scopes import configs_root
from rm_mm.data.sources import set_data_root
from rm_mm.errors import InputError
from rm_mm.recipe.config import entries, read_config, type_name, understood
from rm_mm.recipe.flat import flatten
from rm_mm.recipe.metric import metric_of
from rm_mm.run.resume.latest import latest_checkpoint
from rm_mm.suite.planning.plan import Cell
from rm_mm.transfer.slot import empty, fill

#: How many of the keys that differ are named.
_NAMED = 3


def resolve(cell: Cell, *, scale: float = 1.0, data_root: str | None = None) -> Any:
    """Read a cell's config and fix what the plan decides.

    Args:
        cell: Whose config to read.
        scale: Length of the schedule as a fraction of the recipe's, in (0, 1].
        data_root: Instead of the config's.

    Returns:
        The mmengine ``Config``.

    Raises:
        InputError: If it does not parse, or cannot take the cell's backbone.
    """
    with understood(cell.config):
        return _resolve(cell, scale, data_root)


def _resolve(cell: Cell, scale: float, data_root: str | None) -> Any:
    config = read_config(configs_root() / cell.config)
    config.randomness = {**config.get('randomness', {}), 'seed': cell.seed}
    if not cell.pretrains:
        if cell.backbone is not None:
            fill(config, cell.backbone, cell.config)
        else:
            empty(config, cell.config)
    if 'max_iters' in config.train_cfg:
        # Else mmengine logs every evaluation of a run of iterations as step 0.
        hooks = dict(config.get('default_hooks') or {})
        hooks['logger'] = {'type': 'LoggerHook', **(hooks.get('logger') or {})}
        hooks['logger']['log_metric_by_epoch'] = False
        config.default_hooks = hooks
    if cell.trains:
        _keep_the_best(config, metric_of(config, cell.config).key)
    if visualizer := config.get('visualizer'):
        # It writes the log that the record is read from.
        backends = visualizer.get('vis_backends') or []
        if not any(type_name(backend).endswith('LocalVisBackend') for backend in backends):
            visualizer['vis_backends'] = [*backends, {'type': 'LocalVisBackend'}]
    if data_root:
        set_data_root(config, data_root)
    if scale < 1:
        shorten(config, scale)
    return config


def _keep_the_best(config: Any, metric: str) -> None:
    """Have a run keep the checkpoint of its best figure, which is exported and looked closer at."""
    hooks = dict(config.get('default_hooks') or {})
    if any(hook.get('save_best') for hook in entries(config.get('custom_hooks')) if hook):
        return
    # With an interval of its own it would keep all others, too.
    hook = dict(hooks.get('checkpoint') or {'type': 'CheckpointHook', 'interval': -1})
    # What "auto" takes is the first figure of an evaluator, of mmsegmentation not the mIoU.
    kept = [name for name in entries(hook.get('save_best')) if name != 'auto']
    if metric in kept:
        return
    hook['save_best'] = [*kept, metric] if kept else metric
    hook.setdefault('rule', 'greater')
    hooks['checkpoint'] = hook
    config.default_hooks = hooks


def shorten(config: Any, scale: float) -> None:
    """Scale the length of a schedule, warm-up and steps included, in place; at least one each."""

    def scaled(length: int) -> int:
        return max(1, round(length * scale))

    loop = config.train_cfg
    for key in ('max_epochs', 'max_iters', 'val_interval', 'val_begin'):
        if loop.get(key):
            loop[key] = scaled(loop[key])
    for scheduler in entries(config.get('param_scheduler')):
        for key in ('begin', 'T_max', 'end', 'warmup', 'step_size'):
            if scheduler.get(key):
                scheduler[key] = scaled(scheduler[key])
        if 'milestones' in scheduler:
            scheduler['milestones'] = [scaled(step) for step in scheduler['milestones']]
    if 'max_iters' in loop:
        checkpoint = (config.get('default_hooks') or {}).get('checkpoint') or {}
        if checkpoint.get('interval', -1) > 0:
            checkpoint['interval'] = scaled(checkpoint['interval'])


def config_path(cell: Cell) -> Path:
    """Where the resolved config of a run is kept; it is there once the run has begun."""
    return cell.directory.parent / 'configs' / f'{cell.directory.name}.py'


def require_same(cell: Cell, config: Any) -> None:
    """Check that a run that has begun was begun with this config.

    Raises:
        InputError: If it was another.
    """
    path = config_path(cell)
    begun = cell.record.exists() or latest_checkpoint(cell.directory) is not None
    begun = begun or any(cell.directory.glob('*/vis_data/scalars.json'))
    if not path.exists() or not begun:
        return
    before, now = flatten(_comparable(read_config(path))), flatten(_comparable(config))
    if keys := [key for key in {**before, **now} if before.get(key) != now.get(key)]:
        more = f' and {len(keys) - _NAMED} more' if len(keys) > _NAMED else ''
        raise InputError(
            f'{cell.directory} was begun with another config, or another --schedule-scale or '
            f'--data-root: expected what {path} holds, found another {", ".join(keys[:_NAMED])}'
            f'{more}. Say another --work-dir, or remove {path}, {cell.directory} and {cell.record}'
        )


def _comparable(config: Any) -> dict[str, Any]:
    """A config as plain values, its backbone wherever the call says that the work directory is."""
    values: dict[str, Any] = json.loads(json.dumps(config.to_dict(), default=str))
    initializer = values.get('model', {}).get('backbone', {}).get('init_cfg')
    if isinstance(initializer, dict) and initializer.get('checkpoint'):
        # From the work directory, which may have been moved since.
        initializer['checkpoint'] = '/'.join(Path(initializer['checkpoint']).parts[-2:])
    return values
