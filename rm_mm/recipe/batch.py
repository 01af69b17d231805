"""The recipe's global batch on another number of processes.

The recipe's is ``auto_scale_lr.base_batch_size`` of the config; the run's is processes times
``train_dataloader.batch_size`` times the batches accumulated a step. Where they differ, the run is
another experiment unless somebody says how to go on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from rm_mm.errors import InputError
from rm_mm.recipe.config import entries

#: What ``environment.json`` says of a batch that is the recipe's.
RECIPES_BATCH = "the recipe's"

POLICIES = ('accumulate', 'scale-lr', 'as-is')

#: Where each launcher says how many processes there are.
_COUNTS = {'pytorch': 'WORLD_SIZE', 'slurm': 'SLURM_NTASKS', 'mpi': 'OMPI_COMM_WORLD_SIZE'}


def process_count(launcher: str, environ: Mapping[str, str] = os.environ) -> int:
    """How many processes train, as their launcher has it; 1 without one.

    Raises:
        InputError: If the launcher says no number.
    """
    if launcher == 'none':
        return 1
    text = environ.get(_COUNTS[launcher], '')
    if not text.isdecimal() or int(text) < 1:
        raise InputError(
            f'--launcher {launcher} expects the number of processes in {_COUNTS[launcher]}, '
            f'got {text!a}'
        )
    return int(text)


def apply_batch_policy(config: Any, processes: int, policy: str | None) -> str | None:
    """Make a run on so many processes what the policy says, in place.

    ``accumulate`` adds up gradients until the recipe's batch is full. What counts iterations in a
    run of iterations is multiplied; schedules still count steps of the optimiser.
    ``scale-lr`` multiplies the rate by the ratio of the batches (arXiv 1706.02677, section 2.1)
    and divides everything that counts iterations by it, warm-up included, so that as many images
    are seen. Epochs stay epochs. ``as-is`` changes nothing.

    Args:
        config: A resolved mmengine config of a training run. One without a recipe's batch is left
            as it is.
        processes: That take part.
        policy: One of ``POLICIES``, or None if nobody said.

    Returns:
        What it did, for the log; None if the batch is the recipe's.

    Raises:
        InputError: If the batches differ and nobody said how to go on, or the way does not apply.
    """
    scaling = config.get('auto_scale_lr') or {}
    recipe = scaling.get('base_batch_size')
    batch = config.train_dataloader.get('batch_size')
    if not recipe or not batch:
        return None
    if scaling.get('enable'):
        # mmengine would scale the rate and leave the warm-up; one of the two has to do it.
        policy, scaling['enable'] = policy or 'scale-lr', False
    accumulated = config.optim_wrapper.get('accumulative_counts', 1)
    actual = processes * batch * accumulated
    found = f'global batch {actual} ({_product(processes, batch, accumulated)})'
    if accumulated != 1:
        if policy == 'as-is':
            return f"{found}, accumulated as the config says; the recipe's is {recipe}"
        raise InputError(
            f'{found}: optim_wrapper.accumulative_counts={accumulated} lets schedules and loops '
            'count batches instead of steps. Leave it out and say --batch-policy accumulate, which '
            'keeps the recipe, or train as the config says with --batch-policy as-is'
        )
    if actual == recipe:
        return None
    if policy == 'accumulate':
        return f"{found} becomes the recipe's {recipe}: {_accumulate(config, processes, recipe)}"
    if policy == 'scale-lr':
        return f"{found} instead of the recipe's {recipe}: {_scale(config, actual / recipe)}"
    if policy == 'as-is':
        return f"{found} instead of the recipe's {recipe}, as asked for"
    raise InputError(
        f"{found} is not the recipe's {recipe}. Say --batch-policy accumulate "
        f'({_accumulating(processes * batch, recipe)}), --batch-policy scale-lr (linear rule: rate '
        f'x {actual / recipe:g}, warm-up stretched to as many images) or --batch-policy as-is'
    )


def _product(processes: int, batch: int, accumulated: int) -> str:
    text = f'{processes} process{"es" if processes > 1 else ""} x {batch}'
    return text if accumulated == 1 else f'{text} x {accumulated} accumulated'


def _accumulating(at_once: int, recipe: int) -> str:
    if recipe % at_once:
        return f'not possible here: {recipe} is no multiple of {at_once}'
    return f'keeps the recipe: {recipe // at_once} batches a step'


def _accumulate(config: Any, processes: int, recipe: int) -> str:
    at_once = processes * config.train_dataloader.batch_size
    if recipe % at_once:
        fitting = (
            f'--cfg-options train_dataloader.batch_size={recipe // processes}'
            if recipe % processes == 0
            else f'a number of processes that divides {recipe}'
        )
        raise InputError(
            f"--batch-policy accumulate cannot make {recipe}, the recipe's batch, of "
            f'{at_once} images at a time; it takes {fitting}'
        )
    count = recipe // at_once
    for scheduler in _schedulers(config):
        if scheduler.get('convert_to_iter_based'):
            raise InputError(
                f'--batch-policy accumulate and convert_to_iter_based of {scheduler["type"]} do '
                'not go together: mmengine would convert epochs to batches, not to steps. Count '
                'it in iterations or in epochs, or say --batch-policy scale-lr'
            )
    config.optim_wrapper['accumulative_counts'] = count
    hooks = {**config.get('default_hooks', {}), 'param_scheduler': {'type': 'StepSchedulerHook'}}
    config['default_hooks'] = hooks
    for place, key in _iteration_counts(config):
        place[key] *= count
    return f'the gradients of {count} batches make a step'


def _scale(config: Any, ratio: float) -> str:
    def stretched(count: int) -> int:
        return max(1, round(count / ratio))

    optimizer = config.optim_wrapper.optimizer
    optimizer['lr'] *= ratio
    for place, key in _iteration_counts(config):
        place[key] = stretched(place[key])
    for scheduler in _schedulers(config):
        if 'eta_min' in scheduler:
            scheduler['eta_min'] *= ratio
        if scheduler.get('by_epoch', True):
            continue
        for key in ('begin', 'T_max', 'warmup', 'step_size'):
            if scheduler.get(key):
                scheduler[key] = stretched(scheduler[key])
        if scheduler.get('end'):
            # mmengine's schedulers reach their end one step before it.
            scheduler['end'] = stretched(scheduler['end'] - 1) + 1
        if 'milestones' in scheduler:
            scheduler['milestones'] = [stretched(step) for step in scheduler['milestones']]
    return f'rate x {ratio:g}, what counts iterations x {1 / ratio:g}'


def _schedulers(config: Any) -> list[Any]:
    return entries(config.get('param_scheduler'))


def _iteration_counts(config: Any) -> Iterator[tuple[Any, str]]:
    """Where a run of iterations counts them: the loop and the checkpoints."""
    loop = config.train_cfg
    if not loop.get('max_iters'):
        return
    yield from ((loop, key) for key in ('max_iters', 'val_interval', 'val_begin') if loop.get(key))
    checkpoint = config.get('default_hooks', {}).get('checkpoint') or {}
    # -1 is never.
    if checkpoint.get('interval', -1) > 0 and not checkpoint.get('by_epoch', True):
        yield checkpoint, 'interval'
