"""Colour augmentation on the training device, as the authors' ImageNet recipe has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.registry import MODELS
from torch import Tensor

#: Weights of red, green and blue in the grey level, as the authors' ``utils.Grayscale`` has them:
#: 0.2989, not BT.601's rounded 0.299. They sum to 0.9999, so even grey images change a little.
GREY_RGB = (0.2989, 0.587, 0.114)
#: Principal components of ImageNet's colours on the [0, 1] scale (Krizhevsky et al., 2012, section
#: 4.1): rows are red, green and blue, columns the components.
PCA_VALUES = (0.2175, 0.0188, 0.0045)
PCA_VECTORS_RGB = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
#: The stages of the jitter, as :class:`ColorFactors` numbers them.
BRIGHTNESS, CONTRAST, SATURATION = range(3)


@dataclass(frozen=True)
class ColorFactors:
    """What a batch of N images is augmented with; each image has its own.

    Attributes:
        brightness: (N,), 0 for black, 1 for the image itself; beyond 1 it extrapolates.
        contrast: (N,), likewise from the image's mean grey level.
        saturation: (N,), likewise from the image's grey version.
        order: (N, 3), integers: each row has the stages, first to last, as ``BRIGHTNESS``,
            ``CONTRAST`` and ``SATURATION``.
        alphas: (N, 3), how far to shift along each principal colour component.
    """

    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    order: Tensor
    alphas: Tensor


def jitter(images: Tensor, factors: ColorFactors, grey: tuple[float, float, float]) -> Tensor:
    """Brightness, contrast and saturation, each image in its own order.

    The order is the recipe's; without clipping the stages commute, and it changes roundings alone.
    Every stage keeps an image of the form ``a * image + b * its grey level + c``, so that they are
    composed as three numbers an image, and the pixels are gone through once. No stage asks the
    device which images it is for, so the host does not wait.

    Args:
        images: (N, 3, H, W) levels of any scale. Not modified, not clipped.
        factors: One row an image, on the same device.
        grey: Weights of the channels, as they are stored.
    """
    levels = images[:, 0] * grey[0]
    levels = levels.add_(images[:, 1], alpha=grey[1]).add_(images[:, 2], alpha=grey[2])
    mean, total = levels.mean(dim=(1, 2)), sum(grey)
    a, b, c = torch.ones_like(mean), torch.zeros_like(mean), torch.zeros_like(mean)
    weights = torch.stack([factors.brightness, factors.contrast, factors.saturation], dim=1)
    for stage, keep in zip(factors.order.T, weights.gather(1, factors.order).T, strict=True):
        # Grey of what the image is by now, pixel by pixel and on average: earlier stages have
        # changed it.
        of_grey, constant = a + total * b, total * c
        rest = 1 - keep
        contrast, saturation = (rest * (stage == kind) for kind in (CONTRAST, SATURATION))
        a = keep * a
        b = keep * b + saturation * of_grey
        c = keep * c + saturation * constant + contrast * (of_grey * mean + constant)
    a, b, c = (each[:, None, None, None] for each in (a, b, c))
    return torch.addcmul(c, images, a).addcmul_(levels[:, None], b)


def lighting(images: Tensor, alphas: Tensor, vectors: Tensor) -> Tensor:
    """Shift each image's colour along the principal components of ImageNet's.

    Args:
        images: (N, 3, H, W) in [0, 1]. Not clipped; modified in place.
        alphas: How far along each component, (N, 3).
        vectors: Components in columns, channels in rows, (3, 3).
    """
    # Not a matrix product: the preprocessor runs under autocast, which would round that to half.
    shift = (vectors * (alphas * alphas.new_tensor(PCA_VALUES))[:, None, :]).sum(dim=2)
    return images.add_(shift[:, :, None, None])


@MODELS.register_module()
class ColorAugmentPreprocessor(ClsDataPreprocessor):
    """A ``ClsDataPreprocessor`` that jitters colours in training, batched, before normalising.

    Each image gets its own factors and its own order of the three stages. The loader ships plain
    bytes. Nothing is clipped or rounded between the stages, as in the authors' code;
    mmpretrain's own ``Lighting`` rounds to bytes and wraps around at 255.

    Args:
        brightness: Factors are uniform in [1 - brightness, 1 + brightness]; likewise the next two.
        contrast: See above.
        saturation: See above.
        lighting_std: Standard deviation of the shift along each principal colour component.
        **kwargs: As of mmpretrain's ``ClsDataPreprocessor``. Images are taken to be BGR if
            ``to_rgb`` is set, RGB otherwise.

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
        # The stages run on the channels as they are stored: turning the constants round is cheaper
        # than turning the images.
        order = (2, 1, 0) if self.to_rgb else (0, 1, 2)
        red, green, blue = (GREY_RGB[channel] for channel in order)
        self.grey = (red, green, blue)
        vectors = torch.tensor(PCA_VECTORS_RGB)[list(order)]
        self.register_buffer('pca_vectors', vectors, persistent=False)

    # Samples have paths, by which a graph would be told apart: one for each batch.
    @torch.compiler.disable
    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Augment (in training), then convert, normalise and mix as the base class does.

        Args:
            data: ``inputs``, a tensor (N, 3, H, W) or a list of (3, H, W), of levels 0 to 255; and
                ``data_samples``.
            training: Whether to augment.

        Returns:
            What the base class returns.
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
        """Jitter, then light.

        Args:
            images: (N, 3, H, W) in [0, 1], channels as they are stored. Not modified, not clipped.
            factors: One row an image.

        Returns:
            A new (N, 3, H, W) tensor, possibly beyond [0, 1].
        """
        return lighting(jitter(images, factors, self.grey), factors.alphas, self.pca_vectors)
