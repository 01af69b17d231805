"""RoIAlign through torchvision's op, which computes the same as mmcv's."""

from __future__ import annotations

import torch
import torchvision  # noqa: F401  (registers torch.ops.torchvision)
from torch import Tensor

from rm_mm.compat.mmcv_ext import missing_op
from rm_mm.compat.ops.precision import at_least_float32

# The code that mmcv's wrapper sends for pool_mode='avg'; 0 is 'max'.
_AVERAGE = 1


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Average bilinear samples over a grid of bins in every region.

    Args:
        input: Features, (B, C, H, W).
        rois: (N, 5) as image index, x1, y1, x2, y2, in pixels of the image.
        output: Receives the samples, (N, C, aligned_height, aligned_width).
        argmax_y: Unused when averaging.
        argmax_x: Unused when averaging.
        aligned_height: Bins a column.
        aligned_width: Bins a row.
        spatial_scale: Feature pixels per image pixel.
        sampling_ratio: Samples a bin and axis; 0 for as many as the region has feature pixels.
        pool_mode: 1 for the average.
        aligned: Whether pixel centres lie at half-integers.

    Raises:
        MissingOpError: For ``pool_mode`` 0, the maximum, which torchvision does not have.
    """
    _refuse_maximum(pool_mode)
    features = at_least_float32(input)
    pooled = torch.ops.torchvision.roi_align(
        features,
        rois.to(features.dtype),
        spatial_scale,
        aligned_height,
        aligned_width,
        sampling_ratio,
        aligned,
    )
    output.copy_(pooled)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Write the gradient by the features to ``grad_input``, (B, C, H, W).

    ``grad_output`` is the gradient by the output of :func:`roi_align_forward`; the other arguments
    are the same as there.
    """
    _refuse_maximum(pool_mode)
    gradient = at_least_float32(grad_output)
    scattered = torch.ops.torchvision._roi_align_backward(
        gradient,
        rois.to(gradient.dtype),
        spatial_scale,
        aligned_height,
        aligned_width,
        *grad_input.shape,
        sampling_ratio,
        aligned,
    )
    grad_input.copy_(scattered)


def _refuse_maximum(pool_mode: int) -> None:
    if pool_mode != _AVERAGE:
        raise missing_op("roi_align_forward with pool_mode='max'")
