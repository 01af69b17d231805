"""Load photographs for pretraining: decode, crop and resize them as fast as one core can.

The steps are those of the authors' torchvision pipeline and of mmpretrain's. OpenCV decodes and
torch resamples, which is faster than Pillow and differs from it by at most one level::

    file -> LoadRGBImage -> (H, W, 3) -> AntialiasedRandomResizedCrop -> (224, 224, 3) -> loader
    file -> LoadRandomResizedCrop ------------------------------------> (224, 224, 3) -> loader

The second draws the crop first and does not decode the rows below it. (The rows above cannot be
skipped, because a JPEG is decoded from the top.) Colours are augmented later, in batches, on the
training device (:mod:`rm_mm.pretrain.color`).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import cv2
import mmengine.fileio as fileio
import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import LoadImageFromFile
from mmpretrain.datasets.transforms import RandomResizedCrop
from mmpretrain.registry import TRANSFORMS
from numpy.typing import NDArray
from PIL import Image

from rm_mm.data.jpeg import with_rows

Pixels = NDArray[np.uint8]

_AS_STORED = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_JPEG_END = b'\xff\xd9'
#: Maps the height and width of an image to the number of rows, from the top, that are needed.
RowsNeeded = Callable[[int, int], int]


def read_rgb(
    path: str, backend_args: dict[str, Any] | None, rows_needed: RowsNeeded | None = None
) -> Pixels:
    """Read an image as torchvision's ``ImageFolder`` does, ignoring the orientation in EXIF data.

    Args:
        path: Path or URI of the image.
        backend_args: Arguments of mmengine's file backend.
        rows_needed: Called once, with the height and width. Rows below may not be decoded; by
            default all are.

    Returns:
        RGB, (H, W, 3); rows that are not needed may be missing.

    Raises:
        OSError: If the file does not exist, is truncated, or is not an image.
    """
    data = fileio.get(path, backend_args=backend_args)
    try:
        with Image.open(io.BytesIO(data)) as file:
            rows = rows_needed(file.height, file.width) if rows_needed else file.height
            # Other files are left to Pillow, as in ImageFolder. It converts CMYK in its own way,
            # and it rejects truncated files, which OpenCV fills with grey.
            if file.format == 'JPEG' and file.mode in ('RGB', 'L') and data.endswith(_JPEG_END):
                decoded = cv2.imdecode(np.frombuffer(with_rows(data, rows), np.uint8), _AS_STORED)
                if decoded is not None:
                    return np.asarray(decoded, np.uint8)
            return np.array(file.convert('RGB'))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OSError(
            f'{path}: expected an image, found {len(data)} bytes that do not decode: {error}. '
            'rm-mm data check NAME ROOT --deep finds all such files'
        ) from error


@TRANSFORMS.register_module()
class LoadRGBImage(LoadImageFromFile):
    """Load an image with exactly the levels of torchvision's ``ImageFolder``, but faster.

    Sets ``img``, (H, W, 3) uint8 in RGB order, so a data preprocessor after it needs
    ``to_rgb=False``. Also sets ``img_shape`` and ``ori_shape``, (H, W). ``backend_args`` are those
    of mmengine's file backend.
    """

    def __init__(self, backend_args: dict[str, Any] | None = None) -> None:
        super().__init__(backend_args=backend_args)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read ``img_path``; raises ``OSError`` like :func:`read_rgb`."""
        image = read_rgb(results['img_path'], self.backend_args)
        results |= {'img': image, 'img_shape': image.shape[:2], 'ori_shape': image.shape[:2]}
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend_args={self.backend_args})'


@TRANSFORMS.register_module()
class AntialiasedRandomResizedCrop(RandomResizedCrop):
    """mmpretrain's ``RandomResizedCrop``, resampled with torch's antialiased bilinear filter.

    Draws the same crops from the same random numbers. Levels differ by at most one from
    ``backend='pillow'``, which takes several times as long.

    Args:
        scale: Side of the output square, or (height, width), in pixels.
        crop_ratio_range: Smallest and largest area of the crop, as a fraction of the image.
        aspect_ratio_range: Smallest and largest width over height of the crop.
        max_attempts: Number of draws before the centre is used.
    """

    def __init__(
        self,
        scale: int | tuple[int, int],
        crop_ratio_range: tuple[float, float] = (0.08, 1.0),
        aspect_ratio_range: tuple[float, float] = (3.0 / 4.0, 4.0 / 3.0),
        max_attempts: int = 10,
    ) -> None:
        super().__init__(scale, crop_ratio_range, aspect_ratio_range, max_attempts, 'bilinear')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop and resample ``img``, (H, W, C) uint8."""
        return self._cropped(results, results['img'], self.rand_crop_params(results['img']))

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(scale={self.scale}, crop_ratio_range={self.crop_ratio_range}, '
            f'aspect_ratio_range={self.aspect_ratio_range}, max_attempts={self.max_attempts})'
        )

    def _cropped(
        self, results: dict[str, Any], image: Pixels, box: tuple[int, int, int, int]
    ) -> dict[str, Any]:
        """Set ``img`` to a resampled box, given as (top, left, height, width)."""
        top, left, height, width = box
        results['img'] = resample(image[top : top + height, left : left + width], self.scale)
        results['img_shape'] = results['img'].shape
        return results


@TRANSFORMS.register_module()
class LoadRandomResizedCrop(AntialiasedRandomResizedCrop):
    """``LoadRGBImage`` and ``AntialiasedRandomResizedCrop`` in one step, with less decoding.

    Results and random numbers are those of the two steps. Sets ``img``, (height, width, 3)
    uint8 in RGB order, ``img_shape``, and ``ori_shape``, (H, W) of the photograph.

    ``backend_args`` are those of mmengine's file backend, the other arguments those of
    ``AntialiasedRandomResizedCrop``.
    """

    def __init__(
        self, scale: int | tuple[int, int], backend_args: dict[str, Any] | None = None, **crop: Any
    ) -> None:
        super().__init__(scale, **crop)
        self.backend_args = backend_args

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read ``img_path``, crop and resample; raises ``OSError`` like :func:`read_rgb`."""
        box, original = (0, 0, 0, 0), (0, 0)

        def rows_needed(height: int, width: int) -> int:
            nonlocal box, original
            original = (height, width)
            # Only the shape of the argument matters.
            box = self.rand_crop_params(np.broadcast_to(np.uint8(0), (height, width, 3)))
            return int(box[0] + box[2])

        image = read_rgb(results['img_path'], self.backend_args, rows_needed)
        results['ori_shape'] = original
        return self._cropped(results, image, box)


def resample(image: Pixels, size: tuple[int, int]) -> Pixels:
    """Resize (H, W, C) uint8 to (height, width), antialiased when shrinking."""
    # A contiguous copy in the memory format of torch's fast kernel; torch would copy more slowly.
    pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    resized = F.interpolate(pixels, size=size, mode='bilinear', antialias=True)
    pixels_out: Pixels = resized[0].permute(1, 2, 0).numpy()
    return pixels_out
