"""Images per second on one loader core: our COCO and ADE20K pipelines and the stock ones.

The stock pipelines of mmdet and mmseg and those of `configs/` load the same photographs in one
process with one thread. Boxes and label maps are generated from a seed. Before anything is timed,
the results of both pipelines are compared.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from alternation import Bar, alternate, parser, report
from mmdet.structures.bbox import BaseBoxes
from mmengine.config import Config
from mmengine.registry import DATASETS
from mmengine.structures import BaseDataElement
from photographs import add_images, photographs

from rm_mm.compat import configs_root
from rm_mm.errors import InputError

#: Scope of the library, its stock config, our config.
TASKS = {
    'COCO': ('mmdet', 'atss/atss_r50_fpn_1x_coco.py', 'detection/atss_r50_rm_coco.py'),
    'ADE20K': (
        'mmseg',
        'upernet/upernet_r50_4xb4-80k_ade20k-512x512.py',
        'segmentation/upernet_r50_rm_ade20k.py',
    ),
}
SEED = 0
BOUND = 1.3
#: Number of images to compare, boxes per image, and side of a block of labels in pixels.
COMPARED, BOXES, BLOCK = 20, 7, 40


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 if the bars are reached, 1 if not, and 2 if the call is wrong."""
    options = parser(__doc__)
    add_images(options)
    args = options.parse_args(argv)
    torch.set_num_threads(1)
    # mmengine does the same in every loader worker.
    cv2.setNumThreads(0)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _measured(args, Path(folder))
    except InputError as error:
        print(f'{Path(__file__).name}: {error}', file=sys.stderr)
        return error.exit_code


def _measured(args: argparse.Namespace, folder: Path) -> int:
    photos = [Path(photo) for photo in photographs(args.images)]
    _annotate(photos, folder)
    ways, bars = {}, []
    for task, (scope, stock, ours) in TASKS.items():
        shipped = folder / f'{scope}.py'
        shipped.write_text(f"_base_ = ['{configs_root()}/_base_/scopes.py', '{scope}::{stock}']\n")
        datasets = {
            f'{task} stock': _dataset(scope, shipped, folder),
            f'{task} ours': _dataset(scope, configs_root() / ours, folder),
        }
        compared = _compare(task, *datasets.values())
        print(f'{task}: results of {compared} images and the random state are equal')
        ways |= {name: partial(_images_per_second, each) for name, each in datasets.items()}
        bars.append(Bar(f'{task} ours', f'{task} stock', BOUND, at_most=False))
    reached = report(
        'downstream loaders',
        'images/s of one core',
        alternate(ways, args.repetitions),
        bars,
        target=args.json,
        facts={'images': len(photos), 'seed': SEED, 'compared': COMPARED},
    )
    return 0 if reached else 1


def _annotate(photos: Sequence[Path], folder: Path) -> None:
    """Link the photographs into COCO and ADE20K layouts, with boxes and labels from the seed."""
    draw = np.random.default_rng(SEED)
    places = [folder / name for name in ('train2017', 'annotations/training', 'images/training')]
    for place in places:
        place.mkdir(parents=True)
    images, boxes = [], []
    for number, photo in enumerate(photos):
        image = cv2.imread(str(photo))
        if image is None:
            raise InputError(f'{photo}: OpenCV cannot read it, expected a JPEG. Remove the file')
        height, width = image.shape[:2]
        name = f'{number:06}'
        for place in (places[0], places[2]):
            (place / f'{name}.jpg').symlink_to(photo.resolve())
        images.append({'id': number, 'file_name': f'{name}.jpg', 'height': height, 'width': width})
        corners = draw.uniform(0, 0.7, (BOXES, 2)) * (width, height)
        sizes = draw.uniform(0.1, 0.3, (BOXES, 2)) * (width, height)
        boxes += [
            {
                'id': len(boxes) + index,
                'image_id': number,
                'category_id': int(draw.integers(1, 81)),
                'bbox': [*corner.tolist(), *size.tolist()],
                'area': float(size.prod()),
                'iscrowd': 0,
            }
            for index, (corner, size) in enumerate(zip(corners, sizes, strict=True))
        ]
        # 0 marks unlabelled pixels.
        blocks = draw.integers(0, 151, (height // BLOCK + 1, width // BLOCK + 1), dtype=np.uint8)
        labels = cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(places[1] / f'{name}.png'), labels)
    from mmdet.datasets import CocoDataset

    names = CocoDataset.METAINFO['classes']
    categories = [{'id': index + 1, 'name': name} for index, name in enumerate(names)]
    (folder / 'annotations/instances_train2017.json').write_text(
        json.dumps({'images': images, 'annotations': boxes, 'categories': categories})
    )


def _dataset(scope: str, config: Path, root: Path) -> Any:
    return DATASETS.build(
        {
            **Config.fromfile(config).train_dataloader.dataset,
            'data_root': str(root),
            '_scope_': scope,
        }
    )


def _compare(task: str, stock: Any, ours: Any) -> int:
    """Check that both pipelines give equal results and leave equal random states.

    Returns:
        The number of images compared.
    """
    compared = min(COMPARED, len(stock))
    loaded = []
    for dataset in (stock, ours):
        np.random.seed(SEED)
        loaded.append(([dataset[index] for index in range(compared)], np.random.random()))
    if len(stock) != len(ours) or not _same(*loaded):
        raise AssertionError(f'{task}: our pipeline and the stock one give different results')
    return compared


def _same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, BaseDataElement):
        return _same(dict(one.all_items()), dict(other.all_items()))
    if isinstance(one, BaseBoxes):
        one, other = one.tensor, other.tensor
    if isinstance(one, torch.Tensor):
        layouts = [(t.dtype, t.shape, t.stride()) for t in (one, other)]
        return layouts[0] == layouts[1] and torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _images_per_second(dataset: Any) -> float:
    """Return images per second of processor time, which excludes waiting for a busy core."""
    np.random.seed(SEED)
    start = time.process_time()
    for index in range(len(dataset)):
        dataset[index]
    return len(dataset) / (time.process_time() - start)


if __name__ == '__main__':
    sys.exit(main())
