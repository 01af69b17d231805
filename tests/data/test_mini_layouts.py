"""The written folders, read with the dataset classes and tools that they are written for."""

import json

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from rm_mm.data import mini
from rm_mm.data.mini.compose import scene

ADE = 'ade/ADEChallengeData2016'
SPLITS = {'train': ('training', 'train', 6), 'val': ('validation', 'val', 3)}


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return mini.prepare_mini(
        tmp_path_factory.mktemp('data') / 'mini',
        train_images=30,
        val_images=20,
        train_scenes=6,
        val_scenes=3,
    )


def annotations(root, split):
    return json.loads((root / f'coco/annotations/instances_{split}2017.json').read_text())


def label_maps(root, split):
    folder, infix, count = SPLITS[split]
    return [
        cv2.imread(
            str(root / ADE / f'annotations/{folder}/ADE_{infix}_{number:08d}.png'),
            cv2.IMREAD_UNCHANGED,
        )
        for number in range(1, count + 1)
    ]


def test_every_class_has_a_colour():
    assert len(mini.CLASSES) == len(set(mini.CLASSES)) == len(set(mini.PALETTE)) == 10
    assert list(mini.CLASSES) == sorted(mini.CLASSES)
    assert ('background', *mini.CLASSES) == mini.SEGMENTATION_CLASSES
    assert len(mini.SEGMENTATION_PALETTE) == 11


@pytest.mark.parametrize(('split', 'per_class'), [('train', 3), ('val', 2)])
def test_mmpretrain_reads_the_object_images(root, split, per_class):
    from mmpretrain.datasets import ImageNet

    dataset = ImageNet(
        data_root=str(root / 'imagenet'), split=split, metainfo={'classes': mini.CLASSES}
    )
    labels = dataset.get_gt_labels().tolist()
    assert sorted(labels) == sorted(list(range(10)) * per_class)
    for index, label in enumerate(labels):
        path = dataset.get_data_info(index)['img_path']
        assert dataset.CLASSES[label] == path.split('/')[-2]
        assert cv2.imread(path).shape == (64, 64, 3)


@pytest.mark.parametrize('split', ['train', 'val'])
def test_mmdet_reads_the_scenes(root, split):
    from mmdet.datasets import CocoDataset

    dataset = CocoDataset(
        data_root=str(root / 'coco'),
        ann_file=f'annotations/instances_{split}2017.json',
        data_prefix={'img': f'{split}2017/'},
        metainfo={'classes': mini.CLASSES, 'palette': mini.PALETTE},
    )
    written = annotations(root, split)
    assert len(dataset) == SPLITS[split][2]
    seen = 0
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        assert cv2.imread(info['img_path']).shape == (info['height'], info['width'], 3)
        expected = [a for a in written['annotations'] if a['image_id'] == info['img_id']]
        assert [i['bbox_label'] + 1 for i in info['instances']] == [
            a['category_id'] for a in expected
        ]
        seen += len(expected)
    assert seen == len(written['annotations'])


def test_mmdet_pipelines_read_boxes_and_masks(root):
    from mmdet.datasets import CocoDataset

    dataset = CocoDataset(
        data_root=str(root / 'coco'),
        ann_file='annotations/instances_train2017.json',
        data_prefix={'img': 'train2017/'},
        metainfo={'classes': mini.CLASSES},
        pipeline=[
            {'type': 'mmdet.LoadImageFromFile'},
            {'type': 'mmdet.LoadAnnotations', 'with_bbox': True, 'with_mask': True},
        ],
    )
    for index in range(len(dataset)):
        loaded = dataset[index]
        masks = loaded['gt_masks'].to_ndarray()
        assert len(masks) == len(loaded['gt_bboxes']) >= 2
        for mask, box_xyxy in zip(masks, loaded['gt_bboxes'].numpy(), strict=True):
            rows, columns = np.nonzero(mask)
            tight = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert box_xyxy.tolist() == [float(edge) for edge in tight]


@pytest.mark.parametrize('split', ['train', 'val'])
def test_mmseg_reads_the_scenes(root, split):
    from mmseg.datasets import ADE20KDataset
    from mmseg.datasets.transforms import LoadAnnotations
    from mmseg.registry import DATASETS

    from rm_mm.data.mini.dataset import MiniADE20KDataset

    folder, _, count = SPLITS[split]
    assert DATASETS.get('MiniADE20KDataset') is MiniADE20KDataset
    dataset = MiniADE20KDataset(
        data_root=str(root / ADE),
        data_prefix={'img_path': f'images/{folder}', 'seg_map_path': f'annotations/{folder}'},
    )
    assert isinstance(dataset, ADE20KDataset)
    assert dataset.metainfo['classes'] == mini.SEGMENTATION_CLASSES
    assert len(dataset) == count
    assert dataset.label_map is None
    present = set()
    for index, raw in enumerate(label_maps(root, split)):
        info = dataset.get_data_info(index)
        loaded = LoadAnnotations(reduce_zero_label=None)(info)['gt_seg_map']
        assert loaded.shape == cv2.imread(info['img_path']).shape[:2] == (160, 160)
        # ADE20K ignores 0 and subtracts 1 from the rest: no pixel of ours is ignored.
        assert np.array_equal(loaded, raw - 1)
        present |= set(np.unique(loaded).tolist())
    assert 0 in present
    assert len(present) > 3
    assert max(present) <= 10


@pytest.mark.parametrize('split', ['train', 'val'])
def test_boxes_and_areas_are_those_of_the_visible_pixels(root, split):
    coco = COCO(str(root / f'coco/annotations/instances_{split}2017.json'))
    for annotation in coco.loadAnns(coco.getAnnIds()):
        mask = coco.annToMask(annotation)
        rows, columns = np.nonzero(mask)
        left, top = columns.min(), rows.min()
        width, height = columns.max() - left + 1, rows.max() - top + 1
        assert annotation['bbox'] == [left, top, width, height]
        assert annotation['area'] == mask.sum()
        assert annotation['iscrowd'] == 0


@pytest.mark.parametrize('split', ['train', 'val'])
def test_label_maps_and_instance_masks_agree_in_every_pixel(root, split):
    written = annotations(root, split)
    names = {category['id']: category['name'] for category in written['categories']}
    for image, raw in zip(written['images'], label_maps(root, split), strict=True):
        expected = np.full((image['height'], image['width']), 'background', dtype='<U16')
        for annotation in written['annotations']:
            if annotation['image_id'] == image['id']:
                mask = coco_mask.decode(annotation['segmentation']) > 0
                expected[mask] = names[annotation['category_id']]
        assert np.array_equal(np.array(mini.SEGMENTATION_CLASSES)[raw - 1], expected)


def test_both_layouts_hold_the_composed_scene(root):
    for split, (folder, infix, count) in SPLITS.items():
        for number in range(count):
            coco = root / f'coco/{split}2017/{number + 1:012d}.jpg'
            ade = root / ADE / f'images/{folder}/ADE_{infix}_{number + 1:08d}.jpg'
            assert coco.read_bytes() == ade.read_bytes()
            stored = cv2.imread(str(coco))[..., ::-1]
            composed = scene(0, split, number).image
            # JPEG halves the resolution of colours and clips saturated ones, so the comparison is
            # by correlation at half size: 1 if equal, low if channels are swapped.
            halves = [
                cv2.resize(rgb, (80, 80), interpolation=cv2.INTER_AREA)
                for rgb in (stored, composed)
            ]
            assert np.corrcoef(halves[0].ravel(), halves[1].ravel())[0, 1] > 0.95


def test_train_and_val_scenes_differ(root):
    contents = [path.read_bytes() for path in root.glob('coco/*2017/*.jpg')]
    assert len(set(contents)) == len(contents) == 9
