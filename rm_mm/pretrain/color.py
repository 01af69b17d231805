"""Colour augmentation of the authors' ImageNet recipe, batched on the training device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.registry import MODELS
from torch import Tensor

#: Weights of red, green and blue in the grey level, from the authors' ``utils.Grayscale``: 0.2989,
#: not the rounded 0.299 of BT.601. They sum to 0.9999, so even grey images change a little.
GREY_RGB = (0.2989, 0.587, 0.114)
#: Principal components of the colours of ImageNet, on the [0, 1] scale (Krizhevsky et al., 2012,
#: section 4.1). Rows are red, green and blue; columns are the components.
PCA_VALUES = (0.2175, 0.0188, 0.0045)
PCA_VECTORS_RGB = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
#: Stages of the jitter, as numbered in ``ColorFactors.order``.
BRIGHTNESS, CONTRAST, SATURATION = range(3)


@dataclass(frozen=True)
class ColorFactors:
    """Factors of the augmentation, drawn for each of N images.

    Attributes:
        brightness: (N,). 0 gives black, 1 the image itself; larger values extrapolate.
        contrast: (N,). The same between the image's mean grey level and the image.
        saturation: (N,). The same between the image's grey version and the image.
        order: (N, 3), integers. Stages of each image, first to last.
        alphas: (N, 3). Shift along each principal colour component.
    """

    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    order: Tensor
    alphas: Tensor


def jitter(images: Tensor, factors: ColorFactors, grey: Sequence[float]) -> Tensor:
    """Change brightness, contrast and saturation, each image in its own order.

    Each stage maps an image to ``a * image + b * grey level + c``, so the stages are composed as
    three numbers per image and the pixels are read once. Because nothing is clipped the stages
    commute, and the order only affects rounding. The host never waits for the device.

    Args:
        images: (N, 3, H, W) levels of any scale. Not modified, not clipped.
        factors: One row per image, on the same device.
        grey: Weights of the channels in the order in which they are stored.
    """
    levels = images[:, 0] * grey[0]
    levels = levels.add_(images[:, 1], alpha=grey[1]).add_(images[:, 2], alpha=grey[2])
    mean, total = levels.mean(dim=(1, 2)), sum(grey)
    a, b, c = torch.ones_like(mean), torch.zeros_like(mean), torch.zeros_like(mean)
    weights = torch.stack([factors.brightness, factors.contrast, factors.saturation], dim=1)
    for stage, keep in zip(factors.order.T, weights.gather(1, factors.order).T, strict=True):
        # Grey level of the current image, which earlier stages have changed.
        of_grey, constant = a + total * b, total * c
        rest = 1 - keep
        contrast, saturation = (rest * (stage == kind) for kind in (CONTRAST, SATURATION))
        a = keep * a
        b = keep * b + saturation * of_grey
        c = keep * c + saturation * constant + contrast * (of_grey * mean + constant)
    a, b, c = (each[:, None, None, None] for each in (a, b, c))
    return torch.addcmul(c, images, a).addcmul_(levels[:, None], b)


def lighting(images: Tensor, alphas: Tensor, vectors: Tensor) -> Tensor:
    """Shift each image's colours along the principal components of ImageNet.

    Args:
        images: (N, 3, H, W) in [0, 1]. Modified in place, not clipped.
        alphas: Shift along each component, (N, 3).
        vectors: (3, 3), with channels in rows and components in columns.
    """
    # Not a matrix product, which autocast would round to half precision.
    shift = (vectors * (alphas * alphas.new_tensor(PCA_VALUES))[:, None, :]).sum(dim=2)
    return images.add_(shift[:, :, None, None])


@MODELS.register_module()
class ColorAugmentPreprocessor(ClsDataPreprocessor):
    """A ``ClsDataPreprocessor`` that jitters the colours of training batches before normalising.

    Each image has its own factors and its own order of the three stages. Nothing is clipped or
    rounded between the stages, as in the authors' code; mmpretrain's ``Lighting`` rounds to bytes
    and wraps around at 255.

    Args:
        brightness: Factors are uniform in [1 - brightness, 1 + brightness].
        contrast: The same for the contrast.
        saturation: The same for the saturation.
        lighting_std: Standard deviation of the shift along each principal colour component.
        **kwargs: Passed to mmpretrain's ``ClsDataPreprocessor``. Images are BGR if ``to_rgb`` is
            set, RGB otherwise.

    Raises:
        ValueError: If a strength is negative.
    """

    def __init__(
        self,
        brightness: float = 0.4,
        contrast: float = 0.4,
        saturation: float = 0.4,
        lighting_std: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.strengths = (brightness, contrast, saturation)
        self.lighting_std = lighting_std
        if min(*self.strengths, lighting_std) < 0:
            raise ValueError(
                'ColorAugmentPreprocessor: brightness, contrast, saturation and lighting_std must '
                f'not be negative, got {self.strengths} and {lighting_std}.'
            )
        # Reordering the constants is cheaper than reordering the channels of the images.
        step = -1 if self.to_rgb else 1
        self.grey = GREY_RGB[::step]
        vectors = torch.tensor(PCA_VECTORS_RGB[::step])
        self.register_buffer('pca_vectors', vectors, persistent=False)

    # Samples hold paths: a compiled graph would be specialised to the paths of one batch.
    @torch.compiler.disable
    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Augment in training, then convert, normalise and mix like the base class.

        Args:
            data: ``inputs``, a tensor (N, 3, H, W) or a list of (3, H, W), with levels 0 to 255,
                and ``data_samples``.
            training: Whether to augment.
        """
        if training:
            data = self.cast_data(data)
            inputs = data['inputs']
            images = inputs if isinstance(inputs, Tensor) else torch.stack(list(inputs))
            augmented = self.augment(images * (1 / 255), self.draw(len(images)))
            data = {**data, 'inputs': augmented.mul_(255)}
        result: dict[str, Any] = super().forward(data, training)
        return result

    def draw(self, count: int) -> ColorFactors:
        """Draw the factors of ``count`` images, on the preprocessor's device."""
        device = self.pca_vectors.device
        brightness, contrast, saturation = (
            1 + strength * (2 * torch.rand(count, device=device) - 1) for strength in self.strengths
        )
        order = torch.rand(count, len(self.strengths), device=device).argsort(dim=1)
        alphas = self.lighting_std * torch.randn(count, len(PCA_VALUES), device=device)
        return ColorFactors(brightness, contrast, saturation, order, alphas)

    def augment(self, images: Tensor, factors: ColorFactors) -> Tensor:
        """Apply the jitter, then the lighting, to images (N, 3, H, W) in [0, 1].

        Returns a new tensor with the channels in stored order, not clipped to [0, 1].
        """
        return lighting(jitter(images, factors, self.grey), factors.alphas, self.pca_vectors)
