"""The batches of the CIFAR archives, read without running anything that is in them."""

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

#: All that the published archives are made of beside plain values: NumPy arrays, and bytes as
#: Python 3 writes them in Python 2's protocol.
_ALLOWED = {
    ('numpy.core.multiarray', '_reconstruct'),
    ('numpy._core.multiarray', '_reconstruct'),
    ('numpy', 'ndarray'),
    ('numpy', 'dtype'),
    ('_codecs', 'encode'),
}


class Release(NamedTuple):
    """One published archive.

    Args:
        folder: In the archive.
        archive: Its file name.
        batches: Split by file.
        meta: The file with the names of the classes.
        names_key: Of these in it.
        classes: In the order of their labels, which is that of the alphabet.
    """

    folder: str
    archive: str
    batches: dict[str, str]
    meta: str
    names_key: str
    classes: tuple[str, ...]

    def files_of(self, split: str) -> list[str]:
        """The files of a split, in order."""
        return [name for name, of in self.batches.items() if of == split]


#: How each data set is published.
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
    """Refuses every name that an array does not need, and so every call of one.

    The one in Python: the one in C makes a table as long as any number in a damaged file says.
    """

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f'it names {module}.{name}')
        return super().find_class(module, name)


def read_entries(content: bytes) -> dict[str, Any]:
    """The arrays and plain values of one file of an archive, by name.

    Raises:
        Exception: A damaged pickle fails in as many ways as there are bytes.
    """
    # The archives were written by Python 2, whose strings were bytes.
    entries = _ArrayUnpickler(io.BytesIO(content), encoding='latin1').load()
    return {k.decode() if isinstance(k, bytes) else k: v for k, v in entries.items()}


def read_batch(content: bytes) -> tuple[NDArray[Any], list[int]]:
    """The images of a batch, RGB bytes (N, 32, 32, 3), and their labels.

    Raises:
        Exception: If it is no batch: see :func:`read_entries`.
    """
    entries = read_entries(content)
    images = entries['data'].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    labels = entries['labels'] if 'labels' in entries else entries['fine_labels']
    labels = [operator.index(label) for label in labels]
    if images.dtype != np.uint8 or len(images) != len(labels):
        raise ValueError(f'{len(labels)} labels of {len(images)} {images.dtype} images')
    return images, labels


def read_members(archive: Path, folder: str, names: Sequence[str]) -> Iterator[bytes]:
    """The files of an archive, in the order of ``names``; a checksum that fails is found at last.

    Raises:
        InputError: If it is not the published archive.
    """
    try:
        with tarfile.open(archive) as files:
            for name in names:
                member = files.extractfile(f'{folder}/{name}')
                if member is None:
                    raise KeyError(f'{folder}/{name} is no file')
                yield member.read()
            # To the end, where gzip has its checksum.
            while files.fileobj is not None and files.fileobj.read(1 << 20):
                pass
    except (tarfile.TarError, KeyError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise InputError(
            f'{archive} is not the published archive: expected {folder}/{names[0]} and so on, '
            f'got {error}'
        ) from error
