"""DenseNet for images of 32 x 32."""

from __future__ import annotations

from typing import Any

from mmpretrain.models import DenseNet
from mmpretrain.registry import MODELS
from torch import nn


@MODELS.register_module()
class DenseNet_CIFAR(DenseNet):  # noqa: N801  # as mmpretrain's ResNet_CIFAR
    """mmpretrain's DenseNet with a stem that keeps the resolution: one 3 x 3 convolution.

    Four stages as on ImageNet, so that the last feature map of a 32 x 32 image is 4 x 4, and no
    normalisation in the stem, since every dense layer begins with one (arXiv 1608.06993,
    section 3, applied to CIFAR).

    Args:
        arch: As of mmpretrain's ``DenseNet``.
        in_channels: Of the images.
        **kwargs: As of mmpretrain's ``DenseNet``.
    """

    def __init__(self, arch: Any = '161', in_channels: int = 3, **kwargs: Any) -> None:
        super().__init__(arch, in_channels, **kwargs)
        self.stem = nn.Conv2d(in_channels, self.init_channels, 3, padding=1, bias=False)
