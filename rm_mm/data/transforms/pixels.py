"""Moving the bytes of photographs with OpenCV, where NumPy and PyTorch go pixel by pixel.

Every function returns the same values as its NumPy counterpart.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# cv2.flip's codes for the axes that mmcv.imflip mirrors.
_CODES = {(1,): 1, (0,): 0, (0, 1): -1}
_DIRECTIONS = {'horizontal': 1, 'vertical': 0, 'diagonal': -1}
# OpenCV's histograms are in single precision, which counts exactly up to here.
_COUNTABLE = 2**24


def is_photo(image: NDArray[Any]) -> bool:
    """Whether an array is (H, W, 3) bytes, for which OpenCV has fast paths."""
    return image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3


def is_label_map(labels: NDArray[Any]) -> bool:
    """Whether an array is (H, W) bytes."""
    return labels.dtype == np.uint8 and labels.ndim == 2


def mirrored(pixels: NDArray[np.uint8], direction: str) -> NDArray[np.uint8]:
    """Mirror a photo or label map like ``mmcv.imflip``, but into a new, contiguous array."""
    # NumPy would return a view, which later copies read backwards, byte by byte.
    return np.asarray(cv2.flip(pixels, _DIRECTIONS[direction]))


def by_planes(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Store a photo plane by plane, so that packing has nothing to copy.

    It may be a mirrored view, as ``mmcv.imflip`` returns it. The result is a new array, (H, W, 3),
    with a contiguous ``transpose(2, 0, 1)``.
    """
    backwards = tuple(axis for axis in (0, 1) if image.strides[axis] < 0)
    planes = np.empty((3, *image.shape[:2]), np.uint8)
    cv2.split(np.flip(image, backwards), [*planes])
    for plane in planes if backwards else ():
        # In place, and faster than for whole pixels of three bytes.
        cv2.flip(plane, _CODES[backwards], plane)
    return planes.transpose(1, 2, 0)


class PackByPlanes:
    """Mixin for transforms that pack images: splits the channels with OpenCV.

    Results are equal, including strides. The stock transforms transpose byte by byte, backwards
    after a ``RandomFlip``.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack like the stock transform, but an image that already has the final layout."""
        if 'img' in results and is_photo(results['img']):
            results = {**results, 'img': by_planes(results['img'])}
        packed: dict[str, Any] = super().transform(results)  # type: ignore[misc]
        return packed


def through_table(
    pixels: NDArray[np.uint8], table: NDArray[np.uint8], channel: int | None = None
) -> NDArray[np.uint8]:
    """Replace every byte of a photo by its entry in a table, (256,).

    With a channel, only that one is changed, in place.
    """
    if channel is None:
        return np.asarray(cv2.LUT(pixels, table))
    changed = cv2.LUT(cv2.extractChannel(pixels, channel), table)
    return np.asarray(cv2.insertChannel(changed, pixels, channel))


def level_counts(labels: NDArray[Any], ignored: int) -> NDArray[np.int64]:
    """Count the pixels of each label that occurs, except one, in the order of the labels.

    Like ``np.unique``, but without sorting. The label map has at least one pixel.
    """
    if not is_label_map(labels) or labels.size >= _COUNTABLE:
        found, counts = np.unique(labels, return_counts=True)
    else:
        found = np.arange(256)
        # A column up to OpenCV 4, flat from 5 on.
        counts = cv2.calcHist([labels], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    return np.asarray(counts[(counts > 0) & (found != ignored)])
