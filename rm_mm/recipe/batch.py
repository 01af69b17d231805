"""Keeping the recipe's global batch on a different number of processes.

The recipe's global batch is ``auto_scale_lr.base_batch_size`` of the config. The run's is processes
x ``train_dataloader.batch_size`` x accumulated batches. Where they differ, the run would be another
experiment, so the user has to choose a policy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from rm_mm.errors import InputError
from rm_mm.recipe.schedule import scale_iterations, scale_scheduler, schedulers

#: Entry of ``environment.json`` for a run with the recipe's batch.
RECIPES_BATCH = "the recipe's"

POLICIES = ('accumulate', 'scale-lr', 'as-is')

#: Environment variable in which each launcher gives the number of processes.
_COUNTS = {'pytorch': 'WORLD_SIZE', 'slurm': 'SLURM_NTASKS', 'mpi': 'OMPI_COMM_WORLD_SIZE'}


def process_count(launcher: str, environ: Mapping[str, str] = os.environ) -> int:
    """Return the number of training processes that the launcher set; 1 without a launcher.

    Raises:
        InputError: If the launcher's environment variable is missing or not a number.
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
    """Apply a batch policy to a config, in place.

    - ``accumulate`` adds up gradients until the recipe's batch is full. Iteration counts of a run
      of iterations are multiplied; schedulers still count optimiser steps.
    - ``scale-lr`` multiplies the learning rate by the ratio of the batches (linear rule, arXiv
      1706.02677, section 2.1) and divides everything counted in iterations by it, warm-up included,
      so that the run sees as many images. Epochs stay epochs.
    - ``as-is`` changes nothing.

    Args:
        config: Resolved mmengine config of a training run. Without ``base_batch_size`` it is left
            alone.
        processes: Number of training processes.
        policy: One of ``POLICIES``, or None if the user chose none.

    Returns:
        What was changed, for the log; None if the batch is the recipe's. ``environment.json`` keeps
        this text, and a run resumes only with an equal one: it is part of the file format.

    Raises:
        InputError: If the batches differ and no policy was chosen, or the policy does not apply.
    """
    scaling = config.get('auto_scale_lr') or {}
    recipe = scaling.get('base_batch_size')
    batch = config.train_dataloader.get('batch_size')
    if not recipe or not batch:
        return None
    if scaling.get('enable'):
        # mmengine would scale the rate but not the warm-up, and must not scale a second time.
        policy, scaling['enable'] = policy or 'scale-lr', False
    accumulated = config.optim_wrapper.get('accumulative_counts', 1)
    actual = processes * batch * accumulated
    product = f'{processes} process{"es" if processes > 1 else ""} x {batch}'
    product += '' if accumulated == 1 else f' x {accumulated} accumulated'
    found = f'global batch {actual} ({product})'
    if accumulated != 1:
        if policy == 'as-is':
            return f"{found}, accumulated as the config says; the recipe's is {recipe}"
        raise InputError(
            f'{found}: with optim_wrapper.accumulative_counts={accumulated}, schedules and loops '
            'count batches instead of steps. Remove it and pass --batch-policy accumulate, which '
            'keeps the recipe, or pass --batch-policy as-is to train with the config unchanged'
        )
    if actual == recipe:
        return None
    if policy == 'accumulate':
        return f"{found} becomes the recipe's {recipe}: {_accumulate(config, processes, recipe)}"
    if policy == 'scale-lr':
        return f"{found} instead of the recipe's {recipe}: {_scale(config, actual / recipe)}"
    if policy == 'as-is':
        return f"{found} instead of the recipe's {recipe}, as asked for"
    accumulating = (
        f'not possible here: {recipe} is not a multiple of {actual}'
        if recipe % actual
        else f'keeps the recipe: {recipe // actual} batches a step'
    )
    raise InputError(
        f"{found} is not the recipe's {recipe}. Pass --batch-policy accumulate ({accumulating}), "
        f'--batch-policy scale-lr (linear rule: rate x {actual / recipe:g}, warm-up over as many '
        'images) or --batch-policy as-is'
    )


def _accumulate(config: Any, processes: int, recipe: int) -> str:
    at_once = processes * config.train_dataloader.batch_size
    if recipe % at_once:
        fitting = (
            f'--cfg-options train_dataloader.batch_size={recipe // processes}'
            if recipe % processes == 0
            else f'a number of processes that divides {recipe}'
        )
        raise InputError(
            f"--batch-policy accumulate cannot reach the recipe's batch of {recipe} with "
            f'{at_once} images at a time; it needs {fitting}'
        )
    count = recipe // at_once
    for scheduler in schedulers(config):
        if scheduler.get('convert_to_iter_based'):
            raise InputError(
                f'--batch-policy accumulate does not support convert_to_iter_based of '
                f'{scheduler["type"]}: mmengine would convert epochs to batches, not to steps. '
                'Count in iterations or in epochs, or pass --batch-policy scale-lr'
            )
    config.optim_wrapper['accumulative_counts'] = count
    hooks = {**config.get('default_hooks', {}), 'param_scheduler': {'type': 'StepSchedulerHook'}}
    config['default_hooks'] = hooks
    scale_iterations(config, count)
    return f'the gradients of {count} batches make a step'


def _scale(config: Any, ratio: float) -> str:
    config.optim_wrapper.optimizer['lr'] *= ratio
    scale_iterations(config, 1 / ratio)
    for scheduler in schedulers(config):
        if 'eta_min' in scheduler:
            scheduler['eta_min'] *= ratio
        if not scheduler.get('by_epoch', True):
            scale_scheduler(scheduler, 1 / ratio)
    return f'rate x {ratio:g}, what counts iterations x {1 / ratio:g}'
