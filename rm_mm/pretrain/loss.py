"""The two terms of RecursiveMix's loss, in plain PyTorch."""

from __future__ import annotations

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import roi_align

from rm_mm.pretrain.recursive_mix import Mix, RecursiveMix


class RecursiveMixLoss(nn.Module):
    """``CE(p, y) + omega * (1 - lam) * CE(q, softmax(p_h))`` (arXiv 2203.06844, equation 4).

    ``p`` are the whole-image logits and ``y`` the fused targets. ``q`` are the logits of the pasted
    region, and ``p_h`` the logits that the pasted image got one iteration earlier. Calling the
    module computes the first term, a soft cross-entropy, and :meth:`region` the second.

    Args:
        omega: Weight of the region term, at least 0. 0.5 on ImageNet, 0.1 on CIFAR.
        loss_weight: Weight of both terms, as in mmpretrain's losses.

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
        """Compute the classification term, a scalar.

        Args:
            logits: (N, K).
            targets: Probabilities (N, K), or class indices (N,).
            avg_factor: Divisor of the sum over rows; N by default.
        """
        total = F.cross_entropy(logits, targets, reduction='sum')
        return self.loss_weight * total / (len(logits) if avg_factor is None else avg_factor)

    # The box changes at every step: a compiled graph that contains it would be compiled each time.
    @torch.compiler.disable
    def region(
        self, feature_map: Tensor, layer: nn.Module, mix: RecursiveMix | Mix | None
    ) -> Tensor:
        """Compute the weighted region term.

        Args:
            feature_map: Last feature map of the mixed batch, before pooling, (N, C, h, w).
            layer: Maps pooled features (rows, C) to region logits (rows, K). ``fc_roi`` in the
                paper; the classifier itself if the two share weights.
            mix: The augmentation that mixed this batch, or the result of its ``take_mix``.

        Returns:
            A scalar, 0 if nothing was pasted. Unmixed rows count as 0 in the mean over the batch.
            Its gradient does not reach the history.

        Raises:
            ValueError: If the features are not a map, or if the pasted images have no logits.
        """
        if feature_map.dim() != 4:
            raise ValueError(
                'RecursiveMixLoss.region: expected a feature map (N, C, h, w) before pooling, got '
                f'{tuple(feature_map.shape)}.'
            )
        taken = mix.take_mix() if isinstance(mix, RecursiveMix) else mix
        if taken is None or taken.history_logits is None:
            if taken is not None and taken is not mix and taken.rows:
                raise ValueError(
                    'RecursiveMixLoss.region: the pasted images have no logits. Call '
                    'remember_logits(logits) of the RecursiveMix in every iteration.'
                )
            return _zero(feature_map, layer)
        logits = layer(pool_region(feature_map[: taken.rows], taken))
        earlier = taken.history_logits.to(logits.dtype).softmax(dim=1)
        total = F.cross_entropy(logits, earlier, reduction='sum')
        return self.loss_weight * self.omega * (1.0 - taken.lam) * total / len(feature_map)


def pool_region(feature_map: Tensor, mix: Mix) -> Tensor:
    """Pool the pasted region of each feature map, (N, C, h, w), to one vector, (N, C)."""
    # torchvision's CPU operator lacks half precision; the result is one vector per image.
    features = feature_map if feature_map.dtype == torch.float64 else feature_map.float()
    boxes = features.new_tensor([[index, *mix.box_xyxy] for index in range(len(features))])
    region = roi_align(
        features,
        boxes,
        output_size=1,
        spatial_scale=features.shape[-1] / mix.image_width,
        sampling_ratio=-1,
        aligned=True,
    )
    pooled: Tensor = region.flatten(1).to(feature_map.dtype)
    return pooled


def _zero(feature_map: Tensor, layer: nn.Module) -> Tensor:
    """A zero loss; under DDP, one that gives ``layer`` zero gradients.

    DDP waits for a gradient of every parameter, and ``find_unused_parameters=True`` would search
    for missing ones at every step. Elsewhere the layer gets no gradient, so the optimiser skips it,
    as in the authors' code.
    """
    zero = feature_map.new_zeros(())
    if dist.is_available() and dist.is_initialized():
        for parameter in layer.parameters():
            zero = zero + 0.0 * parameter.sum()
    return zero
