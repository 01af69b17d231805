"""A linear head that also scores the pasted region."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from mmpretrain.models import LinearClsHead
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torchvision.ops import roi_align

from rm_mm.pretrain.recursive_mix import Mix


@MODELS.register_module()
class RecursiveMixHead(LinearClsHead):
    """Linear head with a second linear layer, ``fc_roi``, for the pasted region.

    ``fc_roi`` is a training aid: prediction uses ``fc`` alone, so that a checkpoint also loads into
    a plain ``LinearClsHead``, and no exported model has it.

    Args:
        num_classes: K.
        in_channels: Channels of the last feature map.
        share_fc: Score the region with ``fc`` instead of a layer of its own.
        loss: Config of a :class:`~rm_mm.pretrain.RecursiveMixLoss`.
        **kwargs: As of mmpretrain's ``LinearClsHead``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        share_fc: bool = False,
        loss: dict[str, Any] | nn.Module | None = None,
        **kwargs: Any,
    ) -> None:
        loss = {'type': 'RecursiveMixLoss'} if loss is None else loss
        super().__init__(num_classes=num_classes, in_channels=in_channels, loss=loss, **kwargs)
        self.share_fc = share_fc
        self.fc_roi = None if share_fc else nn.Linear(in_channels, num_classes)

    def loss(
        self, feats: tuple[Tensor, ...], data_samples: list[DataSample], **kwargs: Any
    ) -> dict[str, Tensor]:
        """Refuse: a plain classifier calls this, and it has no feature map to give.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            'RecursiveMixHead: the region loss needs the feature map before pooling, which only '
            "type='RecursiveMixClassifier' hands over; set it as the model's type."
        )

    # The box is another one at every step: a graph with it in would be compiled anew for each.
    @torch.compiler.disable
    def region_loss(
        self,
        feats: tuple[Tensor, ...],
        data_samples: list[DataSample],
        feature_map: Tensor,
        mix: Mix | None,
        image_width: int,
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Both terms of the objective.

        Args:
            feats: Pooled features; the last is (N, C).
            data_samples: With ``gt_score`` (K,) or ``gt_label``, one a row.
            feature_map: The backbone's last feature map, (N, C, h, w).
            mix: What RecursiveMix did to this batch; None if another augmentation had it.
            image_width: Pixels that ``feature_map``'s width stands for.

        Returns:
            ``loss_cls`` and ``loss_roi``, whose sum is the objective, and the whole-image logits,
            (N, K), not detached.
        """
        cls_score = self(feats)
        losses: dict[str, Tensor] = self._get_loss(cls_score, data_samples)
        losses['loss_cls'] = losses.pop('loss')
        if mix is None or mix.history_logits is None:
            losses['loss_roi'] = self._no_region(cls_score)
        else:
            scores = self.region_scores(feature_map[: mix.rows], mix, image_width)
            losses['loss_roi'] = self.loss_module.region(scores, mix, len(cls_score))
        return losses, cls_score

    def region_scores(self, feature_map: Tensor, mix: Mix, image_width: int) -> Tensor:
        """Logits of the pasted region, (rows, K), from the whole image's feature map."""
        # torchvision's CPU operator knows no half precision; the region is one vector an image.
        features = feature_map if feature_map.dtype == torch.float64 else feature_map.float()
        rows = features.new_tensor([[index, *mix.box_xyxy] for index in range(len(features))])
        region = roi_align(
            features,
            rows,
            output_size=1,
            spatial_scale=features.shape[-1] / image_width,
            sampling_ratio=-1,
            aligned=True,
        ).flatten(1)
        layer = self.fc if self.fc_roi is None else self.fc_roi
        scores: Tensor = layer(region.to(feature_map.dtype))
        return scores

    def _no_region(self, cls_score: Tensor) -> Tensor:
        """A zero; under DDP one through which ``fc_roi`` takes part, with zero gradients.

        DDP waits for a gradient of every parameter; this is what ``find_unused_parameters=True``
        would otherwise have to search for, at every step. Outside DDP the layer is left without a
        gradient, so that the optimiser passes it over, as it does in the authors' code.
        """
        zero = cls_score.new_zeros(())
        if self.fc_roi is not None and dist.is_available() and dist.is_initialized():
            for parameter in self.fc_roi.parameters():
                zero = zero + 0.0 * parameter.sum()
        return zero
