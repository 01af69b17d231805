"""Sigmoid and softmax focal loss with the formulas of mmcv's CUDA kernels.

Where a weight or a probability is looked up by a target outside of the classes, the kernels read
out of bounds. Here such a row has weight 1 (sigmoid, where it is the background) or counts for
nothing (softmax, as the kernels do for negative targets).
"""

from __future__ import annotations

import torch
from torch import Tensor

from rm_mm.compat.ops.precision import at_least_float32

# C's FLT_MIN, below which the kernels do not let the argument of a logarithm fall.
_FLT_MIN = torch.finfo(torch.float32).tiny


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Write the loss of every class of every row.

    Args:
        input: Logits, (N, C).
        target: Class of each row, (N,), int64; any value outside of [0, C) is background.
        weight: Per class, (C,), applied to whole rows by their target; empty for none.
        output: Receives the loss, (N, C).
        gamma: Exponent that plays down what is already right.
        alpha: Share of the positive class, in [0, 1].
    """
    p = at_least_float32(input).sigmoid()
    positive = (1 - p) ** gamma * _safe_log(p)
    negative = p**gamma * _safe_log(1 - p)
    output.copy_(_sigmoid_rows(positive, negative, target, weight, alpha))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Write the derivative of the loss by each logit to ``grad_input``, (N, C).

    The other arguments are those of :func:`sigmoid_focal_loss_forward`.
    """
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
    """Write the loss of every row.

    Args:
        input: Probabilities, (N, C); mmcv's wrapper has already applied the softmax.
        target: Class of each row, (N,), int64; a row with any value outside of [0, C) costs 0.
        weight: Per class, (C,), or empty for none.
        output: Receives the loss, (N,).
        gamma: Exponent that plays down what is already right.
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
    """Write the derivative of the loss by each logit (not by each probability).

    Args:
        input: As in :func:`softmax_focal_loss_forward`, as are the arguments not named here.
        target: As above.
        weight: As above.
        buff: Receives the derivative by the logarithm of the target's probability, (N,).
        grad_input: Receives the derivative, (N, C).
        gamma: As above.
        alpha: As above.
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
    """Return which targets are classes, and the targets moved into range for a look-up."""
    return (target >= 0) & (target < classes), target.clamp(0, classes - 1)


def _safe_log(p: Tensor) -> Tensor:
    return p.clamp(min=_FLT_MIN).log()
