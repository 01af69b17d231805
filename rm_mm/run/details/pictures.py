"""Small image files for the report page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from rm_mm.files import replacing

#: Longest side of a picture in pixels: a column of the page on a high-resolution screen.
LARGEST_SIDE = 320
#: Up to this side, images are stored without loss.
_EXACT_SIDE = 96


def fitted(image: Image.Image, resample: Any = Image.Resampling.LANCZOS) -> Image.Image:
    """Shrink an image to ``LARGEST_SIDE`` if it is larger."""
    ratio = LARGEST_SIDE / max(image.size)
    if ratio >= 1:
        return image
    width, height = image.size
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return image.resize(size, resample)


def save_photograph(image: Image.Image, folder: Path, stem: str) -> str:
    """Write an image atomically, as JPEG or, if it is small, as PNG; return the file name."""
    small = fitted(image.convert('RGB'))
    if max(small.size) <= _EXACT_SIDE:
        return save_png(small, folder, stem)
    name = f'{stem}.jpg'
    with replacing(folder / name) as temporary:
        small.save(temporary, 'JPEG', quality=82, optimize=True)
    return name


def save_png(image: Image.Image, folder: Path, stem: str) -> str:
    """Write an image atomically as PNG; return the file name."""
    name = f'{stem}.png'
    with replacing(folder / name) as temporary:
        image.save(temporary, 'PNG', optimize=True)
    return name
