"""Mixed precision on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

# By its own module: its package may itself be the one that is being imported just now.
from mmengine.optim.optimizer.optimizer_wrapper import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CPUAutocastOptimWrapper(OptimWrapper):
    """Run the network in bfloat16, as ``AmpOptimWrapper`` does, which insists on a GPU.

    bfloat16 has the range of float32, so that the loss needs no scaling.
    """

    @contextmanager
    def optim_context(self, model: Any) -> Iterator[None]:
        """Cast what is computed in the block; weights and gradients stay float32."""
        with super().optim_context(model), torch.autocast('cpu', dtype=torch.bfloat16):
            yield
