"""A ``Runner`` whose networks keep the channels of a pixel together in memory."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.registry import RUNNERS

# By its own module: the package of runners may itself be the one that is being imported just now.
from mmengine.runner.runner import Runner
from torch import nn


@RUNNERS.register_module()
class ChannelsLastRunner(Runner):
    """mmengine's ``Runner``, with every filter of the network in channels-last memory format.

    A convolution passes the format of its filters on, so that feature maps and gradients come to
    have it too; values differ by rounding alone. What that gains is in ``docs/performance.md``.
    ``--cfg-options runner_type=Runner`` goes back to mmengine's own. Filters stay channels-last in
    checkpoints, and load into any network.
    """

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """Convert, then wrap: DDP lays its buckets out as the parameters are when it starts."""
        if isinstance(model, nn.Module):
            model = model.to(memory_format=torch.channels_last)
        wrapped: nn.Module = super().wrap_model(model_wrapper_cfg, model)
        return wrapped
