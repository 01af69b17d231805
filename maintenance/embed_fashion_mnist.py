"""Write the embedded subset of Fashion-MNIST, rm_mm/data/mini/fashion_mnist_{train,val}.png.

The source is a folder with the four published files. Debian's package ``dataset-fashion-mnist``
installs one::

    python maintenance/embed_fashion_mnist.py --source /usr/share/datasets/fashion-mnist

Each split becomes one greyscale PNG with a row of 28 x 28 tiles for each class, in the order of
``CLASSES``. Bytes per article, compared on 4,000 articles: .npz 434, lossless WebP 382, xz 372 and
PNG 391. Any viewer opens a PNG, and it carries its own checksums.
"""

from __future__ import annotations

import argparse
import gzip
import math
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from rm_mm.data.mini.articles import CLASSES, TILE_PIXELS, embedded_file
from rm_mm.errors import InputError
from rm_mm.files import replacing

# Fashion-MNIST's own numbering, from the table "Labels" of its README.
FASHION_MNIST_LABELS = {
    't_shirt_top': 0,
    'trouser': 1,
    'pullover': 2,
    'dress': 3,
    'coat': 4,
    'sandal': 5,
    'shirt': 6,
    'sneaker': 7,
    'bag': 8,
    'ankle_boot': 9,
}
SOURCE_PREFIX = {'train': 'train', 'val': 't10k'}


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Read one gzipped IDX file of unsigned bytes.

    The format is that of http://yann.lecun.com/exdb/mnist/: two zero bytes, the type (8: unsigned
    byte), the number of dimensions, each dimension as a big-endian 32-bit integer, the values.

    Raises:
        InputError: If the file is missing, has another format, or is truncated.
    """
    if not path.is_file():
        raise InputError(
            f'no such file: {path}; --source must hold the four *-ubyte.gz files of Fashion-MNIST '
            '(on Debian: apt-get install dataset-fashion-mnist)'
        )
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise InputError(f'{path} is not a whole gzip file ({error}); download it again') from error
    if len(content) < 4 or content[:3] != b'\x00\x00\x08':
        raise InputError(f'{path} is not an IDX file of bytes: it starts with {content[:4]!r}')
    dimensions = content[3]
    start = 4 + 4 * dimensions
    shape = struct.unpack(f'>{dimensions}I', content[4:start])
    if len(content) - start != math.prod(shape):
        raise InputError(
            f'{path} holds {len(content) - start} values, its header says {math.prod(shape)}; '
            'download it again'
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def select(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.uint8],
    per_class: int,
    selected: set[bytes],
) -> npt.NDArray[np.uint8]:
    """Select the first ``per_class`` articles of each class that are not selected yet.

    Args:
        images: (N, 28, 28).
        labels: Fashion-MNIST's numbers, (N,).
        per_class: Number of articles of each class.
        selected: Pixels of the articles selected so far, in all splits. Updated.

    Returns:
        (classes, per_class, 28, 28), with the classes in the order of ``CLASSES``.

    Raises:
        InputError: If a class has too few different articles.
    """
    classes = []
    for name in CLASSES:
        tiles: list[npt.NDArray[np.uint8]] = []
        for image in images[labels == FASHION_MNIST_LABELS[name]]:
            if len(tiles) == per_class:
                break
            if (pixels := image.tobytes()) not in selected:
                selected.add(pixels)
                tiles.append(image)
        if len(tiles) < per_class:
            raise InputError(
                f'expected {per_class} articles of each class, the source has {len(tiles)} '
                f'different ones of class {name}; pass a smaller number'
            )
        classes.append(np.stack(tiles))
    return np.stack(classes)


def embed(source: Path, output: Path, per_class: dict[str, int]) -> list[Path]:
    """Write the two embedded files; the same source gives the same bytes.

    Args:
        source: Folder with the four files of Fashion-MNIST.
        output: Folder to write to.
        per_class: Number of articles of each class, for the splits ``train`` and ``val``.

    Returns:
        The files written.

    Raises:
        InputError: If the source cannot be read or has too few articles.
    """
    selected: set[bytes] = set()
    written = []
    for split, prefix in SOURCE_PREFIX.items():
        images = read_idx(source / f'{prefix}-images-idx3-ubyte.gz')
        labels = read_idx(source / f'{prefix}-labels-idx1-ubyte.gz')
        expected = (len(labels), TILE_PIXELS, TILE_PIXELS)
        if images.shape != expected:
            raise InputError(
                f'{prefix}-images has shape {images.shape}, expected {expected} for its '
                f'{len(labels)} labels'
            )
        tiles = select(images, labels, per_class[split], selected)
        sheet = tiles.transpose(0, 2, 1, 3).reshape(len(CLASSES) * TILE_PIXELS, -1)
        target = output / embedded_file(split).name
        with replacing(target) as temporary:
            Image.fromarray(sheet).save(temporary, format='PNG', optimize=True)
        written.append(target)
    return written


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description='Write the embedded subset of Fashion-MNIST.')
    parser.add_argument('--source', type=Path, required=True, help='folder with the *-ubyte.gz')
    parser.add_argument('--output', type=Path, default=embedded_file('train').parent)
    parser.add_argument('--train-per-class', type=int, default=800)
    parser.add_argument('--val-per-class', type=int, default=200)
    options = parser.parse_args(arguments)
    per_class = {'train': options.train_per_class, 'val': options.val_per_class}
    try:
        for path in embed(options.source, options.output, per_class):
            print(f'{path}: {path.stat().st_size} bytes')
    except InputError as error:
        print(f'error: {error}', file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == '__main__':
    sys.exit(main())
