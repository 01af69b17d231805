"""CIFAR-10 and CIFAR-100 for mmpretrain, from the published archives or from folders of images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from mmengine.logging import print_log
from mmpretrain.datasets import CIFAR10, CIFAR100
from mmpretrain.registry import DATASETS
from numpy.typing import NDArray

from rm_mm.data.catalog import PUBLISHED
from rm_mm.data.cifar_batches import (
    CIFAR_PIXELS,
    CIFAR_SUFFIXES,
    RELEASES,
    Release,
    read_cifar_batch,
    read_members,
)
from rm_mm.data.listing import list_folder
from rm_mm.errors import InputError

_Samples = list[tuple[NDArray[Any], int]]


class _LocalCIFAR:
    """Reads a split from the first of these that exists below ``data_root``.

    1. The folder of the archive (``cifar-10-batches-py``, ``cifar-100-python``), or its files.
    2. The archive itself, ``cifar-10-python.tar.gz`` or ``cifar-100-python.tar.gz``.
    3. A folder of images per class, ``train/<class>/*.png`` and ``test/<class>/*.png``, with the
       classes in the order of their names.

    Nothing is downloaded, and no code in a file is executed: an archive that holds anything but
    arrays and plain values is rejected.
    """

    release: ClassVar[Release]
    # Set by mmpretrain's classes.
    split: str
    data_root: str

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read ``img``, RGB uint8 (32, 32, 3), and ``gt_label`` of each image of the split.

        Raises:
            InputError: If the images are missing or are not those of the data set.
        """
        root, release = Path(self.data_root).expanduser(), self.release
        names = release.files_of(self.split)
        for folder in (root / release.folder, root):
            if all((folder / name).is_file() for name in names):
                return self._checked(self._batches((folder / n).read_bytes() for n in names))
        archive = root / release.archive
        if archive.is_file():
            return self._checked(self._batches(read_members(archive, release.folder, names)))
        if (root / self.split).is_dir():
            return self._checked(self._folders(root / self.split))
        raise InputError(
            f'no {self.split} images of {type(self).__name__} below {root}: expected '
            f'{release.folder}/{{{",".join(names)}}}, {release.archive}, or '
            f'{self.split}/<class>/*.png. Pass --data-root DIR'
        )

    def _batches(self, batches: Iterator[bytes]) -> _Samples:
        samples: _Samples = []
        for batch in batches:
            try:
                images, labels = read_cifar_batch(batch)
            except Exception as error:
                # A damaged pickle may raise anything.
                raise InputError(
                    f'a file of {type(self).__name__} below {self.data_root} is not a batch: '
                    'expected data (N x 3072 bytes) and labels, got '
                    f'{type(error).__name__}: {error}'
                ) from error
            samples += zip(images, labels, strict=True)
        return samples

    def _folders(self, folder: Path) -> _Samples:
        from PIL import Image

        classes = list_folder(folder).folders
        expected = len(self.release.classes)
        if len(classes) != expected:
            raise InputError(
                f'{folder} holds {len(classes)} folders: expected {expected}, one for each class'
            )
        # A label is a position in the list of names, so the names must be the same in all splits.
        for other in (folder.parent / split for split in ('train', 'test')):
            unmatched = {*classes} ^ {*list_folder(other).folders}
            if other.is_dir() and unmatched:
                raise InputError(
                    f'{folder} and {other} hold folders of different names: expected the same '
                    f'classes in both, found only in one {", ".join(sorted(unmatched)[:4])}'
                )
        samples: _Samples = []
        for label, path in enumerate(folder / name for name in classes):
            files = [file for file in path.iterdir() if file.suffix.lower() in CIFAR_SUFFIXES]
            if not files:
                raise InputError(f'{path} holds no images: expected those of one class, as .png')
            for file in sorted(files):
                with Image.open(file) as image:
                    samples.append((np.asarray(image.convert('RGB')), label))
        return samples

    def _checked(self, samples: _Samples) -> list[dict[str, Any]]:
        name, classes = type(self).__name__, len(self.release.classes)
        wrong = [label for _, label in samples if not 0 <= label < classes]
        shapes = {image.shape for image, _ in samples} - {(CIFAR_PIXELS, CIFAR_PIXELS, 3)}
        if wrong or shapes or not samples:
            found = f'label {wrong[0]}' if wrong else f'shape {shapes.pop()}' if shapes else 'none'
            raise InputError(
                f'{name} expects 32 x 32 colour images of {classes} classes below '
                f'{self.data_root}, got {found}'
            )
        # The same for CIFAR-100.
        published = PUBLISHED['cifar10'].counts[self.split]
        if len(samples) != published:
            print_log(
                f'{name}: {len(samples)} {self.split} images instead of the published {published}',
                logger='current',
            )
        return [{'img': image, 'gt_label': label} for image, label in samples]


@DATASETS.register_module()
class LocalCIFAR10(_LocalCIFAR, CIFAR10):
    """mmpretrain's ``CIFAR10``, read as described at :class:`_LocalCIFAR`."""

    release = RELEASES['cifar10']


@DATASETS.register_module()
class LocalCIFAR100(_LocalCIFAR, CIFAR100):
    """mmpretrain's ``CIFAR100``, read as described at :class:`_LocalCIFAR`."""

    release = RELEASES['cifar100']
