"""RoIPool with the bins of mmcv's CUDA kernel; torchvision rounds the regions differently."""

from __future__ import annotations

import torch
from torch import Tensor

from rm_mm.compat.ops.precision import at_least_float32

_NOTHING = -1


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
        rois: (N, 5) as image index, x1, y1, x2, y2 in pixels of the image; x2 and y2 belong to the
            region.
        output: Receives the maxima, (N, C, pooled_height, pooled_width); 0 where a bin is empty.
        argmax: Receives the place ``y * W + x`` of each maximum, int32, same shape; -1 where a bin
            is empty. (mmcv's kernel leaves 0 there for a region of negative size, and so sends its
            gradient to the first pixel.)
        pooled_height: Bins a column.
        pooled_width: Bins a row.
        spatial_scale: Feature pixels per image pixel.
    """
    features = at_least_float32(input)
    height, width = features.shape[2:]
    regions = rois.to(features.dtype)
    start = regions[:, 1:3] * spatial_scale
    size = (regions[:, 3:5] + 1) * spatial_scale - start
    # A region without area starts beyond the last pixel, so that none of its bins holds any.
    start = torch.where((size > 0).all(dim=1, keepdim=True), start, torch.inf)
    columns = _bin_edges(start[:, 0], size[:, 0], pooled_width, width)
    rows = _bin_edges(start[:, 1], size[:, 1], pooled_height, height)
    for region, image in enumerate(regions[:, 0].long().tolist()):
        maxima, places = _pool(features[image], rows[region], columns[region])
        output[region] = maxima.to(output.dtype)
        argmax[region] = places.to(argmax.dtype)


def roi_pool_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax: Tensor,
    grad_input: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Add each gradient to ``grad_input``, (B, C, H, W), at the place that gave the maximum.

    ``argmax`` is what :func:`roi_pool_forward` wrote; the other arguments are the same as there.
    """
    batch, channels, height, width = grad_input.shape
    images = rois[:, 0].long()[:, None, None, None]
    planes = images * channels + torch.arange(channels, device=rois.device)[:, None, None]
    pooled = argmax != _NOTHING
    places = (planes * (height * width) + argmax)[pooled]
    total = at_least_float32(grad_input.new_zeros(batch * channels * height * width))
    total.index_add_(0, places, grad_output[pooled].to(total.dtype))
    grad_input.add_(total.view_as(grad_input).to(grad_input.dtype))


_Edges = list[tuple[int, int]]


def _bin_edges(start: Tensor, size: Tensor, bins: int, limit: int) -> list[_Edges]:
    """Return for every region the half-open pixel range of each bin along one axis."""
    step = (size / bins)[:, None]
    number = torch.arange(bins, device=start.device, dtype=start.dtype)
    first = (number * step + start[:, None]).floor().clamp(0, limit).long()
    behind = ((number + 1) * step + start[:, None]).ceil().clamp(0, limit).long()
    pairs = zip(first.tolist(), behind.tolist(), strict=True)
    return [list(zip(firsts, behinds, strict=True)) for firsts, behinds in pairs]


def _pool(features: Tensor, rows: _Edges, columns: _Edges) -> tuple[Tensor, Tensor]:
    """Pool one image's features, (C, H, W), over one region's bins.

    Returns:
        The maxima, (C, bins, bins), and their places. First along each row, then across rows: the
        first of equal maxima in reading order is found, as by the kernel.
    """
    width = features.size(2)
    by_column = [_first_maximum(features[:, :, begin:end], dim=2) for begin, end in columns]
    values = torch.stack([value for value, _ in by_column], dim=2)
    xs = torch.stack(
        [
            torch.where(x == _NOTHING, _NOTHING, x + begin)
            for (_, x), (begin, _) in zip(by_column, columns, strict=True)
        ],
        dim=2,
    )
    maxima, places = [], []
    for begin, end in rows:
        value, y = _first_maximum(values[:, begin:end], dim=1)
        if begin < end:
            x = xs[:, begin:end].gather(1, y[:, None])[:, 0]
            place = torch.where(x == _NOTHING, _NOTHING, (y + begin) * width + x)
        else:
            place = y
        maxima.append(value)
        places.append(place)
    return torch.stack(maxima, dim=1), torch.stack(places, dim=1)


def _first_maximum(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return the maximum and its first index, or 0 and -1 along an empty dimension."""
    if values.size(dim):
        best = values.max(dim=dim)
        return best.values, best.indices
    empty = values.sum(dim=dim)
    return empty, torch.full_like(empty, _NOTHING, dtype=torch.long)
