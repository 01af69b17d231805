"""The precision in which the substitutes compute."""

from __future__ import annotations

import torch
from torch import Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """Return half precision as a float32 copy, and float32 and float64 as they are."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def as_float32(number: float) -> float:
    """Round to float32, the type in which the compiled ops receive every number.

    It decides ties: 0.6 is a little more in float32, so that an overlap of exactly 3/5 does not
    exceed a threshold of 0.6 there.
    """
    return float(torch.tensor(number, dtype=torch.float32))
