"""The published data sets: numbers of images, classes in label order, official archives."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from rm_mm.errors import InputError, printable
from rm_mm.names import DATASETS

#: Folder in the archive of ADE20K, which the configs use as the root.
ADE20K_FOLDER = 'ADEChallengeData2016'

#: Name of the file that marks a subset of a data set, in its root.
SUBSET_STAMP = 'rm_mm_subset.json'


@dataclass(frozen=True)
class Published:
    """Size of a published data set.

    Attributes:
        counts: Number of images by split.
        classes: Number of classes.
        class_counts: Smallest and largest number of images per class, by split. Empty for data
            sets whose images show several classes.
    """

    counts: dict[str, int]
    classes: int
    class_counts: dict[str, tuple[int, int]] = field(default_factory=dict)


_CIFAR_IMAGES = {'train': 50_000, 'test': 10_000}
#: Numbers as on the pages of the publishers (see :data:`ARCHIVE_PAGES`).
PUBLISHED = {
    'imagenet': Published(
        {'train': 1_281_167, 'val': 50_000}, 1000, {'train': (732, 1300), 'val': (50, 50)}
    ),
    'cifar10': Published(_CIFAR_IMAGES, 10, {'train': (5000, 5000), 'test': (1000, 1000)}),
    'cifar100': Published(_CIFAR_IMAGES, 100, {'train': (500, 500), 'test': (100, 100)}),
    'coco': Published({'train2017': 118_287, 'val2017': 5000}, 80),
    'ade20k': Published({'training': 20_210, 'validation': 2000}, 150),
}


@dataclass(frozen=True)
class Archive:
    """An official archive.

    Attributes:
        name: File name.
        md5: MD5 of the published file, hexadecimal.
        folders: Folders of the layout that come from it.
        prefix: Folder in the archive that becomes the root of the layout, with a slash.
        exclusive: Whether files outside ``folders`` mean that it is another archive.
    """

    name: str
    md5: str
    folders: tuple[str, ...]
    prefix: str = ''
    exclusive: bool = False


_C10, _C100 = ('cifar-10-batches-py',), ('cifar-100-python',)
_ADE20K_FOLDERS = (
    'images/training', 'images/validation', 'annotations/training', 'annotations/validation'
)  # fmt: skip

#: Official archives by data set. MD5 as in torchvision's data sets and on the publishers' pages.
#: If several archives share a folder, the first one holds its images.
ARCHIVES = {
    'imagenet': (
        Archive('ILSVRC2012_img_train.tar', '1d675b47d978889d74fa0da5fadfb00e', ('train',)),
        Archive('ILSVRC2012_img_val.tar', '29b22e2961454d5413ddabcf34fc5622', ('val',)),
        Archive('ILSVRC2012_devkit_t12.tar.gz', 'fa75699e90414af021442c21a62c3abf', ('val',)),
    ),
    'cifar10': (
        Archive('cifar-10-python.tar.gz', 'c58f30108f718f92721af3b95e74349a', _C10, exclusive=True),
    ),
    'cifar100': (
        Archive(
            'cifar-100-python.tar.gz', 'eb9058c3a382ffc7106e4002c42a8d85', _C100, exclusive=True
        ),
    ),
    'coco': (
        Archive('train2017.zip', 'cced6f7f71b7629ddf16f17bbcfab6b2', ('train2017',)),
        Archive('val2017.zip', '442b8da7639aecaf257c1dceb8ba8c80', ('val2017',)),
        Archive(
            'annotations_trainval2017.zip', 'f4bbac642086de4f52a3fdda2de5fa2c', ('annotations',)
        ),
    ),
    'ade20k': (
        Archive(
            f'{ADE20K_FOLDER}.zip',
            '7328b3957e407ddae1d3cbf487f149ef',
            _ADE20K_FOLDERS,
            prefix=f'{ADE20K_FOLDER}/',
        ),
    ),
}

#: Web pages that offer the archives.
ARCHIVE_PAGES = {
    'imagenet': 'https://image-net.org/challenges/LSVRC/2012/2012-downloads.php',
    'cifar10': 'https://www.cs.toronto.edu/~kriz/cifar.html',
    'cifar100': 'https://www.cs.toronto.edu/~kriz/cifar.html',
    'coco': 'https://cocodataset.org/#download',
    'ade20k': 'http://sceneparsing.csail.mit.edu',
}

#: Suffixes that mmpretrain's data sets of class folders read, in lower or upper case.
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif')


def require_known(name: str) -> None:
    """Check that a data set has a known name.

    Raises:
        InputError: If it is none of :data:`rm_mm.names.DATASETS`.
    """
    if name not in DATASETS:
        raise InputError(
            f'unknown data set {printable(name)}: expected one of {", ".join(DATASETS)}'
        )


def layout_folders(name: str) -> list[str]:
    """Folders in the root of a layout; none for custom data."""
    folders = [folder for archive in ARCHIVES.get(name, ()) for folder in archive.folders]
    return list(dict.fromkeys(folder.partition('/')[0] for folder in folders))


def layout_root(name: str, root: Path) -> Path:
    """Folder of a root that holds the layout: of ADE20K, one with the name in its archive."""
    if name != 'ade20k' or root.resolve().name == ADE20K_FOLDER:
        return root
    return root / ADE20K_FOLDER


#: Published images whose format is not the one of their suffix.
PUBLISHED_FORMATS = {'n02105855_2933.JPEG': 'PNG', '000000320612.jpg': 'PNG'}

#: Annotations in the published instances_train2017.json whose boxes have no height
#: (cocodataset/cocoapi#355). mmdetection skips them.
COCO_FLAT_BOXES = frozenset({918, 2206849})

_CIFAR10 = """
    airplane automobile bird cat deer dog frog horse ship truck
"""
#: In label order, which is alphabetical.
CIFAR10_CLASSES = tuple(_CIFAR10.split())

_CIFAR100 = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
    butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch
    crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo
    keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
    mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain
    plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
    skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone
    television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
#: The fine labels, also in alphabetical order.
CIFAR100_CLASSES = tuple(_CIFAR100.split())

_COCO_NAMES = """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire
    hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear,
    zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, sports
    ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine
    glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot
    dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book,
    clock, vase, scissors, teddy bear, hair drier, toothbrush
"""
#: Ids from 1 to 90 that were dropped before the first release.
_COCO_UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
#: Name by id, in the order of the annotation files, which gives mmdetection the labels.
COCO_CATEGORIES: dict[Hashable, str] = dict(
    zip(
        (number for number in range(1, 91) if number not in _COCO_UNUSED),
        ' '.join(_COCO_NAMES.split()).split(', '),
        strict=True,
    )
)


def imagenet_wnids() -> tuple[str, ...]:
    """Folder names of the 1000 classes of ImageNet-1k, in label order."""
    text = files('rm_mm.data').joinpath('imagenet_wnids.txt').read_text(encoding='ascii')
    return tuple(text.split())
