"""The official archives of each data set, and where they are found on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rm_mm.errors import InputError, printable


@dataclass(frozen=True)
class Archive:
    """One file as its publisher has it.

    Attributes:
        name: Of the file.
        md5: Of the published file, hexadecimal.
        page: Where to get it.
    """

    name: str
    md5: str
    page: str


_IMAGENET_PAGE = 'https://image-net.org/challenges/LSVRC/2012/2012-downloads.php'
_COCO_PAGE = 'https://cocodataset.org/#download'
_CIFAR_PAGE = 'https://www.cs.toronto.edu/~kriz/cifar.html'

#: MD5 as torchvision's data sets and the publishers' pages state them.
ARCHIVES = {
    'imagenet': (
        Archive('ILSVRC2012_img_train.tar', '1d675b47d978889d74fa0da5fadfb00e', _IMAGENET_PAGE),
        Archive('ILSVRC2012_img_val.tar', '29b22e2961454d5413ddabcf34fc5622', _IMAGENET_PAGE),
        Archive('ILSVRC2012_devkit_t12.tar.gz', 'fa75699e90414af021442c21a62c3abf', _IMAGENET_PAGE),
    ),
    'cifar10': (
        Archive('cifar-10-python.tar.gz', 'c58f30108f718f92721af3b95e74349a', _CIFAR_PAGE),
    ),
    'cifar100': (
        Archive('cifar-100-python.tar.gz', 'eb9058c3a382ffc7106e4002c42a8d85', _CIFAR_PAGE),
    ),
    'coco': (
        Archive('train2017.zip', 'cced6f7f71b7629ddf16f17bbcfab6b2', _COCO_PAGE),
        Archive('val2017.zip', '442b8da7639aecaf257c1dceb8ba8c80', _COCO_PAGE),
        Archive('annotations_trainval2017.zip', 'f4bbac642086de4f52a3fdda2de5fa2c', _COCO_PAGE),
    ),
    'ade20k': (
        Archive(
            'ADEChallengeData2016.zip',
            '7328b3957e407ddae1d3cbf487f149ef',
            'http://sceneparsing.csail.mit.edu',
        ),
    ),
}


def find(archive: Archive, folder: Path) -> Path | None:
    """An archive in a folder, or in one of the folders in it."""
    candidates = [folder / archive.name, *sorted(folder.glob(f'*/{archive.name}'))]
    return next((path for path in candidates if path.is_file()), None)


def require(archives: Sequence[Archive], folder: Path) -> dict[str, Path]:
    """Where each archive is.

    Returns:
        Name to path.

    Raises:
        InputError: If any is missing; all of them are named.
    """
    found = {archive.name: find(archive, folder) for archive in archives}
    missing = [archive for archive in archives if found[archive.name] is None]
    if missing:
        names = ', '.join(archive.name for archive in missing)
        raise InputError(
            f'not in {printable(folder)}, nor one folder below: {names}; get '
            f'{"it" if len(missing) == 1 else "them"} from {missing[0].page}, and say '
            '--archives DIR if they are elsewhere'
        )
    return {name: path for name, path in found.items() if path is not None}
