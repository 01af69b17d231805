"""Precision of the substitute ops."""

from __future__ import annotations

import torch
from torch import Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """Return a float32 copy of half precision, and float32 and float64 unchanged."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def as_float32(number: float) -> float:
    """Round to float32, the type in which the compiled ops receive every number.

    This decides ties: 0.6 is slightly larger in float32, so an overlap of exactly 3/5 does not
    exceed a threshold of 0.6.
    """
    return float(torch.tensor(number, dtype=torch.float32))
