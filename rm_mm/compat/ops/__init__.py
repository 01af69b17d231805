"""The ops of ``mmcv._ext`` that need no compiler, by the names that mmcv's wrappers call.

Signatures and in-place results are those of the compiled extension (mmcv 2.3.6, ``pybind.cpp``).
All take CPU and CUDA tensors, also in half precision, which is computed in float32 and cast back.
Like the compiled ops they know nothing of autograd: mmcv's wrappers pair each with its backward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rm_mm.compat.ops.build_info import get_compiler_version, get_compiling_cuda_version
from rm_mm.compat.ops.focal_loss import (
    sigmoid_focal_loss_backward,
    sigmoid_focal_loss_forward,
    softmax_focal_loss_backward,
    softmax_focal_loss_forward,
)
from rm_mm.compat.ops.nms import nms, nms_match
from rm_mm.compat.ops.roi_align import roi_align_backward, roi_align_forward
from rm_mm.compat.ops.roi_pool import roi_pool_backward, roi_pool_forward
from rm_mm.compat.ops.soft_nms import softnms

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
