"""Write composed images in the folder layouts of ImageNet, COCO and ADE20K."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from rm_mm.data.mini.articles import CLASSES, SEGMENTATION_CLASSES
from rm_mm.data.mini.compose import Scene, object_image, scene
from rm_mm.files import write_json

IMAGENET = Path('imagenet')
COCO = Path('coco')
ADE20K = Path('ade', 'ADEChallengeData2016')
# ADE20K's names of the splits, in folders and in file names.
ADE20K_SPLITS = {'train': ('training', 'train'), 'val': ('validation', 'val')}
JPEG_QUALITY = 95
# Lines of progress per split.
REPORTS = 10


def write_imagenet(
    root: Path, seed: int, split: str, count: int, progress: Callable[[str], None] | None
) -> None:
    """Write object images in a folder per class, for ``ImageNet`` of mmpretrain."""
    folder = root / IMAGENET / split
    for class_name in CLASSES:
        (folder / class_name).mkdir(parents=True)
    for number in range(count):
        image, label = object_image(seed, split, number)
        _write_jpeg(folder / CLASSES[label] / f'{split}_{number:06d}.jpg', image)
        _report(progress, f'objects, {split}', number + 1, count)


def write_scenes(
    root: Path, seed: int, split: str, count: int, size: int, progress: Callable[[str], None] | None
) -> None:
    """Write scenes twice, for ``CocoDataset`` of mmdet and for ``ADE20KDataset`` of mmseg."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    ade_split, infix = ADE20K_SPLITS[split]
    coco_folder = root / COCO / f'{split}2017'
    image_folder = root / ADE20K / 'images' / ade_split
    label_folder = root / ADE20K / 'annotations' / ade_split
    for folder in (coco_folder, image_folder, label_folder):
        folder.mkdir(parents=True)
    for number in range(count):
        composed = scene(seed, split, number, size)
        image_id = number + 1
        name = f'{image_id:012d}.jpg'
        images.append({'id': image_id, 'file_name': name, 'height': size, 'width': size})
        for annotation in coco_annotations(composed, image_id):
            annotations.append({'id': len(annotations) + 1, **annotation})
        stem = f'ADE_{infix}_{image_id:08d}'
        content = _write_jpeg(coco_folder / name, composed.image)
        (image_folder / f'{stem}.jpg').write_bytes(content)
        (label_folder / f'{stem}.png').write_bytes(_encoded('.png', label_map(composed)))
        _report(progress, f'scenes, {split}', image_id, count)
    write_json(
        root / COCO / 'annotations' / f'instances_{split}2017.json',
        {
            'info': {'description': 'Fashion-MNIST articles on procedural backgrounds'},
            'licenses': [{'id': 1, 'name': 'MIT'}],
            'categories': [
                {'id': label + 1, 'name': name, 'supercategory': 'fashion'}
                for label, name in enumerate(CLASSES)
            ],
            'images': images,
            'annotations': annotations,
        },
    )


def coco_annotations(composed: Scene, image_id: int) -> list[dict[str, Any]]:
    """Return the box, area and run lengths of the visible pixels of each article."""
    annotations = []
    for instance in composed.instances:
        runs = coco_mask.encode(np.asfortranarray(instance.mask, np.uint8))
        annotations.append(
            {
                'image_id': image_id,
                'category_id': instance.label + 1,
                'bbox': coco_mask.toBbox(runs).tolist(),
                'area': int(coco_mask.area(runs)),
                'iscrowd': 0,
                'segmentation': {'size': runs['size'], 'counts': runs['counts'].decode('ascii')},
            }
        )
    return annotations


def label_map(composed: Scene) -> npt.NDArray[np.uint8]:
    """Return 1 + the index into ``SEGMENTATION_CLASSES`` of each pixel, (H, W)."""
    background = 1 + SEGMENTATION_CLASSES.index('background')
    labels = np.full(composed.image.shape[:2], background, np.uint8)
    for instance in composed.instances:
        labels[instance.mask] = 1 + SEGMENTATION_CLASSES.index(CLASSES[instance.label])
    return labels


def _encoded(suffix: str, pixels: npt.NDArray[np.uint8]) -> bytes:
    # OpenCV 5 warns about options of another format.
    options = () if suffix == '.png' else (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)
    done, content = cv2.imencode(suffix, pixels, options)
    assert done, f'OpenCV cannot encode {suffix}'
    return content.tobytes()


def _write_jpeg(path: Path, rgb: npt.NDArray[np.uint8]) -> bytes:
    content = _encoded('.jpg', np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8))
    path.write_bytes(content)
    return content


def _report(progress: Callable[[str], None] | None, task: str, done: int, total: int) -> None:
    """Report progress after every tenth of the work."""
    if progress is not None and (done * REPORTS) // total > ((done - 1) * REPORTS) // total:
        progress(f'{task}: {done} of {total}')
