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
    """Linear warm-up, then a cosine that counts from the first step.

    With mmengine's ``LinearLR`` and ``CosineAnnealingLR`` the cosine would start where the warm-up
    ends. In the authors' code it starts at the first epoch. At step k (from 0)::

        lr * (k + 1) / (warmup + 1)              for k < warmup
        lr * (1 + cos(pi * k / T_max)) / 2       afterwards

    Args:
        optimizer: Optimiser or optimiser wrapper.
        T_max: Number of steps of the whole schedule, including the warm-up.
        warmup: Number of steps of the warm-up.
        **kwargs: Passed to mmengine's base class, such as ``by_epoch``.

    Raises:
        InputError: If it is stepped beyond ``T_max``, where the cosine would rise again, or resumed
            with another length, which mmengine would accept silently.
    """

    def __init__(self, optimizer: Any, T_max: int, warmup: int, **kwargs: Any) -> None:  # noqa: N803
        self.T_max = T_max
        self.warmup = warmup
        super().__init__(optimizer, **kwargs)

    def _get_value(self) -> list[float]:
        step = self.last_step
        if step > self.T_max:
            raise InputError(
                f'WarmupCosineLR ends after T_max={self.T_max} steps, got step {step}: max_epochs '
                'must not exceed T_max; for a longer schedule set both and start a new training'
            )
        if step < self.warmup:
            factor = (step + 1) / (self.warmup + 1)
        else:
            factor = (1 + math.cos(math.pi * step / self.T_max)) / 2
        return [base * factor for base in self.base_values]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of the same schedule."""
        saved = {name: state_dict.get(name) for name in ('T_max', 'warmup')}
        expected = {'T_max': self.T_max, 'warmup': self.warmup}
        if saved != expected:
            raise InputError(
                f'the checkpoint has a WarmupCosineLR with {saved}, the config one with '
                f'{expected}: resume with the values of the checkpoint, or start a new training '
                'in another --work-dir'
            )
        super().load_state_dict(state_dict)


def require_length(config: Any) -> None:
    """Require that the training of a resolved config is not longer than its ``WarmupCosineLR``.

    Raises:
        InputError: If it is longer: the rate would reach zero before the end.
    """
    for scheduler in entries(config.get('param_scheduler')):
        if type_name(scheduler) != WarmupCosineLR.__name__:
            continue
        key = 'max_epochs' if scheduler.get('by_epoch', True) else 'max_iters'
        length = config.train_cfg.get(key) or 0
        if length > scheduler['T_max']:
            raise InputError(
                f'{key}={length} is more than T_max={scheduler["T_max"]} of WarmupCosineLR, where '
                'the learning rate reaches zero: set both'
            )
