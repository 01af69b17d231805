"""A ``Runner`` that lays networks out, and keeps memory, for speed."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.device import get_device
from mmengine.registry import RUNNERS

# By its own module: the package of runners may itself be the one that is being imported just now.
from mmengine.runner.runner import Runner
from torch import nn

from rm_mm.freed_memory import keep_freed_memory


@RUNNERS.register_module()
class ChannelsLastRunner(Runner):
    """mmengine's ``Runner``, with a network's 2-D filters in channels-last memory format.

    A convolution passes the format of its filters on, so that feature maps and gradients come to
    have it too; values differ by rounding alone. What that gains is in ``docs/performance.md``.
    Filters stay channels-last in checkpoints, and load into any network. On a CPU, what a step
    frees is kept for the next (:func:`~rm_mm.freed_memory.keep_freed_memory`).
    ``--cfg-options runner_type=Runner`` goes back to mmengine's own.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if get_device() == 'cpu':
            keep_freed_memory()
        super().__init__(*args, **kwargs)

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """Convert, then wrap: DDP lays its buckets out as the parameters are when it starts."""
        model = model.to(memory_format=torch.channels_last)
        wrapped: nn.Module = super().wrap_model(model_wrapper_cfg, model)
        return wrapped
