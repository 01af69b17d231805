"""The two terms of RecursiveMix's objective."""

from __future__ import annotations

import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from rm_mm.pretrain.recursive_mix import Mix


@MODELS.register_module()
class RecursiveMixLoss(nn.Module):
    """``CE(p, y) + omega * (1 - lam) * CE(q, softmax(p_h))`` (arXiv 2203.06844, equation 4).

    ``p`` are the whole-image logits and ``y`` the fused targets; ``q`` the pasted region's logits
    and ``p_h`` the logits with which the pasted image was predicted an iteration ago. Without a
    region it is the (soft) cross-entropy, so that it can stand in for mmpretrain's.

    Args:
        omega: Weight of the region term, at least 0. 0.5 on ImageNet, 0.1 on CIFAR.
        loss_weight: Weight of the whole, as mmpretrain's losses have it.

    Raises:
        ValueError: If ``omega`` is negative.
    """

    def __init__(self, omega: float = 0.5, loss_weight: float = 1.0) -> None:
        super().__init__()
        if omega < 0:
            raise ValueError(f'RecursiveMixLoss: omega must not be negative, got {omega!r}.')
        self.omega = omega
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, targets: Tensor, avg_factor: float | None = None) -> Tensor:
        """The classification term.

        Args:
            logits: (N, K).
            targets: Probabilities (N, K), or class indices (N,).
            avg_factor: What to divide the sum over rows by; N if not given.

        Returns:
            A scalar.
        """
        total = F.cross_entropy(logits, targets, reduction='sum')
        return self.loss_weight * total / (len(logits) if avg_factor is None else avg_factor)

    def region(self, region_logits: Tensor, mix: Mix, batch_size: int) -> Tensor:
        """The region term, weighted.

        Args:
            region_logits: Scores of the pasted region, (rows, K).
            mix: Of the same batch, with its earlier logits.
            batch_size: N. Rows that were not mixed count as zero in the mean.

        Returns:
            A scalar; its gradient does not reach the history.
        """
        assert mix.history_logits is not None, 'only called for a mix with an earlier prediction'
        earlier = mix.history_logits.to(region_logits.dtype).softmax(dim=1)
        total = F.cross_entropy(region_logits, earlier, reduction='sum')
        return self.loss_weight * self.omega * (1.0 - mix.lam) * total / batch_size
