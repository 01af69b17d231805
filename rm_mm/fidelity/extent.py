"""How long a logged run was meant to be, and how much of it the log holds."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from rm_mm.logs.recipe_log import RecipeLog as Log

#: Images to train on, where a data set has one published size.
_IMAGES = dict.fromkeys(('CIFAR10', 'CIFAR100', 'LocalCIFAR10', 'LocalCIFAR100'), 50_000)
_IMAGES['ImageNet'] = 1_281_167


def differing_length(config: Any, log: Log) -> list[str]:
    """Where the run of a config is of another length than the logged one.

    Of a log with a config nothing: its settings are compared as such.

    Args:
        config: A resolved mmengine config; left as it is.
        log: What was read.
    """
    if log.config:
        return []
    differing = []
    ours = _ours(config, log)
    if log.length is not None and ours != log.length:
        differing.append(f'run length: theirs {log.length} {_unit(log)}, ours {ours}')
    images = _IMAGES.get(config.train_dataloader.dataset.type)
    batch = config.get('auto_scale_lr', {}).get('base_batch_size')
    if log.has_epoch_length and images and batch:
        epoch = math.ceil(images / batch)
        if epoch != log.epoch_length:
            differing.append(
                f'epoch length: theirs {log.epoch_length} iterations, ours {epoch} '
                f'({images} images, {batch} at a time)'
            )
    return differing


def notes(log: Log) -> list[str]:
    """What of the run the log does not show."""
    found = []
    if not log.config:
        found.append('the log holds learning rates only and no config: no setting is compared')
    found += _missing(log)
    if log.config and log.by_epoch:
        found.append(
            f'an epoch is taken to be {log.epoch_length} iterations, the last one that is logged; '
            'the config does not say how many there were'
        )
    return found


def _missing(log: Log) -> list[str]:
    if log.length is None:
        return ['the log does not say how long the run was']
    if log.by_epoch:
        return _missing_epochs(log, log.length)
    logged = sorted({rate.iteration + 1 for rate in log.rates})
    # A run whose length is no multiple of the interval ends before its next line.
    interval = min((b - a for a, b in pairwise(logged)), default=1)
    if logged[-1] + interval > log.length:
        return []
    return [_end(f'after iteration {logged[-1]} of {log.length}')]


def _missing_epochs(log: Log, length: int) -> list[str]:
    found = []
    last = max(rate.epoch for rate in log.rates)
    absent = last - len({rate.epoch for rate in log.rates})
    if absent:
        found.append(f'of the first {last} epochs {absent} have no line in the log')
    reached = max(rate.iteration for rate in log.rates if rate.epoch == last)
    whole = reached == max(rate.iteration for rate in log.rates)
    if last < length or not whole:
        found.append(_end(f'{"after" if whole else "in"} epoch {last} of {length}'))
    return found


def _end(where: str) -> str:
    return f'the log ends {where}: it says nothing about the rest of the run'


def _unit(log: Log) -> str:
    return 'epochs' if log.by_epoch else 'iterations'


def _ours(config: Any, log: Log) -> Any:
    return config.train_cfg.get('max_epochs' if log.by_epoch else 'max_iters')
