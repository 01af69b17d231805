"""The schedule of a config against a log: learning rates, length, and what the log lacks."""

from __future__ import annotations

import copy
import math
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from rm_mm.logs.recipe_log import LoggedRate, RecipeLog

#: Images to train on, of the data sets with one published size.
_IMAGES = dict.fromkeys(('CIFAR10', 'CIFAR100', 'LocalCIFAR10', 'LocalCIFAR100'), 50_000)
_IMAGES['ImageNet'] = 1_281_167
#: Default hooks of mmengine that log, save and measure. The remaining one steps the schedulers.
_OTHER_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'checkpoint')


def differing_rates(config: Any, log: RecipeLog) -> list[tuple[LoggedRate, float]]:
    """Compare every learning rate of a log with that of a config at the same iteration.

    Args:
        config: A resolved mmengine config. Not modified.
        log: Log with the expected rates.

    Returns:
        The logged rate and ours, where they differ by more than half of the last digit in the log.
        Ours is NaN after the end of the config's run.
    """
    # A resumed run logs some iterations twice.
    expected: dict[int, list[LoggedRate]] = defaultdict(list)
    for rate in log.rates:
        position = (rate.epoch - 1) * log.epoch_length * log.by_epoch + rate.iteration
        expected[position].append(rate)
    differing = []
    for position, ours in enumerate(stepped_rates(config, log.epoch_length)):
        for theirs in expected.pop(position, ()):
            # A NaN differs; the last term is for a rate on the border between two printed ones.
            if not abs(ours - theirs.value) <= 0.5 * 10**-theirs.decimals + 1e-12:
                differing.append((theirs, ours))
    late = (rate for rates in expected.values() for rate in rates)
    return [*differing, *((rate, float('nan')) for rate in late)]


def stepped_rates(config: Any, epoch_length: int) -> Iterator[float]:
    """Step what mmengine's ``Runner`` builds from a config through the whole run.

    The optimiser wrapper, the schedulers and the hook that steps them are those of the config.

    Args:
        config: A resolved mmengine config. Not modified.
        epoch_length: Iterations of an epoch. Ignored for an iteration-based run.

    Yields:
        The learning rate of each iteration.
    """
    runner = _runner(config, epoch_length)
    iterations = config.train_cfg.get('max_iters')
    epochs = 1 if iterations else config.train_cfg.max_epochs
    (hook,) = runner.hooks
    for _ in range(epochs):
        for batch in range(iterations or epoch_length):
            yield runner.optim_wrapper.get_lr()['lr'][0]
            hook.after_train_iter(runner, batch)
        if not iterations:
            hook.after_train_epoch(runner)


def _runner(config: Any, epoch_length: int) -> Any:
    import torch
    from mmengine.runner import Runner
    from torch.utils.data import DataLoader

    from rm_mm.run.machine import adapt_to_cpu

    config = copy.deepcopy(config)
    adapt_to_cpu(config)
    stepping = config.default_hooks.get('param_scheduler', {'type': 'ParamSchedulerHook'})
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(
            model=torch.nn.Linear(1, 1),
            work_dir=folder,
            optim_wrapper=config.optim_wrapper,
            param_scheduler=config.param_scheduler,
            train_cfg=config.train_cfg,
            # Only its length is used.
            train_dataloader=DataLoader(range(epoch_length)),  # type: ignore[arg-type]
            default_hooks=dict.fromkeys(_OTHER_HOOKS) | {'param_scheduler': stepping},
            default_scope=config.default_scope,
            experiment_name=folder.rpartition('/')[2],
            log_level='ERROR',
        )
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        runner.param_schedulers = runner.build_param_scheduler(runner.param_schedulers)
    return runner


def differing_length(config: Any, log: RecipeLog) -> list[str]:
    """Describe where the run of a config is longer or shorter than the logged one.

    Empty if the log has a config: then the length is compared as one of its settings.
    """
    if log.config:
        return []
    differing = []
    key, unit = ('max_epochs', 'epochs') if log.by_epoch else ('max_iters', 'iterations')
    ours = config.train_cfg.get(key)
    if log.length is not None and ours != log.length:
        differing.append(f'run length: theirs {log.length} {unit}, ours {ours}')
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


def missing_from(log: RecipeLog) -> list[str]:
    """Describe what a log does not show of its run."""
    found = []
    if not log.config:
        found.append('the log has learning rates only and no config: no setting is compared')
    if log.length is None:
        found.append('the log does not state the length of the run')
    else:
        found += (_missing_epochs if log.by_epoch else _missing_iterations)(log, log.length)
    if log.config and log.by_epoch:
        found.append(
            f'an epoch is assumed to have {log.epoch_length} iterations, the last one in the log, '
            'since the config does not state its length'
        )
    return found


def _missing_iterations(log: RecipeLog, length: int) -> list[str]:
    logged = sorted({rate.iteration + 1 for rate in log.rates})
    # A run whose length is not a multiple of the interval ends before its next line.
    interval = min((b - a for a, b in pairwise(logged)), default=1)
    is_whole = logged[-1] + interval > length
    return [] if is_whole else [_end(f'after iteration {logged[-1]} of {length}')]


def _missing_epochs(log: RecipeLog, length: int) -> list[str]:
    found = []
    last = max(rate.epoch for rate in log.rates)
    absent = last - len({rate.epoch for rate in log.rates})
    if absent:
        found.append(f'{absent} of the first {last} epochs have no line in the log')
    reached = max(rate.iteration for rate in log.rates if rate.epoch == last)
    whole = reached == max(rate.iteration for rate in log.rates)
    if last < length or not whole:
        found.append(_end(f'{"after" if whole else "in"} epoch {last} of {length}'))
    return found


def _end(where: str) -> str:
    return f'the log ends {where}: it shows nothing of the rest of the run'
