"""Read the files of the CIFAR archives without executing anything that is in them."""

from __future__ import annotations

import io
import lzma
import operator
import pickle
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rm_mm.data.catalog import CIFAR10_CLASSES, CIFAR100_CLASSES
from rm_mm.errors import InputError

#: All names in the published archives: those of NumPy arrays, and of bytes that Python 3 writes in
#: the protocol of Python 2.
_ALLOWED = {
    ('numpy.core.multiarray', '_reconstruct'),
    ('numpy._core.multiarray', '_reconstruct'),
    ('numpy', 'ndarray'),
    ('numpy', 'dtype'),
    ('_codecs', 'encode'),
}


#: Width and height of all images.
CIFAR_PIXELS = 32
#: Suffixes of CIFAR as images.
CIFAR_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp')


class Release(NamedTuple):
    """Contents of a published archive.

    Attributes:
        folder: Folder in the archive.
        archive: File name of the archive.
        batches: Split of each file with images.
        meta: File with the names of the classes.
        names_key: Key of the names in that file.
        classes: Classes in the order of their labels, which is alphabetical.
    """

    folder: str
    archive: str
    batches: dict[str, str]
    meta: str
    names_key: str
    classes: tuple[str, ...]

    def files_of(self, split: str) -> list[str]:
        """Return the files of a split, in order."""
        return [name for name, part in self.batches.items() if part == split]


#: The archive of each data set.
RELEASES = {
    'cifar10': Release(
        'cifar-10-batches-py',
        'cifar-10-python.tar.gz',
        {f'data_batch_{number}': 'train' for number in range(1, 6)} | {'test_batch': 'test'},
        'batches.meta',
        'label_names',
        CIFAR10_CLASSES,
    ),
    'cifar100': Release(
        'cifar-100-python',
        'cifar-100-python.tar.gz',
        {'train': 'train', 'test': 'test'},
        'meta',
        'fine_label_names',
        CIFAR100_CLASSES,
    ),
}


class _ArrayUnpickler(pickle._Unpickler):
    """Rejects every name that an array does not need, and with it every other call."""

    # The unpickler in C would allocate a table of any size that a damaged file asks for.

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f'it uses {module}.{name}')
        return super().find_class(module, name)


def read_cifar_entries(content: bytes) -> dict[str, Any]:
    """Return the arrays and plain values of one file of an archive, by name.

    Raises:
        Exception: If the file is damaged; a damaged pickle may raise anything.
    """
    # The archives were written by Python 2, whose strings were bytes.
    entries = _ArrayUnpickler(io.BytesIO(content), encoding='latin1').load()
    return {k.decode() if isinstance(k, bytes) else k: v for k, v in entries.items()}


def read_cifar_batch(content: bytes) -> tuple[NDArray[Any], list[int]]:
    """Return the images of a batch, RGB uint8 (N, 32, 32, 3), and their labels.

    Raises:
        Exception: If the file is not a batch; see :func:`read_cifar_entries`.
    """
    entries = read_cifar_entries(content)
    images = entries['data'].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    labels = entries['labels'] if 'labels' in entries else entries['fine_labels']
    labels = [operator.index(label) for label in labels]
    if images.dtype != np.uint8 or len(images) != len(labels):
        raise ValueError(f'{len(labels)} labels of {len(images)} {images.dtype} images')
    return images, labels


def read_members(archive: Path, folder: str, names: Sequence[str]) -> Iterator[bytes]:
    """Yield the files of an archive, in the order of ``names``.

    Raises:
        InputError: If it is not the published archive. The checksum is compared after the last
            file.
    """
    try:
        with tarfile.open(archive) as files:
            for name in names:
                member = files.extractfile(f'{folder}/{name}')
                if member is None:
                    raise KeyError(f'{folder}/{name} is not a file')
                yield member.read()
            # Read to the end, where gzip stores its checksum.
            while files.fileobj is not None and files.fileobj.read(1 << 20):
                pass
    except (tarfile.TarError, KeyError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise InputError(
            f'{archive} is not the published archive: expected {folder}/{names[0]} and others, '
            f'got {error}'
        ) from error
