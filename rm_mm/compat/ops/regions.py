"""RoIAlign through torchvision, and RoIPool with the bins of mmcv's CUDA kernel.

torchvision's RoIAlign computes the same as mmcv's. Its RoIPool rounds regions differently, so that
one is implemented here.
"""

from __future__ import annotations

import torch
import torchvision  # noqa: F401  (registers torch.ops.torchvision)
from torch import Tensor

from rm_mm.compat.missing_op import MissingOpError
from rm_mm.compat.ops.precision import at_least_float32

# mmcv's code for pool_mode='avg'; 0 is 'max'.
_AVERAGE = 1
# Marks an empty bin of RoIPool.
_NOTHING = -1


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
        output: Receives the averages, (N, C, aligned_height, aligned_width).
        argmax_y: Unused.
        argmax_x: Unused.
        aligned_height: Bins per column.
        aligned_width: Bins per row.
        spatial_scale: Feature pixels per image pixel.
        sampling_ratio: Samples per bin and axis; 0 for one per feature pixel.
        pool_mode: 1 for the average; 0 for the maximum, which torchvision does not have.
        aligned: Whether pixel centres lie at half-integers.

    Raises:
        MissingOpError: For the maximum.
    """
    _require_average(pool_mode)
    features = at_least_float32(input)
    bins = aligned_height, aligned_width
    rois = rois.to(features.dtype)
    align = torch.ops.torchvision.roi_align
    output.copy_(align(features, rois, spatial_scale, *bins, sampling_ratio, aligned))


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
    """Write the gradient of the features to ``grad_input``, (B, C, H, W).

    ``grad_output`` is the gradient of the output of :func:`roi_align_forward`.
    """
    _require_average(pool_mode)
    gradient = at_least_float32(grad_output)
    rois = rois.to(gradient.dtype)
    sizes = aligned_height, aligned_width, *grad_input.shape
    scatter = torch.ops.torchvision._roi_align_backward
    grad_input.copy_(scatter(gradient, rois, spatial_scale, *sizes, sampling_ratio, aligned))


def _require_average(pool_mode: int) -> None:
    if pool_mode != _AVERAGE:
        raise MissingOpError("roi_align_forward with pool_mode='max'")


def roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Take the maximum over every bin of every region.

    Args:
        input: Features, (B, C, H, W).
        rois: (N, 5) as image index, x1, y1, x2, y2, in pixels of the image; x2 and y2 belong to
            the region.
        output: Receives the maxima, (N, C, pooled_height, pooled_width); 0 for an empty bin.
        argmax: Receives the position ``y * W + x`` of each maximum, int32, same shape; -1 for an
            empty bin. (For a region of negative size mmcv's kernel leaves 0 there, which sends the
            gradient to the first pixel.)
        pooled_height: Bins per column.
        pooled_width: Bins per row.
        spatial_scale: Feature pixels per image pixel.
    """
    features = at_least_float32(input)
    height, width = features.shape[2:]
    regions = rois.to(features.dtype)
    start = regions[:, 1:3] * spatial_scale
    size = (regions[:, 3:5] + 1) * spatial_scale - start
    # A region without area is moved beyond the last pixel, so that all of its bins are empty.
    start = torch.where((size > 0).all(dim=1, keepdim=True), start, torch.inf)
    columns = _bin_edges(start[:, 0], size[:, 0], pooled_width, width)
    rows = _bin_edges(start[:, 1], size[:, 1], pooled_height, height)
    output.zero_()
    argmax.fill_(_NOTHING)
    for region, image in enumerate(regions[:, 0].long().tolist()):
        for row, (top, bottom) in enumerate(rows[region]):
            for column, (left, right) in enumerate(columns[region]):
                window = features[image, :, top:bottom, left:right]
                if window.numel():
                    # Of equal maxima, torch and the kernel both return the first in reading order.
                    best = window.flatten(1).max(dim=1)
                    y = top + best.indices // (right - left)
                    x = left + best.indices % (right - left)
                    output[region, :, row, column] = best.values.to(output.dtype)
                    argmax[region, :, row, column] = (y * width + x).to(argmax.dtype)


def roi_pool_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax: Tensor,
    grad_input: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Add each gradient to ``grad_input``, (B, C, H, W), at the position of its maximum."""
    batch, channels, height, width = grad_input.shape
    images = rois[:, 0].long()[:, None, None, None]
    planes = images * channels + torch.arange(channels, device=rois.device)[:, None, None]
    pooled = argmax != _NOTHING
    places = (planes * (height * width) + argmax)[pooled]
    total = at_least_float32(grad_input.new_zeros(batch * channels * height * width))
    total.index_add_(0, places, grad_output[pooled].to(total.dtype))
    grad_input.add_(total.view_as(grad_input).to(grad_input.dtype))


def _bin_edges(start: Tensor, size: Tensor, bins: int, limit: int) -> list[list[tuple[int, int]]]:
    """Return the half-open pixel range of each bin along one axis, for every region."""
    step = (size / bins)[:, None]
    number = torch.arange(bins, device=start.device, dtype=start.dtype)
    begin = (number * step + start[:, None]).floor().clamp(0, limit).long()
    end = ((number + 1) * step + start[:, None]).ceil().clamp(0, limit).long()
    edges = zip(begin.tolist(), end.tolist(), strict=True)
    return [list(zip(begins, ends, strict=True)) for begins, ends in edges]
