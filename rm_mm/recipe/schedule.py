"""Scaling the length of a schedule: the loop, and every scheduler, warm-up included."""

from __future__ import annotations

from typing import Any

from rm_mm.recipe.config import entries, type_name

#: Schedulers of mmengine that finish one step before ``end``: their ``total_iters`` is
#: ``end - begin - 1`` (mmengine/optim/scheduler/param_scheduler.py).
_FINISH_EARLY = ('Constant', 'Linear', 'Poly')
#: Schedulers whose own length defaults to ``end - begin``, and the argument that sets it.
_OWN_LENGTH = {'CosineAnnealing': 'T_max', 'OneCycle': 'total_steps'}
_LENGTHS = ('T_max', 'total_steps', 'warmup', 'step_size')
_LISTS = ('milestones', 'periods')


def scale_length(config: Any, factor: float) -> None:
    """Scale the length of a resolved training config by a factor, in place.

    Loop, evaluation interval, checkpoint interval of a run of iterations, and all schedulers are
    scaled. Every length stays at least 1.
    """
    loop = config.train_cfg
    for key in ('max_epochs', 'val_interval', 'val_begin'):
        if loop.get(key) and not loop.get('max_iters'):
            loop[key] = _scaled(loop[key], factor)
    scale_iterations(config, factor)
    for scheduler in schedulers(config):
        scale_scheduler(scheduler, factor)


def scale_iterations(config: Any, factor: float) -> None:
    """Scale what a run of iterations counts in iterations, in place: its loop and checkpoints.

    A run of epochs is left alone.
    """
    loop = config.train_cfg
    if not loop.get('max_iters'):
        return
    for key in ('max_iters', 'val_interval', 'val_begin'):
        if loop.get(key):
            loop[key] = _scaled(loop[key], factor)
    checkpoint = (config.get('default_hooks') or {}).get('checkpoint') or {}
    # An interval of -1 means never.
    if checkpoint.get('interval', -1) > 0 and not checkpoint.get('by_epoch', True):
        checkpoint['interval'] = _scaled(checkpoint['interval'], factor)


def scale_scheduler(scheduler: Any, factor: float) -> None:
    """Scale one scheduler entry, in place.

    After scaling, the learning rate is the same function of the progress of training as before, up
    to rounding. Linear, constant and polynomial schedulers finish at step ``end - 1``, so it is
    ``end - 1`` that is scaled; for all others it is ``end``.
    """
    begin, end = scheduler.get('begin') or 0, scheduler.get('end')
    kind = type_name(scheduler)
    if end:
        for name, argument in _OWN_LENGTH.items():
            if kind.startswith(name) and not scheduler.get(argument):
                # Otherwise it would follow the rounded ends.
                scheduler[argument] = end - begin
    if begin:
        scheduler['begin'] = _scaled(begin, factor)
    # mmengine converts epochs to iterations before it subtracts the step.
    converted = scheduler.get('convert_to_iter_based')
    if end and kind.startswith(_FINISH_EARLY) and not converted:
        scheduler['end'] = _scaled(end - 1, factor) + 1
    elif end:
        scheduler['end'] = _scaled(end, factor)
    for key in _LENGTHS:
        if scheduler.get(key):
            scheduler[key] = _scaled(scheduler[key], factor)
    for key in _LISTS:
        if scheduler.get(key):
            scheduler[key] = [_scaled(step, factor) for step in scheduler[key]]


def schedulers(config: Any) -> list[Any]:
    """Return the scheduler entries of a config, in order."""
    return entries(config.get('param_scheduler'))


def _scaled(length: int, factor: float) -> int:
    return max(1, round(length * factor))
