"""What the published data sets hold: how many images, and which classes in which order."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from importlib.resources import files

#: In the root of a small version of a data set: how many images it holds.
SUBSET_STAMP = 'rm_mm_subset.json'


@dataclass(frozen=True)
class Published:
    """The numbers of one data set.

    Args:
        counts: Images, by split.
        classes: How many there are.
        class_counts: The fewest and the most images of one class, by split; none where an image
            is of several classes.
    """

    counts: dict[str, int]
    classes: int
    class_counts: dict[str, tuple[int, int]] = field(default_factory=dict)


#: ImageNet: https://www.image-net.org/challenges/LSVRC/2012; COCO: https://cocodataset.org;
#: CIFAR: https://www.cs.toronto.edu/~kriz/cifar.html; ADE20K: the scene parsing benchmark,
#: http://sceneparsing.csail.mit.edu.
PUBLISHED = {
    'imagenet': Published(
        {'train': 1_281_167, 'val': 50_000}, 1000, {'train': (732, 1300), 'val': (50, 50)}
    ),
    'cifar10': Published(
        {'train': 50_000, 'test': 10_000}, 10, {'train': (5000, 5000), 'test': (1000, 1000)}
    ),
    'cifar100': Published(
        {'train': 50_000, 'test': 10_000}, 100, {'train': (500, 500), 'test': (100, 100)}
    ),
    'coco': Published({'train2017': 118_287, 'val2017': 5000}, 80),
    'ade20k': Published({'training': 20_210, 'validation': 2000}, 150),
}

#: Images of the published sets that are of another format than their suffix says.
PUBLISHED_FORMATS = {'n02105855_2933.JPEG': 'PNG', '000000320612.jpg': 'PNG'}

#: Annotations of the published instances_train2017.json whose boxes have no height
#: (cocodataset/cocoapi#355). mmdetection leaves them out.
COCO_FLAT_BOXES = frozenset({918, 2206849})

_CIFAR10 = """
    airplane automobile bird cat deer dog frog horse ship truck
"""
#: In the order of their labels, which is that of the alphabet.
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
#: The fine labels, in the order of the alphabet too.
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
#: The ids from 1 to 90 that were given up before the first release.
_COCO_UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
#: Name by id, in the order of the annotation files, from which mmdetection takes the labels.
COCO_CATEGORIES: dict[Hashable, str] = dict(
    zip(
        (number for number in range(1, 91) if number not in _COCO_UNUSED),
        ' '.join(_COCO_NAMES.split()).split(', '),
        strict=True,
    )
)


def imagenet_wnids() -> tuple[str, ...]:
    """The folders of the 1000 classes of ImageNet-1k, in the order of their labels."""
    text = files('rm_mm.data').joinpath('imagenet_wnids.txt').read_text(encoding='ascii')
    return tuple(text.split())
