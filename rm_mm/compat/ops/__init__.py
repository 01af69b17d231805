"""Substitutes for ops of ``mmcv._ext``, under the names that mmcv's wrappers call.

Signatures and in-place results match the compiled extension (mmcv 2.3.6, ``pybind.cpp``). All ops
take CPU and CUDA tensors. Half precision is computed in float32 and cast back. Like the compiled
ops, these do not record gradients: mmcv's wrappers pair each forward with its backward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rm_mm.compat.ops.focal_loss import (
    sigmoid_focal_loss_backward,
    sigmoid_focal_loss_forward,
    softmax_focal_loss_backward,
    softmax_focal_loss_forward,
)
from rm_mm.compat.ops.nms import nms, nms_match, softnms
from rm_mm.compat.ops.regions import (
    roi_align_backward,
    roi_align_forward,
    roi_pool_backward,
    roi_pool_forward,
)


def get_compiler_version() -> str:
    """Return a text that environment reports print as the compiler of mmcv."""
    return 'none: ops are the substitutes of rm_mm'


def get_compiling_cuda_version() -> str:
    """Return what an mmcv built without CUDA returns."""
    return 'not available'


OPS: dict[str, Callable[..., Any]] = {
    op.__name__: op
    for op in (
        get_compiler_version,
        get_compiling_cuda_version,
        nms,
        nms_match,
        roi_align_backward,
        roi_align_forward,
        roi_pool_backward,
        roi_pool_forward,
        sigmoid_focal_loss_backward,
        sigmoid_focal_loss_forward,
        softmax_focal_loss_backward,
        softmax_focal_loss_forward,
        softnms,
    )
}
