"""The learning rate of the ImageNet recipe."""

from __future__ import annotations

import math
from typing import Any

from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler
from mmengine.registry import PARAM_SCHEDULERS


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
    """

    def __init__(self, optimizer: Any, T_max: int, warmup: int, **kwargs: Any) -> None:  # noqa: N803
        self.T_max = T_max
        self.warmup = warmup
        super().__init__(optimizer, **kwargs)

    def _get_value(self) -> list[float]:
        step = self.last_step
        if step < self.warmup:
            factor = (step + 1) / (self.warmup + 1)
        else:
            factor = (1 + math.cos(math.pi * step / self.T_max)) / 2
        return [base * factor for base in self.base_values]
