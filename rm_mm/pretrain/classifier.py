"""RecursiveMix in mmpretrain: the classifier and its head."""

from __future__ import annotations

import copy
from typing import Any

import torch
from mmpretrain.models import ImageClassifier, LinearClsHead
from mmpretrain.registry import BATCH_AUGMENTS, MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from rm_mm.pretrain.loss import RecursiveMixLoss
from rm_mm.pretrain.recursive_mix import Mix, RecursiveMix

BATCH_AUGMENTS.register_module(module=RecursiveMix)
MODELS.register_module(module=RecursiveMixLoss)


@MODELS.register_module()
class RecursiveMixHead(LinearClsHead):
    """Linear head with a second linear layer, ``fc_roi``, for the pasted region.

    ``fc_roi`` is a training aid. Prediction uses ``fc`` alone, so a checkpoint also loads into a
    plain ``LinearClsHead``, and exported models do not contain it.

    Args:
        num_classes: K.
        in_channels: Channels of the last feature map.
        share_fc: Score the region with ``fc`` instead of ``fc_roi``.
        loss: Config of a :class:`~rm_mm.pretrain.RecursiveMixLoss`.
        **kwargs: Passed to mmpretrain's ``LinearClsHead``.
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
        """Reject the call of a plain classifier, which has no feature map to pass.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            'RecursiveMixHead: the region loss needs the feature map before pooling, which only '
            "RecursiveMixClassifier passes. Set model=dict(type='RecursiveMixClassifier')."
        )

    @torch.compiler.disable
    def region_loss(
        self,
        feats: tuple[Tensor, ...],
        data_samples: list[DataSample],
        feature_map: Tensor,
        mix: Mix | None,
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Compute both terms of the loss.

        Args:
            feats: Pooled features; the last is (N, C).
            data_samples: One per image, with ``gt_score`` (K,) or ``gt_label``.
            feature_map: Last feature map of the backbone, (N, C, h, w).
            mix: What RecursiveMix did to this batch; None if another augmentation processed it.

        Returns:
            ``loss_cls`` and ``loss_roi``, whose sum is the loss, and the whole-image logits,
            (N, K), not detached.
        """
        logits = self(feats)
        losses: dict[str, Tensor] = self._get_loss(logits, data_samples)
        losses['loss_cls'] = losses.pop('loss')
        layer = self.fc if self.fc_roi is None else self.fc_roi
        losses['loss_roi'] = self.loss_module.region(feature_map, layer, mix)
        return losses, logits


@MODELS.register_module()
class RecursiveMixClassifier(ImageClassifier):
    """An ``ImageClassifier`` that trains with RecursiveMix's region loss.

    ``train_cfg.augments`` must contain one ``RecursiveMix``, perhaps among others, and the head
    must be a :class:`RecursiveMixHead`. The last output of the backbone must be a feature map.
    """

    def __init__(
        self, *args: Any, train_cfg: Any = None, data_preprocessor: Any = None, **kwargs: Any
    ) -> None:
        # mmpretrain's RandomBatchAugment appends to the `probs` of its config, which could then be
        # built only once.
        super().__init__(
            *args,
            train_cfg=copy.deepcopy(train_cfg),
            data_preprocessor=copy.deepcopy(data_preprocessor),
            **kwargs,
        )

    @property
    def recursive_mix(self) -> RecursiveMix:
        """The augmentation in the data preprocessor, which owns the history.

        Raises:
            ValueError: If there is not exactly one.
        """
        augments = getattr(self.data_preprocessor, 'batch_augments', None)
        found = [a for a in getattr(augments, 'augments', []) if isinstance(a, RecursiveMix)]
        if len(found) != 1:
            raise ValueError(
                'RecursiveMixClassifier: train_cfg.augments must name exactly one RecursiveMix, '
                f"found {len(found)}. Set train_cfg=dict(augments=dict(type='RecursiveMix'))."
            )
        return found[0]

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Compute ``loss_cls`` and ``loss_roi``, whose sum is the loss.

        Args:
            inputs: Mixed batch from the data preprocessor, (N, C, H, W).
            data_samples: One per image, with the fused targets as ``gt_score``.

        Raises:
            ValueError: If the backbone returns no feature map, or if the head or the augmentation
                has the wrong type.
        """
        augment = self.recursive_mix
        if not isinstance(self.head, RecursiveMixHead):
            raise ValueError(
                'RecursiveMixClassifier: the head must be a RecursiveMixHead, got '
                f"{type(self.head).__name__}. Set head=dict(type='RecursiveMixHead')."
            )
        mix = augment.take_mix()
        features = self.extract_feat(inputs, stage='backbone')
        feature_map = features[-1] if isinstance(features, (tuple, list)) else features
        shape = tuple(getattr(feature_map, 'shape', ()))
        if len(shape) != 4:
            raise ValueError(
                'RecursiveMixClassifier: the region loss needs a feature map (N, C, h, w) as the '
                f'last output of the backbone, but {type(self.backbone).__name__} returned '
                f"{shape or type(feature_map).__name__}. A transformer needs out_type='featmap' "
                'and a GlobalAveragePooling neck.'
            )
        pooled = self.neck(features) if self.with_neck else features
        losses, logits = self.head.region_loss(pooled, data_samples, feature_map, mix)
        if mix is not None:
            augment.remember_logits(logits)
        return dict(losses)
