"""Faster transforms of mmsegmentation's pipelines, with the stock results."""

from __future__ import annotations

from typing import Any, ClassVar

import cv2
import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets.transforms import PackSegInputs, PhotoMetricDistortion, RandomCrop, RandomFlip
from mmseg.registry import TRANSFORMS
from numpy.typing import NDArray

from rm_mm.data.transforms.pixels import (
    PackByPlanes,
    is_label_map,
    is_photo,
    level_counts,
    mirrored,
    through_table,
)

_LEVELS: NDArray[np.uint8] = np.arange(256, dtype=np.uint8)


@TRANSFORMS.register_module()
class RandomCropByHistogram(RandomCrop):
    """mmseg's ``RandomCrop`` with the labels of a crop counted by a histogram.

    Results and random numbers are equal. The stock transform sorts the labels of every crop that it
    tries.
    """

    # Not inherited: mmcv would register the method below twice.
    _methods_with_randomness: ClassVar[list[str]] = []

    @cache_randomness
    def crop_bbox(self, results: dict[str, Any]) -> tuple[int, int, int, int]:
        """Draw a crop, and redraw it up to ten times while one category fills too much of it.

        The box is (top, bottom, left, right), possibly outside the image.
        """
        size = results['img'].shape[:2]
        box = self._draw(size)
        if self.cat_max_ratio < 1.0:
            for _ in range(10):
                counts = level_counts(self.crop(results['gt_seg_map'], box), self.ignore_index)
                if len(counts) > 1 and counts.max() / counts.sum() < self.cat_max_ratio:
                    break
                box = self._draw(size)
        return box

    def _draw(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        height, width = self.crop_size
        top = np.random.randint(0, max(size[0] - height, 0) + 1)
        left = np.random.randint(0, max(size[1] - width, 0) + 1)
        return top, top + height, left, left + width


@TRANSFORMS.register_module()
class RandomFlipByOpenCV(RandomFlip):
    """mmseg's ``RandomFlip`` with image and labels mirrored by OpenCV.

    Results and random numbers are equal. The stock transform returns views that are read
    backwards, which makes later transforms several times slower.
    """

    def _flip(self, results: dict[str, Any]) -> None:
        """Flip like the stock transform, whose own flip of the image is only a view."""
        image = results['img']
        super()._flip(results)
        if is_photo(image):
            results['img'] = mirrored(image, results['flip_direction'])

    def _flip_seg_map(self, seg_map: NDArray[Any], direction: str) -> NDArray[Any]:
        if self.swap_seg_labels is None and is_label_map(seg_map):
            return mirrored(seg_map, direction)
        return np.asarray(super()._flip_seg_map(seg_map, direction))


@TRANSFORMS.register_module()
class PhotoMetricDistortionByTable(PhotoMetricDistortion):
    """mmseg's ``PhotoMetricDistortion`` with tables of the 256 levels.

    Results and random numbers are equal. Each change is a function of one byte, and the stock code
    computes it here once per level. On its own it computes every byte, in floating point or, for
    the hue, in 64-bit integers.
    """

    def convert(self, img: NDArray[Any], alpha: float = 1, beta: float = 0) -> NDArray[Any]:
        """Change contrast and brightness; clipped and rounded down like in the stock transform."""
        if is_photo(img):
            return through_table(img, super().convert(_LEVELS, alpha, beta))
        return np.asarray(super().convert(img, alpha, beta))

    def saturation(self, img: NDArray[Any]) -> NDArray[Any]:
        """Change the saturation of half the images."""
        if not is_photo(img):
            return np.asarray(super().saturation(img))
        if not np.random.randint(2):
            return img
        alpha = np.random.uniform(self.saturation_lower, self.saturation_upper)
        return _in_hsv(img, 1, super().convert(_LEVELS, alpha))

    def hue(self, img: NDArray[Any]) -> NDArray[Any]:
        """Shift the hue, which has 180 levels, of half the images."""
        if not is_photo(img):
            return np.asarray(super().hue(img))
        if not np.random.randint(2):
            return img
        shift = np.random.randint(-self.hue_delta, self.hue_delta)
        return _in_hsv(img, 0, np.asarray((_LEVELS.astype(int) + shift) % 180, np.uint8))


def _in_hsv(image: NDArray[Any], channel: int, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    hsv = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2HSV), np.uint8)
    changed = through_table(hsv, table, channel)
    return np.asarray(cv2.cvtColor(changed, cv2.COLOR_HSV2BGR), np.uint8)


@TRANSFORMS.register_module()
class PackSegInputsByPlanes(PackByPlanes, PackSegInputs):
    """mmseg's ``PackSegInputs`` with the channels split by OpenCV."""
