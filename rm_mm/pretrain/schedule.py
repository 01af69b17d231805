"""The learning rate of the ImageNet recipe."""

from __future__ import annotations

import math
from typing import Any

from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler
from mmengine.registry import PARAM_SCHEDULERS

from rm_mm.errors import InputError
from rm_mm.recipe.config import entries, type_name


@PARAM_SCHEDULERS.register_module()
class WarmupCosineLR(LRSchedulerMixin, _ParamScheduler):
    """Linear warm-up, then a cosine that has been counting since the first step.

    mmengine's ``LinearLR`` followed by its ``CosineAnnealingLR`` starts the cosine where the
    warm-up ends; the authors' code starts it at the first epoch. At step k (from 0)::

        lr * (k + 1) / (warmup + 1)              for k < warmup
        lr * (1 + cos(pi * k / T_max)) / 2       from then on

    Args:
        optimizer: Optimiser or optimiser wrapper.
        T_max: Steps of the whole schedule, warm-up included.
        warmup: Steps of the warm-up.
        **kwargs: ``begin``, ``end``, ``last_step``, ``by_epoch`` and ``verbose``, as of mmengine's
            schedulers.

    Raises:
        InputError: If it is stepped beyond ``T_max``, where the cosine would rise again, or resumed
            from a schedule of another length, which mmengine would go on with without a word.
    """

    def __init__(self, optimizer: Any, T_max: int, warmup: int, **kwargs: Any) -> None:  # noqa: N803
        self.T_max = T_max
        self.warmup = warmup
        super().__init__(optimizer, **kwargs)

    def _get_value(self) -> list[float]:
        step = self.last_step
        if step > self.T_max:
            raise InputError(
                f'WarmupCosineLR is over after T_max={self.T_max} steps, got step {step}: '
                'max_epochs must not be more than T_max; set both for a longer schedule, and train '
                'anew'
            )
        if step < self.warmup:
            factor = (step + 1) / (self.warmup + 1)
        else:
            factor = (1 + math.cos(math.pi * step / self.T_max)) / 2
        return [base * factor for base in self.base_values]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state of the same schedule."""
        saved = {name: state_dict.get(name) for name in ('T_max', 'warmup')}
        wanted = {'T_max': self.T_max, 'warmup': self.warmup}
        if saved != wanted:
            raise InputError(
                f'the checkpoint is of a WarmupCosineLR with {saved}, the config says {wanted}: '
                'resume with the values of the checkpoint, or train anew in another --work-dir'
            )
        super().load_state_dict(state_dict)


def require_length(config: Any) -> None:
    """Check before a run that it is not longer than its ``WarmupCosineLR``.

    Args:
        config: A resolved mmengine config of a training run.

    Raises:
        InputError: If it is: the rate would reach zero before the end.
    """
    for scheduler in entries(config.get('param_scheduler')):
        if type_name(scheduler) != WarmupCosineLR.__name__:
            continue
        key = 'max_epochs' if scheduler.get('by_epoch', True) else 'max_iters'
        length = config.train_cfg.get(key) or 0
        if length > scheduler['T_max']:
            raise InputError(
                f'{key}={length} is more than T_max={scheduler["T_max"]} of WarmupCosineLR, where '
                'its rate has come to zero: set both'
            )
