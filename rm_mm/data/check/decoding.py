"""What a worker does with one image; imports no more than Pillow, for workers start often."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from typing import Literal, NamedTuple

from PIL import Image, UnidentifiedImageError

from rm_mm.errors import printable

#: ``header``: only its size and format; ``pixels``: all of it; ``labels``: all of a mask.
Depth = Literal['header', 'pixels', 'labels']

#: The formats that Pillow may find in a file of each suffix. MPO is a JPEG with a second picture.
_FORMATS = {
    '.jpg': ('JPEG', 'MPO'),
    '.jpeg': ('JPEG', 'MPO'),
    '.png': ('PNG',),
    '.bmp': ('BMP', 'DIB'),
    '.gif': ('GIF',),
    '.webp': ('WEBP',),
    '.tif': ('TIFF',),
    '.tiff': ('TIFF',),
    '.ppm': ('PPM',),
    '.pgm': ('PPM',),
}


class ImageRead(NamedTuple):
    """What was found in an image.

    Args:
        fault: What is wrong with it, to come after its name; None if nothing is.
        width: In pixels, as the file says, before any EXIF orientation.
        height: In pixels.
        format: Pillow's name of it.
        mode: Pillow's name of its channels.
        labels: Of a mask, the values that occur, ascending; of one with more than 8 bits the
            smallest and the largest. None if it has several channels.
        sha256: Of a mask, of the content of the file.
    """

    fault: str | None
    width: int = 0
    height: int = 0
    format: str = ''
    mode: str = ''
    labels: tuple[int, ...] | None = None
    sha256: str = ''


def read_image(path: str, depth: Depth) -> ImageRead:
    """Read an image as deep as asked; whatever is wrong with it is in the result."""
    try:
        with warnings.catch_warnings():
            # Of EXIF that is damaged, of palettes with transparency: nothing that training reads.
            warnings.simplefilter('ignore')
            return _read(path, depth)
    except FileNotFoundError:
        return ImageRead('is not there')
    except UnidentifiedImageError:
        return ImageRead(f'is no image: it begins with {_beginning(path)}')
    except Image.DecompressionBombError as error:
        return ImageRead(f'is larger than what Pillow opens: {printable(error)}')
    except Exception as error:
        # A damaged image fails in as many ways as there are bytes.
        if isinstance(error, OSError) and error.strerror:
            return ImageRead(f'cannot be read: {error.strerror}')
        text = printable(error) or type(error).__name__
        return ImageRead(f'is damaged: {text}')


def _read(path: str, depth: Depth) -> ImageRead:
    if depth != 'labels':
        with Image.open(path) as image:
            if depth == 'pixels':
                image.load()
            return _described(image)
    with open(path, 'rb') as file:
        content = file.read()
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        digest = hashlib.sha256(content).hexdigest()
        return _described(image)._replace(labels=_labels(image), sha256=digest)


def _described(image: Image.Image) -> ImageRead:
    return ImageRead(None, image.width, image.height, image.format or '', image.mode)


def _labels(mask: Image.Image) -> tuple[int, ...] | None:
    if mask.mode in ('L', 'P'):
        return tuple(value for value, pixels in enumerate(mask.histogram()) if pixels)
    if mask.mode == '1':
        # Shown as 0 and 255, and read by NumPy as 0 and 1.
        return tuple(value for value in (0, 1) if mask.histogram()[255 * value])
    if mask.mode.startswith('I'):
        low, high = mask.getextrema()
        return tuple(sorted({int(str(low)), int(str(high))}))
    return None


def _beginning(path: str) -> str:
    try:
        with open(path, 'rb') as file:
            return printable(file.read(12))
    except OSError as error:
        return str(error.strerror)


def wrong_suffix(name: str, read: ImageRead) -> str | None:
    """What to say of an image whose suffix is that of another format; None if it fits."""
    suffix = os.path.splitext(name)[1].lower()
    if read.format in _FORMATS.get(suffix, (read.format,)):
        return None
    return f'is a {read.format} image with the suffix {suffix}'
