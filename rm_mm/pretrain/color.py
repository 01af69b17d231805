"""Colour augmentation on the training device, as the authors' ImageNet recipe has it."""

from __future__ import annotations

from typing import Any

import torch
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.registry import MODELS
from torch import Tensor

#: Weights of red, green and blue in the grey level (ITU-R BT.601).
GREY_RGB = (0.299, 0.587, 0.114)
#: Principal components of ImageNet's colours on the [0, 1] scale (Krizhevsky et al., 2012, section
#: 4.1): rows are red, green and blue, columns the components.
PCA_VALUES = (0.2175, 0.0188, 0.0045)
PCA_VECTORS_RGB = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


def brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Interpolate (N, 3, H, W) images from black (factor 0) to themselves (1), and beyond.

    Args:
        images: Not modified, not clipped.
        factors: One an image, (N, 1, 1, 1).
    """
    return images * factors


def contrast(images: Tensor, factors: Tensor, grey: Tensor) -> Tensor:
    """Interpolate from each image's mean grey level; ``grey``, (1, 3, 1, 1), weights channels."""
    mean = (images * grey).sum(dim=1, keepdim=True).mean(dim=(2, 3), keepdim=True)
    return mean + (images - mean) * factors


def saturation(images: Tensor, factors: Tensor, grey: Tensor) -> Tensor:
    """Interpolate from each image's grey version; ``grey``, (1, 3, 1, 1), weights channels."""
    grey_images = (images * grey).sum(dim=1, keepdim=True)
    return grey_images + (images - grey_images) * factors


def lighting(images: Tensor, alphas: Tensor, vectors: Tensor) -> Tensor:
    """Shift each image's colour along the principal components of ImageNet's.

    Args:
        images: (N, 3, H, W) in [0, 1]. Not modified, not clipped.
        alphas: How far along each component, (N, 3).
        vectors: Components in columns, channels in rows, (3, 3).
    """
    shift = (alphas * alphas.new_tensor(PCA_VALUES)) @ vectors.T
    return images + shift[:, :, None, None]


@MODELS.register_module()
class ColorAugmentPreprocessor(ClsDataPreprocessor):
    """A ``ClsDataPreprocessor`` that jitters colours in training, batched, before normalising.

    Each image gets its own factors and its own order of the three stages. The loader then ships
    plain bytes. Nothing is clipped or rounded between the stages, as in the authors' code;
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
        grey = torch.tensor(GREY_RGB)[list(order)].view(1, 3, 1, 1)
        self.register_buffer('grey', grey, persistent=False)
        vectors = torch.tensor(PCA_VECTORS_RGB)[list(order)]
        self.register_buffer('pca_vectors', vectors, persistent=False)

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
            data = {**data, 'inputs': self.augment(images.float() / 255) * 255}
        result: dict[str, Any] = super().forward(data, training)
        return result

    def augment(self, images: Tensor) -> Tensor:
        """Jitter and light a batch in [0, 1], (N, 3, H, W), with factors drawn for each image."""
        count = len(images)
        factors = torch.stack(
            [1 + s * (2 * torch.rand(count, device=images.device) - 1) for s in self.strengths]
        )
        order = torch.rand(count, len(self.strengths), device=images.device).argsort(dim=1)
        alphas = self.lighting_std * torch.randn(count, 3, device=images.device)
        return lighting(self.jitter(images, factors, order), alphas, self.pca_vectors)

    def jitter(self, images: Tensor, factors: Tensor, order: Tensor) -> Tensor:
        """Brightness (0), contrast (1) and saturation (2), each image in its own order.

        Args:
            images: (N, 3, H, W) in [0, 1]. Not modified.
            factors: (3, N), a row a stage.
            order: (N, 3), the stages of each image, first to last.
        """
        images = images.clone()
        for position in range(order.shape[1]):
            for stage in range(len(factors)):
                chosen = order[:, position] == stage
                part, factor = images[chosen], factors[stage, chosen].view(-1, 1, 1, 1)
                images[chosen] = self._stage(stage, part, factor)
        return images

    def _stage(self, stage: int, images: Tensor, factors: Tensor) -> Tensor:
        if stage == 0:
            return brightness(images, factors)
        return (contrast if stage == 1 else saturation)(images, factors, self.grey)
