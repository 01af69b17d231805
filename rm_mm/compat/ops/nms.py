"""Non-maximum suppression, and the grouping that goes with it."""

from __future__ import annotations

import torch
import torchvision  # noqa: F401  (registers torch.ops.torchvision)
from torch import Tensor

from rm_mm.compat.ops.precision import as_float32, at_least_float32


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
    kept: Tensor = torch.ops.torchvision.nms(
        corners, scores.to(corners.dtype), as_float32(iou_threshold)
    )
    return kept


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Group the boxes that non-maximum suppression would merge.

    Args:
        dets: (N, 5) as x1, y1, x2, y2, score.
        iou_threshold: A box joins the group of a better one from this overlap on, in [0, 1].

    Returns:
        One list of indices a kept box, best box first; inside a list the kept box, then those it
        suppressed, by falling score.
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
