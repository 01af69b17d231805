"""Complete data sets of a few small images, for tests to break."""

import json
import pickle
from pathlib import Path

import numpy as np
from PIL import Image

from rm_mm.data.catalog import CIFAR10_CLASSES, COCO_CATEGORIES
from rm_mm.data.check import check_data

WNIDS = ('n01440764', 'n01443537', 'n02105855')


def image(path, size=(8, 6), mode='RGB', seed=0, **options):
    """Save an image of noise, whose file cannot be cut without losing pixels."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = size[::-1] if mode == 'L' else (*size[::-1], 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)


def mask(path, values=(0, 1, 150), size=(8, 6), mode='L'):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Image.new(mode, size, values[0])
    for column, value in enumerate(values):
        made.putpixel((column, 0), value)
    made.save(path)


def imagenet(root):
    """Three classes with two images each in train and one in val."""
    for seed, wnid in enumerate(WNIDS):
        for number in range(2):
            image(root / 'train' / wnid / f'{wnid}_{number}.JPEG', seed=seed)
        image(root / 'val' / wnid / f'ILSVRC2012_val_{seed + 1:08}.JPEG', seed=seed)


def custom_classes(root):
    for split in ('train', 'val'):
        for name in ('cat', 'dog'):
            image(root / split / name / '1.jpg')


def coco(root, train=3, val=1):
    """One box per image, but none in the last image of train."""
    for split, count in (('train2017', train), ('val2017', val)):
        names = [f'{number:012}.jpg' for number in range(1, count + 1)]
        for name in names:
            image(root / split / name, (8, 6))
        write(
            root / f'annotations/instances_{split}.json', coco_content(names, bare=split[0] == 't')
        )


def coco_content(names, bare=False):
    images = [
        dict(id=number, file_name=name, width=8, height=6)
        for number, name in enumerate(names, start=1)
    ]
    boxes = [
        # The last column and row: 7 + 1 = 8, 4.5 + 1.5 = 6.
        dict(id=100 + i['id'], image_id=i['id'], category_id=90, bbox=[7, 4.5, 1, 1.5])
        for i in images[: len(images) - bare]
    ]
    categories = [dict(id=key, name=name) for key, name in COCO_CATEGORIES.items()]
    return dict(images=images, annotations=boxes, categories=categories)


def ade20k(root):
    for split, count in (('training', 2), ('validation', 1)):
        for number in range(1, count + 1):
            image(root / f'images/{split}/ADE_{number}.jpg', seed=number)
            mask(root / f'annotations/{split}/ADE_{number}.png')


def cifar10(root, each=1):
    """Batches with ``each`` images per class, and the names of the classes."""
    folder = root / 'cifar-10-batches-py'
    folder.mkdir(parents=True)
    labels = list(range(10)) * each
    data = np.zeros((len(labels), 3072), np.uint8)
    for name in (*(f'data_batch_{number}' for number in range(1, 6)), 'test_batch'):
        pickled = pickle.dumps({b'data': data, b'labels': labels}, protocol=2)
        (folder / name).write_bytes(pickled)
    names = {b'label_names': [name.encode() for name in CIFAR10_CLASSES]}
    (folder / 'batches.meta').write_bytes(pickle.dumps(names, protocol=2))


def cifar10_folders(root):
    for split in ('train', 'test'):
        for name in CIFAR10_CLASSES:
            image(root / split / name / '1.png', (32, 32))


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def edit(path, change):
    """Change the content of a JSON file in place."""
    content = json.loads(path.read_text())
    change(content)
    write(path, content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def check(name, root, **options):
    return check_data(name, root, jobs=1, **options)


def whole(result):
    """Assert that there are no problems; returns the fingerprint."""
    assert result.problems == []
    assert result.total == 0
    return result.fingerprint
