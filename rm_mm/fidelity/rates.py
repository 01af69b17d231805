"""The learning rates that a config's schedulers really give, without training."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from rm_mm.logs.recipe_log import LoggedRate
from rm_mm.logs.recipe_log import RecipeLog as Log

#: What mmengine registers unless told otherwise.
_OTHER_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'checkpoint')
_STEPPING = {'type': 'ParamSchedulerHook'}


def differing_rates(config: Any, log: Log) -> list[tuple[LoggedRate, float]]:
    """Compare every learning rate of a log with the one that a config gives there.

    Args:
        config: A resolved mmengine config; left as it is.
        log: With the rates to expect.

    Returns:
        What was printed, and ours, wherever the two differ by more than half of the last digit
        printed, or where the config's run has ended: then ours is NaN.
    """
    # A resumed run prints some iterations twice.
    wanted: dict[int, list[LoggedRate]] = defaultdict(list)
    for rate in log.rates:
        wanted[_position(log, rate)].append(rate)
    differing = []
    for position, ours in enumerate(stepped_rates(config, log.epoch_length)):
        for theirs in wanted.pop(position, ()):
            # A NaN differs; the last term is for a rate on the border of two printed ones.
            if not abs(ours - theirs.value) <= 0.5 * 10**-theirs.decimals + 1e-12:
                differing.append((theirs, ours))
    late = (rate for rates in wanted.values() for rate in rates)
    return [*differing, *((rate, float('nan')) for rate in late)]


def _position(log: Log, rate: LoggedRate) -> int:
    """Which iteration of the run a rate drove, from 0."""
    return (rate.epoch - 1) * log.epoch_length * log.by_epoch + rate.iteration


def stepped_rates(config: Any, epoch_length: int) -> Iterator[float]:
    """Step what mmengine's ``Runner`` builds from a config through the whole run.

    The optimiser wrapper, the schedulers and the hook that steps them are the config's; the
    network is one number.

    Args:
        config: A resolved mmengine config; left as it is.
        epoch_length: Iterations an epoch. An iteration-based run has none and ignores it.

    Yields:
        For each iteration, the learning rate that it is driven by.
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
    import copy

    import torch
    from mmengine.runner import Runner
    from torch.utils.data import DataLoader

    from rm_mm.run.machine import adapt_to_cpu

    config = copy.deepcopy(config)
    adapt_to_cpu(config)
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(
            model=torch.nn.Linear(1, 1),
            work_dir=folder,
            optim_wrapper=config.optim_wrapper,
            param_scheduler=config.param_scheduler,
            train_cfg=config.train_cfg,
            # Only its length is asked for.
            train_dataloader=DataLoader(range(epoch_length)),  # type: ignore[arg-type]
            # Only the hook that steps the schedulers; the others log, save and measure.
            default_hooks=dict.fromkeys(_OTHER_HOOKS)
            | {'param_scheduler': config.default_hooks.get('param_scheduler', _STEPPING)},
            default_scope=config.default_scope,
            experiment_name=folder.rpartition('/')[2],
            log_level='ERROR',
        )
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        runner.param_schedulers = runner.build_param_scheduler(runner.param_schedulers)
    return runner
