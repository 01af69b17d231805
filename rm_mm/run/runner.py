"""A ``Runner`` that lays networks out, and keeps memory, for speed."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.registry import RUNNERS
from mmengine.runner.runner import Runner
from torch import nn


@RUNNERS.register_module()
class ChannelsLastRunner(Runner):
    """mmengine's ``Runner``, with a network's 2-D filters in channels-last memory format.

    A convolution passes the format of its filters on, so that feature maps and gradients come to
    have it too; values differ by rounding alone. What that gains is in ``docs/performance.md``.
    Filters stay channels-last in checkpoints, and load into any network. On a CPU, what a step
    frees is kept for the next (:func:`~rm_mm.run.runner.keep_freed_memory`).
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


# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = -1


def keep_freed_memory() -> bool:
    """Have this process, and those that it forks, never hand freed memory back to the system.

    Torch has a cache of its own for a GPU's memory, none for the CPU's. There a feature map of more
    than 32 MB is mapped anew by each step, and the system clears each of its pages, which takes a
    tenth of a step of ResNet-50 and more. Kept instead, the process stays as large as its largest
    step. Numbers are the same.

    Source: mallopt(3).

    Returns:
        Whether that was done; not where the C library is another than glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    return mallopt is not None and all(
        [mallopt(_MMAP_MAX, 0), mallopt(_TRIM_THRESHOLD, _NEVER)],
    )
