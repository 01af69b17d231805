"""Read images and masks in worker processes, and report the damaged ones."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image, UnidentifiedImageError

from rm_mm.data.catalog import PUBLISHED_FORMATS
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.workers import map_in_processes
from rm_mm.errors import printable

#: ``header``: size and format only; ``pixels``: the whole image; ``labels``: a whole mask.
Depth = Literal['header', 'pixels', 'labels']

#: Formats that share the suffixes of another: an MPO is a JPEG with a second picture.
_SAME_SUFFIXES = {'MPO': 'JPEG', 'DIB': 'BMP'}
_IMAGES_A_REPORT = 100


class ImageRead(NamedTuple):
    """What was read from an image.

    Attributes:
        fault: Description of a fault, to follow the file name; None if there is none.
        width: Width in pixels in the file, before any EXIF orientation.
        height: Height in pixels.
        format: Pillow's name of the format.
        mode: Pillow's name of the channels.
        labels: Values in a mask, ascending; with more than 8 bits only the smallest and the
            largest. None if the mask has several channels.
        sha256: Hash of a mask's file.
    """

    fault: str | None
    width: int = 0
    height: int = 0
    format: str = ''
    mode: str = ''
    labels: tuple[int, ...] | None = None
    sha256: str = ''


def read_images(
    check: Inspection, folder: str, names: Sequence[str], depth: Depth | None = None
) -> Iterator[tuple[str, ImageRead]]:
    """Read images below a folder, and add a problem for each that is damaged or misnamed.

    Yields the name and contents of each image that could be read, in order. The default depth is
    ``pixels`` in a deep check, else ``header``.
    """
    read_one = partial(read_image, depth=depth or ('pixels' if check.request.deep else 'header'))
    paths = [os.path.join(check.root, folder, name) for name in names]
    jobs = check.request.jobs or len(os.sched_getaffinity(0))
    lost = ImageRead('killed the process that read it')
    results = map_in_processes(read_one, paths, jobs, lambda path: lost)
    for done, (name, read) in enumerate(zip(names, results, strict=True), start=1):
        if done % _IMAGES_A_REPORT == 0 or done == len(names):
            check.progress(f'{folder}: {done:,} of {len(names):,} images read')
        if read.fault:
            check.add('damaged images', f'{folder}/{name}', read.fault)
            continue
        suffix = os.path.splitext(name)[1].lower()
        known = PUBLISHED_FORMATS.get(os.path.basename(name)) == read.format
        if not known and not suffix_fits(suffix, read.format):
            text = f'is a {read.format} image with the suffix {suffix}'
            check.add('images of another format', f'{folder}/{name}', text)
        yield name, read


def suffix_fits(suffix: str, image_format: str) -> bool:
    """Whether files with a suffix, in lower case, may have a format."""
    expected = Image.registered_extensions().get(suffix, image_format)
    return expected in (image_format, _SAME_SUFFIXES.get(image_format))


def read_image(path: str, depth: Depth) -> ImageRead:
    """Read an image; faults are part of the result."""
    try:
        with warnings.catch_warnings():
            # Pillow warns about damaged EXIF and palettes, which training does not read.
            warnings.simplefilter('ignore')
            return _read(path, depth)
    except FileNotFoundError:
        return ImageRead('is missing')
    except UnidentifiedImageError:
        return ImageRead(f'is not an image: it starts with {_first_bytes(path)}')
    except Image.DecompressionBombError as error:
        return ImageRead(f'is larger than Pillow allows: {printable(error)}')
    except Exception as error:
        # Damaged images raise almost anything.
        if isinstance(error, OSError) and error.strerror:
            return ImageRead(f'cannot be read: {error.strerror}')
        return ImageRead(f'is damaged: {printable(error) or type(error).__name__}')


def _read(path: str, depth: Depth) -> ImageRead:
    content = Path(path).read_bytes() if depth == 'labels' else None
    with Image.open(path if content is None else io.BytesIO(content)) as image:
        if depth != 'header':
            image.load()
        read = ImageRead(None, image.width, image.height, image.format or '', image.mode)
        if content is None:
            return read
        return read._replace(labels=_labels(image), sha256=hashlib.sha256(content).hexdigest())


def _labels(mask: Image.Image) -> tuple[int, ...] | None:
    if mask.mode in ('L', 'P'):
        return tuple(value for value, pixels in enumerate(mask.histogram()) if pixels)
    if mask.mode == '1':
        # Pillow counts ones as 255; NumPy reads them as 1.
        return tuple(value for value in (0, 1) if mask.histogram()[255 * value])
    if mask.mode.startswith('I'):
        low, high = mask.getextrema()
        return tuple(sorted({int(str(low)), int(str(high))}))
    return None


def _first_bytes(path: str) -> str:
    try:
        with open(path, 'rb') as file:
            return printable(file.read(12))
    except OSError as error:
        return str(error.strerror)
