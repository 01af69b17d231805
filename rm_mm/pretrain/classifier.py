"""The classifier that carries box, feature map and logits to where RecursiveMix needs them."""

from __future__ import annotations

import copy
from typing import Any

from mmpretrain.models import ImageClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor

from rm_mm.pretrain.head import RecursiveMixHead
from rm_mm.pretrain.recursive_mix import RecursiveMix


@MODELS.register_module()
class RecursiveMixClassifier(ImageClassifier):
    """An ``ImageClassifier`` with RecursiveMix's region loss; the plain one at test time.

    Takes the same arguments. ``train_cfg.augments`` has to name one ``RecursiveMix`` (others may
    stand beside it), and the head has to be a :class:`~rm_mm.pretrain.RecursiveMixHead`.

    Any backbone whose last output is a feature map will do.
    """

    def __init__(
        self, *args: Any, train_cfg: Any = None, data_preprocessor: Any = None, **kwargs: Any
    ) -> None:
        # mmpretrain's RandomBatchAugment appends to the `probs` of the config it is given, so that
        # a config could be built only once.
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
        """Losses of a batch that went through the data preprocessor.

        Args:
            inputs: The mixed batch, (N, C, H, W).
            data_samples: With the fused targets as ``gt_score``.

        Returns:
            ``loss_cls`` and ``loss_roi``; their sum is the objective.

        Raises:
            ValueError: If the backbone returns no feature map, or head and augmentation are not
                RecursiveMix's.
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
        losses: dict[str, Tensor]
        losses, logits = self.head.region_loss(
            pooled, data_samples, feature_map=feature_map, mix=mix, image_width=inputs.shape[-1]
        )
        if mix is not None:
            augment.remember_logits(logits)
        return losses
