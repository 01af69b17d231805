"""The resolved config of a cell: recipe, seed, backbone and schedule length."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rm_mm.compat.config_scopes import configs_root
from rm_mm.data.sources import set_data_root
from rm_mm.errors import InputError
from rm_mm.recipe.config import entries, read_config, read_saved_config, type_name, understood
from rm_mm.recipe.flat import flatten
from rm_mm.recipe.metric import metric_of
from rm_mm.recipe.schedule import scale_length
from rm_mm.run.resume.latest import latest_checkpoint
from rm_mm.suite.plan.cells import Cell
from rm_mm.transfer.slot import empty, fill

#: Number of differing keys that a message names.
_NAMED = 3


def resolve_config(cell: Cell, *, scale: float = 1.0, data_root: str | None = None) -> Any:
    """Return the mmengine config of a cell: its recipe, with what the plan decided.

    Args:
        cell: The cell.
        scale: Length of the schedule as a fraction of the recipe's, in (0, 1].
        data_root: Root of the data set, instead of the config's.

    Raises:
        InputError: If the config does not parse, or cannot take the cell's backbone.
    """
    with understood(cell.config):
        config = read_recipe(cell)
        config.randomness = {**config.get('randomness', {}), 'seed': cell.seed}
        if not cell.pretrains:
            if cell.backbone is None:
                empty(config, cell.config)
            else:
                fill(config, cell.backbone, cell.config)
        if 'max_iters' in config.train_cfg:
            _log_evaluations_by_iteration(config)
        if cell.trains:
            _keep_best_checkpoint(config, metric_of(config, cell.config).key)
        _keep_local_log(config)
        if data_root:
            set_data_root(config, data_root)
        if scale < 1:
            scale_length(config, scale)
        return config


def read_recipe(cell: Cell) -> Any:
    """Read the config of a cell as it is, before anything is applied."""
    return read_config(configs_root() / cell.config)


def _log_evaluations_by_iteration(config: Any) -> None:
    # By default mmengine logs every evaluation of a run of iterations as step 0.
    hooks = dict(config.get('default_hooks') or {})
    hooks['logger'] = {'type': 'LoggerHook', **(hooks.get('logger') or {})}
    hooks['logger']['log_metric_by_epoch'] = False
    config.default_hooks = hooks


def _keep_local_log(config: Any) -> None:
    """Have the visualizer write the log that the record is read from."""
    if visualizer := config.get('visualizer'):
        backends = visualizer.get('vis_backends') or []
        if not any(type_name(backend).endswith('LocalVisBackend') for backend in backends):
            visualizer['vis_backends'] = [*backends, {'type': 'LocalVisBackend'}]


def _keep_best_checkpoint(config: Any, metric: str) -> None:
    """Have the run keep its best checkpoint, for the export and the details."""
    hooks = dict(config.get('default_hooks') or {})
    if any(hook.get('save_best') for hook in entries(config.get('custom_hooks')) if hook):
        return
    # A positive interval would keep all other checkpoints, too.
    hook = dict(hooks.get('checkpoint') or {'type': 'CheckpointHook', 'interval': -1})
    # "auto" takes the first metric of an evaluator, which in mmsegmentation is not the mIoU.
    kept = [name for name in entries(hook.get('save_best')) if name != 'auto']
    if metric in kept:
        return
    hook['save_best'] = [*kept, metric] if kept else metric
    hook.setdefault('rule', 'greater')
    hooks['checkpoint'] = hook
    config.default_hooks = hooks


def continued_config(cell: Cell, config: Any) -> Any:
    """Return the config with which a cell is run or continued.

    It is ``config``. Earlier versions scaled some ends of schedulers to one step less; a run that
    was started so keeps its schedule.

    Raises:
        InputError: If the run of the cell was started with another config.
    """
    path = cell.saved_config
    begun = cell.record.exists() or latest_checkpoint(cell.directory) is not None
    begun = begun or any(cell.directory.glob('*/vis_data/scalars.json'))
    if not path.exists() or not begun:
        return config
    saved = read_saved_config(path)
    before, now = (flatten(_comparable(each)) for each in (saved, config))
    keys = [key for key in {**before, **now} if not _same(before.get(key), now.get(key))]
    if keys and all(_is_earlier_scaling(key, before.get(key), now.get(key)) for key in keys):
        config.param_scheduler = saved.param_scheduler
    elif keys:
        more = f' and {len(keys) - _NAMED} more' if len(keys) > _NAMED else ''
        raise InputError(
            f'{cell.directory} was started with another config, or another --schedule-scale or '
            f'--data-root: expected what {path} holds, found another {", ".join(keys[:_NAMED])}'
            f'{more}. Pass another --work-dir, or remove {path}, {cell.directory} and {cell.record}'
        )
    return config


def _same(before: Any, now: Any) -> bool:
    # As text, too: a NaN differs from itself.
    return bool(before == now) or repr(before) == repr(now)


def _is_earlier_scaling(key: str, before: Any, now: Any) -> bool:
    place, _, name = key.rpartition('.')
    if not place.startswith('param_scheduler') or type(now) is not int:
        return False
    if name == 'end':
        return type(before) is int and abs(now - before) == 1
    return name in ('T_max', 'total_steps') and before is None


def config_diff(recipe: Any, run: Any, work_dir: Path) -> dict[str, list[Any]]:
    """Compare a resolved config with its recipe.

    Args:
        recipe: Config as it is below ``configs/``.
        run: Config that was run.
        work_dir: Paths below it are given relative to it, so that a record names no machine.

    Returns:
        ``[recipe, run]`` for each flat key that differs; None where one has no such key.
    """
    before, after = (flatten(_plain(config)) for config in (recipe, run))
    keys = [*after, *(key for key in before if key not in after)]
    return {
        key: [_below(config.get(key), work_dir) for config in (before, after)]
        for key in keys
        if before.get(key) != after.get(key)
    }


def _comparable(config: Any) -> dict[str, Any]:
    """Return a config as plain values, with its backbone relative to the work directory."""
    values = _plain(config)
    initializer = values.get('model', {}).get('backbone', {}).get('init_cfg')
    if isinstance(initializer, dict) and initializer.get('checkpoint'):
        # The work directory may have been moved since.
        initializer['checkpoint'] = '/'.join(Path(initializer['checkpoint']).parts[-2:])
    return values


def _plain(config: Any) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(config.to_dict(), default=str))
    return values


def _below(value: Any, work_dir: Path) -> Any:
    if isinstance(value, str) and Path(value).is_relative_to(work_dir):
        return str(Path(value).relative_to(work_dir))
    return value
