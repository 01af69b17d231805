"""CIFAR-10 and CIFAR-100 from the archives as published, or from folders of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from mmengine.logging import print_log
from mmpretrain.datasets import CIFAR10, CIFAR100
from mmpretrain.registry import DATASETS
from numpy.typing import NDArray

from rm_mm.data.cifar_batches import read_batch, read_members
from rm_mm.errors import InputError

_IMAGES = ('.png', '.jpg', '.jpeg', '.bmp')


class _LocalCIFAR:
    """How both data sets are read.

    The images of a split are looked for below ``data_root``, in this order:

    1. the folder of the archive (``cifar-10-batches-py``, ``cifar-100-python``), or its files;
    2. the archive itself, ``cifar-10-python.tar.gz`` or ``cifar-100-python.tar.gz``;
    3. a folder of images a class, ``train/<class>/*.png`` and ``test/<class>/*.png``, classes in
       the order of their names.

    Nothing is downloaded, and nothing in a file is run: an archive that holds more than arrays and
    plain values is refused.
    """

    # Of mmpretrain's classes.
    base_folder: str
    filename: str
    split: str
    data_root: str
    train_list: Sequence[Sequence[str]]
    test_list: Sequence[Sequence[str]]
    METAINFO: ClassVar[dict[str, Any]]

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the images of the split.

        Returns:
            ``img``, an RGB array (32, 32, 3) of bytes, and ``gt_label`` for each.

        Raises:
            InputError: If they are not there, or not what they should be.
        """
        root = Path(self.data_root).expanduser()
        names = [entry[0] for entry in (self.train_list, self.test_list)[self.split == 'test']]
        for folder in (root / self.base_folder, root):
            if all((folder / name).is_file() for name in names):
                return self._from_batches((folder / name).read_bytes() for name in names)
        if (root / self.filename).is_file():
            return self._from_batches(read_members(root / self.filename, self.base_folder, names))
        if (root / self.split).is_dir():
            return self._from_folders(root / self.split)
        raise InputError(
            f'no {self.split} images of {type(self).__name__} below {root}: expected '
            f'{self.base_folder}/{{{",".join(names)}}}, {self.filename}, or '
            f'{self.split}/<class>/*.png. Say --data-root DIR'
        )

    def _from_batches(self, batches: Iterator[bytes]) -> list[dict[str, Any]]:
        samples: list[tuple[NDArray[Any], int]] = []
        for batch in batches:
            try:
                images, labels = read_batch(batch)
            except Exception as error:
                # A damaged pickle fails in as many ways as there are bytes.
                raise InputError(
                    f'a batch of {type(self).__name__} below {self.data_root} is not one: expected '
                    f'data (N x 3072 bytes) and labels, got {type(error).__name__}: {error}'
                ) from error
            samples += zip(images, labels, strict=True)
        return self._checked(samples)

    def _from_folders(self, folder: Path) -> list[dict[str, Any]]:
        from PIL import Image

        classes = _class_folders(folder)
        expected = len(self.METAINFO['classes'])
        if len(classes) != expected:
            raise InputError(
                f'{folder} holds {len(classes)} folders: expected {expected}, one a class'
            )
        # A label is a position among the names, which therefore have to be the same in all splits.
        for other in (folder.parent / split for split in ('train', 'test')):
            names = {path.name for path in classes}
            if other.is_dir() and (apart := names ^ {p.name for p in _class_folders(other)}):
                raise InputError(
                    f'{folder} and {other} hold folders of different names: expected the same '
                    f'classes in both, found only in one {", ".join(sorted(apart)[:4])}'
                )
        samples: list[tuple[NDArray[Any], int]] = []
        for label, path in enumerate(classes):
            files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in _IMAGES]
            if not files:
                raise InputError(f'{path} holds no images: expected those of one class, as .png')
            for file in files:
                with Image.open(file) as image:
                    samples.append((np.asarray(image.convert('RGB')), label))
        return self._checked(samples)

    def _checked(self, samples: Sequence[tuple[NDArray[Any], int]]) -> list[dict[str, Any]]:
        classes = len(self.METAINFO['classes'])
        wrong = [label for _, label in samples if not 0 <= label < classes]
        sizes = {image.shape for image, _ in samples} - {(32, 32, 3)}
        if wrong or sizes or not samples:
            found = f'label {wrong[0]}' if wrong else f'shape {sizes.pop()}' if sizes else 'none'
            raise InputError(
                f'{type(self).__name__} expects 32 x 32 colour images of {classes} classes below '
                f'{self.data_root}, got {found}'
            )
        published = {'train': 50_000, 'test': 10_000}[self.split]
        if len(samples) != published:
            print_log(
                f'{type(self).__name__}: {len(samples)} {self.split} images instead of the '
                f'published {published}',
                logger='current',
            )
        return [{'img': image, 'gt_label': label} for image, label in samples]


def _class_folders(folder: Path) -> list[Path]:
    """The folders of a split, by name; hidden ones are of a tool."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith('.'))


@DATASETS.register_module()
class LocalCIFAR10(_LocalCIFAR, CIFAR10):
    """mmpretrain's ``CIFAR10``, reading as :class:`_LocalCIFAR` says."""


@DATASETS.register_module()
class LocalCIFAR100(_LocalCIFAR, CIFAR100):
    """mmpretrain's ``CIFAR100``, reading as :class:`_LocalCIFAR` says."""
