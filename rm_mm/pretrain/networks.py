"""Networks of the paper's CIFAR tables that mmpretrain lacks, for images of 32 x 32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmpretrain.models import DenseNet
from mmpretrain.models.backbones.base_backbone import BaseBackbone
from mmpretrain.registry import MODELS
from torch import Tensor, nn

#: Output channels of a bottleneck relative to its width.
EXPANSION = 4


@MODELS.register_module()
class DenseNet_CIFAR(DenseNet):  # noqa: N801  # like mmpretrain's ResNet_CIFAR
    """mmpretrain's DenseNet with one 3 x 3 convolution as its stem, which keeps the resolution.

    It has four stages as on ImageNet, so the last feature map of a 32 x 32 image is 4 x 4. The stem
    has no normalisation because every dense layer begins with one (arXiv 1608.06993, section 3).
    Arguments are those of ``DenseNet``.
    """

    def __init__(self, arch: Any = '161', in_channels: int = 3, **kwargs: Any) -> None:
        super().__init__(arch, in_channels, **kwargs)
        self.stem = nn.Conv2d(in_channels, self.init_channels, 3, padding=1, bias=False)


class PyramidBottleneck(nn.Module):
    """BN, 1x1, BN, ReLU, 3x3, BN, ReLU, 1x1, BN, plus a shortcut without parameters.

    The shortcut pads the missing channels with zeros, and average-pools where the stride is 2
    (arXiv 1610.02915, figures 5 and 6d).

    Args:
        in_channels: Channels of the input.
        width: Channels of the inner convolutions; the output has ``EXPANSION`` times as many.
        stride: Stride of the 3x3 convolution.
    """

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        out_channels = width * EXPANSION
        self.residual = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            nn.Conv2d(in_channels, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.stride = stride
        self.missing = out_channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, 4 * width, ceil(H / stride), ceil(W / stride))."""
        shortcut = F.avg_pool2d(x, 2, ceil_mode=True) if self.stride == 2 else x
        out: Tensor = self.residual(x)
        return out + F.pad(shortcut, (0, 0, 0, 0, 0, self.missing))


@MODELS.register_module()
class PyramidNet(BaseBackbone):
    """PyramidNet with bottlenecks (arXiv 1610.02915): each block is a little wider than the last.

    Widths grow from 16 by ``alpha`` in equal, rounded steps over all blocks. There are three stages
    of equal depth, with strides 1, 2 and 2.

    Args:
        depth: Number of layers, 9n + 2 for n blocks per stage.
        alpha: Difference between the width of the last block and 16.
        in_channels: Channels of the images.
        out_indices: Stages whose output is returned. The last one ends with a batch normalisation
            and a ReLU.
        frozen_stages: 0 freezes the stem, 1 also the first stage, and so on; -1 trains all.

    Raises:
        ValueError: If there is no network of this depth.
    """

    def __init__(
        self,
        depth: int,
        alpha: int,
        in_channels: int = 3,
        out_indices: Sequence[int] = (2,),
        frozen_stages: int = -1,
    ) -> None:
        blocks, rest = divmod(depth - 2, 9)
        if blocks < 1 or rest:
            raise ValueError(f'PyramidNet: depth must be 9n + 2, such as 164 or 200, got {depth}.')
        # As in the reference implementation: normal, with variance 2 / (k * k * out_channels).
        kaiming = dict(type='Kaiming', layer='Conv2d', mode='fan_out', nonlinearity='relu')
        super().__init__([kaiming, dict(type='Constant', layer='BatchNorm2d', val=1)])
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        stem = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.stem = nn.Sequential(stem, nn.BatchNorm2d(16))
        self.stages = nn.ModuleList()
        channels = 16
        for stage in range(3):
            layers: list[nn.Module] = []
            for block in range(stage * blocks, (stage + 1) * blocks):
                width = round(16 + alpha * (block + 1) / (3 * blocks))
                stride = 2 if stage and not layers else 1
                layers.append(PyramidBottleneck(channels, width, stride))
                channels = width * EXPANSION
            self.stages.append(nn.Sequential(*layers))
        self.last_norm = nn.BatchNorm2d(channels)
        self._freeze()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images (N, in_channels, H, W) to the feature maps of ``out_indices``."""
        x = self.stem(x)
        outputs = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index == len(self.stages) - 1:
                x = torch.relu(self.last_norm(x))
            if index in self.out_indices:
                outputs.append(x)
        return tuple(outputs)

    def train(self, mode: bool = True) -> PyramidNet:
        """Set the mode; frozen stages stay in evaluation mode."""
        super().train(mode)
        self._freeze()
        return self

    def _freeze(self) -> None:
        for module in [self.stem, *self.stages][: self.frozen_stages + 1]:
            module.eval().requires_grad_(False)
