"""Sigmoid and softmax focal loss with the formulas of mmcv's CUDA kernels.

For a target outside the classes, the kernels look up weights and probabilities out of bounds. Here
such a row has weight 1 (sigmoid, where it is background) or costs nothing (softmax, as in the
kernels for negative targets).
"""

from __future__ import annotations

import torch
from torch import Tensor

from rm_mm.compat.ops.precision import at_least_float32

# C's FLT_MIN, the smallest argument that the kernels pass to a logarithm.
_FLT_MIN = torch.finfo(torch.float32).tiny


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Write the sigmoid loss of every class of every row.

    Args:
        input: Logits, (N, C).
        target: Class of each row, (N,), int64; any value outside [0, C) is background.
        weight: Class weights, (C,), applied to whole rows by their target; empty for none.
        output: Receives the loss, (N, C).
        gamma: Exponent that reduces the weight of well-classified rows.
        alpha: Share of the positive class, in [0, 1].
    """
    p = at_least_float32(input).sigmoid()
    positive = (1 - p) ** gamma * _safe_log(p)
    negative = p**gamma * _safe_log(1 - p)
    output.copy_(_sigmoid_rows(positive, negative, target, weight, alpha))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Write the gradient of the logits to ``grad_input``, (N, C)."""
    p = at_least_float32(input).sigmoid()
    positive = (1 - p) ** gamma * (1 - p - gamma * p * _safe_log(p))
    negative = p**gamma * (gamma * (1 - p) * _safe_log(1 - p) - p)
    grad_input.copy_(_sigmoid_rows(positive, negative, target, weight, alpha))


def _sigmoid_rows(
    positive: Tensor, negative: Tensor, target: Tensor, weight: Tensor, alpha: float
) -> Tensor:
    classes = torch.arange(positive.size(1), device=target.device)
    rows = torch.where(target[:, None] == classes, -alpha * positive, (alpha - 1) * negative)
    if weight.numel():
        valid, index = _valid(target, positive.size(1))
        rows = rows * torch.where(valid, weight.to(rows.dtype)[index], 1)[:, None]
    return rows


def softmax_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Write the softmax loss of every row.

    Args:
        input: Probabilities, (N, C); mmcv's wrapper has already applied the softmax.
        target: Class of each row, (N,), int64; a row with a value outside [0, C) costs 0.
        weight: Class weights, (C,), or empty for none.
        output: Receives the loss, (N,).
        gamma: Exponent that reduces the weight of well-classified rows.
        alpha: Factor of the whole loss.
    """
    p = _target_probability(input, target)
    output.copy_(_softmax_rows(-alpha * (1 - p) ** gamma * _safe_log(p), input, target, weight))


def softmax_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    buff: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Write the gradient of the logits (not the probabilities) to ``grad_input``, (N, C).

    ``buff``, (N,), receives the gradient of the logarithm of the target's probability.
    """
    p = _target_probability(input, target)
    slope = gamma * (1 - p) ** (gamma - 1) * p * _safe_log(p) - (1 - p) ** gamma
    slope = _softmax_rows(alpha * slope, input, target, weight)
    classes = torch.arange(input.size(1), device=target.device)
    buff.copy_(slope)
    one_hot = (target[:, None] == classes).to(slope.dtype)
    grad_input.copy_(slope[:, None] * (one_hot - at_least_float32(input)))


def _target_probability(probabilities: Tensor, target: Tensor) -> Tensor:
    _, index = _valid(target, probabilities.size(1))
    return at_least_float32(probabilities).gather(1, index[:, None])[:, 0]


def _softmax_rows(rows: Tensor, probabilities: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    valid, index = _valid(target, probabilities.size(1))
    if weight.numel():
        rows = rows * weight.to(rows.dtype)[index]
    return torch.where(valid, rows, 0)


def _valid(target: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return which targets are classes, and the targets clamped into range for a look-up."""
    return (target >= 0) & (target < classes), target.clamp(0, classes - 1)


def _safe_log(p: Tensor) -> Tensor:
    return p.clamp(min=_FLT_MIN).log()
