"""Non-maximum suppression (NMS), the grouping that goes with it, and soft NMS."""

from __future__ import annotations

import numpy as np
import torch
import torchvision  # noqa: F401  (registers torch.ops.torchvision)
from numpy.typing import NDArray
from torch import Tensor

from rm_mm.compat.ops.precision import as_float32, at_least_float32

# Method codes of mmcv's soft NMS.
_NAIVE, _LINEAR, _GAUSSIAN = 0, 1, 2

_Floats = NDArray[np.floating]
_Indices = NDArray[np.intp]


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Suppress every box that overlaps a better one by more than the threshold.

    Args:
        boxes: (N, 4) as x1, y1, x2, y2.
        scores: (N,).
        iou_threshold: Intersection over union, in [0, 1].
        offset: 1 if x2 and y2 belong to the box (a box from 3 to 5 is 3 wide), else 0.

    Returns:
        Indices of the kept boxes, int64, best first; equal scores keep their order.
    """
    corners = at_least_float32(boxes)
    corners = corners + corners.new_tensor([0, 0, offset, offset])
    threshold = as_float32(iou_threshold)
    kept: Tensor = torch.ops.torchvision.nms(corners, scores.to(corners.dtype), threshold)
    return kept


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Group the boxes that non-maximum suppression would merge.

    Args:
        dets: (N, 5) as x1, y1, x2, y2, score.
        iou_threshold: Smallest overlap with which a box joins a better one's group, in [0, 1].

    Returns:
        One list of indices per kept box, best box first: the kept box, followed by the boxes that
        it suppressed, by descending score.
    """
    boxes = at_least_float32(dets)
    threshold = as_float32(iou_threshold)
    waiting = boxes[:, 4].sort(descending=True, stable=True).indices
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    groups = []
    while len(waiting):
        best, rest = waiting[0], waiting[1:]
        top_left = torch.maximum(boxes[best, :2], boxes[rest, :2])
        bottom_right = torch.minimum(boxes[best, 2:4], boxes[rest, 2:4])
        intersection = (bottom_right - top_left).clamp(min=0).prod(dim=1)
        joins = intersection / (areas[best] + areas[rest] - intersection) >= threshold
        groups.append([int(best), *rest[joins].tolist()])
        waiting = rest[~joins]
    return groups


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Take the best box, lower the scores of the boxes it overlaps, and repeat.

    Args:
        boxes: (N, 4) on the CPU, as x1, y1, x2, y2. Not modified, like ``scores``.
        scores: (N,).
        dets: (N, 5). The first K rows receive the K kept boxes and their lowered scores, in the
            order in which they were taken. Other rows are not modified.
        iou_threshold: Smallest overlap at which methods 0 and 1 lower a score.
        sigma: Width of the Gaussian of method 2.
        min_score: Lowest score that is kept.
        method: 0 drops, 1 lowers by ``1 - overlap``, 2 by ``exp(-overlap² / sigma)``.
        offset: 1 if x2 and y2 belong to the box, else 0.

    Returns:
        Indices of the kept boxes, (K,), int64.
    """
    corners = at_least_float32(boxes)
    table: _Floats = torch.cat([corners, scores[:, None].to(corners)], dim=1).numpy()
    # Rows in their current order. Ties are broken by position, so positions are swapped exactly as
    # the compiled op swaps them.
    order: _Indices = np.arange(len(table))
    taken = 0
    while taken < len(order):
        best = taken + _first_best(table[order[taken:], 4])
        order[[taken, best]] = order[[best, taken]]
        rest = order[taken + 1 :]
        overlaps = _overlaps(table[order[taken]], table[rest], offset)
        table[rest, 4] *= _decay(overlaps, iou_threshold, sigma, method)
        survivors = _fill_gaps(rest, table[rest, 4] < table.dtype.type(min_score))
        order = np.concatenate([order[: taken + 1], survivors])
        taken += 1
    dets[:taken] = torch.from_numpy(table[order]).to(dets.dtype)
    return torch.from_numpy(order.astype(np.int64))


def _first_best(scores: _Floats) -> int:
    # A NaN (two empty boxes in one place, Gaussian) wins and loses no comparison.
    return 0 if np.isnan(scores[0]) else int(np.nanargmax(scores))


def _overlaps(best: _Floats, rest: _Floats, offset: int) -> _Floats:
    """Return the intersection over union of one box with each of the others."""
    best_size = best[2:4] - best[:2] + offset
    sizes = rest[:, 2:4] - rest[:, :2] + offset
    shared = np.minimum(best[2:4], rest[:, 2:4]) - np.maximum(best[:2], rest[:, :2]) + offset
    intersection = np.maximum(shared, 0).prod(axis=1)
    union = best_size.prod() + sizes.prod(axis=1) - intersection
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.asarray(intersection / union)


def _decay(overlaps: _Floats, iou_threshold: float, sigma: float, method: int) -> _Floats:
    if method == _GAUSSIAN:
        return np.asarray(np.exp(-(overlaps * overlaps) / overlaps.dtype.type(sigma)))
    lowered = 1 - overlaps if method == _LINEAR else np.zeros_like(overlaps)
    reached = overlaps >= overlaps.dtype.type(iou_threshold)
    return np.where(reached, lowered, np.ones_like(overlaps))


def _fill_gaps(places: _Indices, dropped: NDArray[np.bool_]) -> _Indices:
    """Remove dropped entries; each gap, from the left, takes the last entry that is kept."""
    kept = ~dropped
    count = int(kept.sum())
    filled = places[:count].copy()
    filled[dropped[:count]] = places[count:][kept[count:]][::-1]
    return filled
