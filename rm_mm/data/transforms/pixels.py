"""Moving the bytes of photographs with OpenCV, where NumPy and PyTorch go pixel by pixel.

Every function returns what its NumPy counterpart does, value by value.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# What mmcv.imflip mirrors, and how cv2.flip says it.
_AXES = {'horizontal': (1,), 'vertical': (0,), 'diagonal': (0, 1)}
_CODES = {(1,): 1, (0,): 0, (0, 1): -1}
# Below it, single precision counts exactly; OpenCV's histograms are of that.
_COUNTABLE = 2**24


def is_photo(image: NDArray[Any]) -> bool:
    """Whether an array is (H, W, 3) bytes, which OpenCV has its fast paths for."""
    return image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3


def is_label_map(labels: NDArray[Any]) -> bool:
    """Whether an array is (H, W) bytes."""
    return labels.dtype == np.uint8 and labels.ndim == 2


def mirrored(pixels: NDArray[np.uint8], direction: str) -> NDArray[np.uint8]:
    """Mirror an image as ``mmcv.imflip``, into an array of its own instead of a view.

    Args:
        pixels: A photo or a label map. Not modified.
        direction: ``horizontal``, ``vertical`` or ``diagonal``.

    Returns:
        Contiguous, of the same shape.
    """
    # NumPy's view is read backwards, byte by byte, by whatever copies it later.
    return np.asarray(cv2.flip(pixels, _CODES[_AXES[direction]]))


def by_planes(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay a photo out plane by plane.

    Args:
        image: (H, W, 3), also as ``mmcv.imflip`` mirrors it: a view read backwards. Not modified.

    Returns:
        (H, W, 3) again, of which ``transpose(2, 0, 1)`` is contiguous: what packs an image makes
        that contiguous, and then has nothing left to copy.
    """
    backwards = tuple(axis for axis in (0, 1) if image.strides[axis] < 0)
    planes = np.empty((3, *image.shape[:2]), np.uint8)
    cv2.split(np.flip(image, backwards), [*planes])
    for plane in planes if backwards else ():
        # In place, and quicker than of whole pixels, which are three bytes.
        cv2.flip(plane, _CODES[backwards], plane)
    return planes.transpose(1, 2, 0)


def through_table(
    pixels: NDArray[np.uint8], table: NDArray[np.uint8], channel: int | None = None
) -> NDArray[np.uint8]:
    """Look every byte up.

    Args:
        pixels: (H, W, 3). Modified if there is a channel.
        table: (256,), the new value of each level.
        channel: Only of this one; of all by default.

    Returns:
        The pixels after it.
    """
    if channel is None:
        return np.asarray(cv2.LUT(pixels, table))
    changed = cv2.LUT(cv2.extractChannel(pixels, channel), table)
    return np.asarray(cv2.insertChannel(changed, pixels, channel))


def level_counts(labels: NDArray[Any], ignored: int) -> NDArray[np.int64]:
    """How often each label occurs that does, as ``np.unique`` counts, without sorting.

    Args:
        labels: A label map, of at least one pixel.
        ignored: A label not to count.

    Returns:
        One count a label, in the order of the labels.
    """
    if not is_label_map(labels) or labels.size >= _COUNTABLE:
        found, counts = np.unique(labels, return_counts=True)
    else:
        found = np.arange(256)
        # A column up to OpenCV 4, flat from 5 on.
        counts = cv2.calcHist([labels], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    return np.asarray(counts[(counts > 0) & (found != ignored)])
