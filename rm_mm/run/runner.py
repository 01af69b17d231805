"""A faster ``Runner``, and mixed precision without a GPU."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.device import get_device

# From its own module: the package may be in the middle of its import.
from mmengine.optim.optimizer.optimizer_wrapper import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS, RUNNERS
from mmengine.runner.runner import Runner
from torch import nn


@RUNNERS.register_module()
class ChannelsLastRunner(Runner):
    """mmengine's ``Runner`` with the 2-D filters of the network in channels-last memory format.

    Convolutions pass the format on to feature maps and gradients; values differ by rounding only.
    ``docs/performance.md`` has the speed. Checkpoints keep the format and load into any network.
    On a CPU, the runner also calls :func:`keep_freed_memory`. ``--cfg-options runner_type=Runner``
    selects mmengine's runner.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if get_device() == 'cpu':
            keep_freed_memory()
        super().__init__(*args, **kwargs)

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """Convert, then wrap: DDP copies the layout of the parameters when it is created."""
        model = model.to(memory_format=torch.channels_last)
        wrapped: nn.Module = super().wrap_model(model_wrapper_cfg, model)
        return wrapped


@OPTIM_WRAPPERS.register_module()
class CPUAutocastOptimWrapper(OptimWrapper):
    """Mixed precision in bfloat16 on a CPU; mmengine's ``AmpOptimWrapper`` requires a GPU.

    bfloat16 has the range of float32, so the loss needs no scaling.
    """

    @contextmanager
    def optim_context(self, model: Any) -> Iterator[None]:
        """Autocast the block; weights and gradients stay float32."""
        with super().optim_context(model), torch.autocast('cpu', dtype=torch.bfloat16):
            yield


# From glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = -1


def keep_freed_memory() -> bool:
    """Stop this process, and processes that it forks, from returning freed memory to the system.

    Torch caches GPU memory but not CPU memory. By default each step maps every feature map above
    32 MB again, and the system clears its pages, which takes a tenth of a ResNet-50 step or more.
    With this setting the process stays as large as its largest step (mallopt(3)).

    Returns:
        Whether it was set; False if the C library is not glibc.
    """
    if (mallopt := getattr(ctypes.CDLL(None), 'mallopt', None)) is None:
        return False
    return all([mallopt(_MMAP_MAX, 0), mallopt(_TRIM_THRESHOLD, _NEVER)])
