"""Soft non-maximum suppression: overlapping boxes lose score instead of being dropped."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rm_mm.compat.ops.precision import at_least_float32

# The codes that mmcv's wrapper sends.
_NAIVE, _LINEAR, _GAUSSIAN = 0, 1, 2

_Floats = NDArray[np.floating]
_Indices = NDArray[np.intp]


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
    """Take the best box, lower the scores of those it overlaps, and repeat.

    Args:
        boxes: (N, 4) on the CPU, as x1, y1, x2, y2. Not modified.
        scores: (N,). Not modified.
        dets: (N, 5). Its first K rows receive the K kept boxes and their lowered scores, in the
            order in which they were taken; the others are left as they are.
        iou_threshold: Overlap from which a score is lowered, for methods 0 and 1.
        sigma: Width of the Gaussian, for method 2.
        min_score: A box whose lowered score falls below this is dropped.
        method: 0 drops, 1 lowers by ``1 - overlap``, 2 by ``exp(-overlap² / sigma)``.
        offset: 1 if x2 and y2 belong to the box, else 0.

    Returns:
        Indices of the kept boxes, (K,), int64.
    """
    rows = torch.cat([at_least_float32(boxes), scores[:, None].to(at_least_float32(boxes))], dim=1)
    table: _Floats = rows.numpy()
    # Which box stands where. Ties are broken by place, so places are swapped as the compiled op
    # swaps them.
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
    # A NaN (two empty boxes at one place, Gaussian) wins no comparison and loses none.
    return 0 if np.isnan(scores[0]) else int(np.nanargmax(scores))


def _overlaps(best: _Floats, rest: _Floats, offset: int) -> _Floats:
    """Return the intersection over union of one row with each of the others."""
    best_size = best[2:4] - best[:2] + offset
    sizes = rest[:, 2:4] - rest[:, :2] + offset
    shared = np.minimum(best[2:4], rest[:, 2:4]) - np.maximum(best[:2], rest[:, :2]) + offset
    intersection = np.maximum(shared, 0).prod(axis=1)
    with np.errstate(invalid='ignore', divide='ignore'):
        overlaps: _Floats = intersection / (best_size.prod() + sizes.prod(axis=1) - intersection)
    return overlaps


def _decay(overlaps: _Floats, iou_threshold: float, sigma: float, method: int) -> _Floats:
    if method == _GAUSSIAN:
        gaussian: _Floats = np.exp(-(overlaps * overlaps) / overlaps.dtype.type(sigma))
        return gaussian
    lowered = 1 - overlaps if method == _LINEAR else np.zeros_like(overlaps)
    reached = overlaps >= overlaps.dtype.type(iou_threshold)
    return np.where(reached, lowered, np.ones_like(overlaps))


def _fill_gaps(places: _Indices, dropped: NDArray[np.bool_]) -> _Indices:
    """Remove the dropped entries, filling each gap from the left with the last that is kept."""
    kept = ~dropped
    count = int(kept.sum())
    filled = places[:count].copy()
    filled[dropped[:count]] = places[count:][kept[count:]][::-1]
    return filled
