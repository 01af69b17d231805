import copy
import pickle

import cv2
import numpy as np
import pytest
from mmdet.datasets.transforms import PackDetInputs

from rm_mm.data.transforms import STOCK_NAMES, detection, pixels
from tests.data.transforms.pipelines import (
    OURS,
    SIZES,
    assert_same,
    build,
    photo,
    run,
    steps,
    stock_steps,
)


@pytest.fixture(scope='module')
def stock(tmp_path_factory):
    return stock_steps('mmdet', tmp_path_factory.mktemp('stock'))


@pytest.fixture(scope='module')
def samples(tmp_path_factory):
    """One sample per size, the first gray, with boxes and polygons; some are ignored."""
    folder, generator = tmp_path_factory.mktemp('photos'), np.random.default_rng(0)
    found = []
    for number, (height, width) in enumerate(SIZES):
        image = photo(generator, (height, width))
        path = folder / f'{number}.png'
        cv2.imwrite(str(path), image[:, :, 0] if number == 0 else image)
        corners = generator.uniform(0, 0.6, (number, 2)) * (width, height)
        sizes = generator.uniform(0.1, 0.4, (number, 2)) * (width, height)
        instances = []
        for index, (corner, size) in enumerate(zip(corners, sizes, strict=True)):
            (left, top), (right, bottom) = corner, corner + size
            polygon = [left, top, right, top, right, bottom]
            instances.append({
                'bbox': [left, top, right, bottom], 'bbox_label': int(index), 'mask': [polygon],
                'ignore_flag': int(index == 2),
            })  # fmt: skip
        found.append({
            'img_path': str(path), 'img_id': number, 'height': height, 'width': width,
            'instances': instances,
        })  # fmt: skip
    return found


def compared(samples, stock, ours, seeds):
    """Run both pipelines on the samples, and return the directions of their flips."""
    pipelines, flips = [build('mmdet', each) for each in (stock, ours)], set()
    for seed in seeds:
        sample = samples[seed % len(samples)]
        one, other = (run(each, copy.deepcopy(sample), seed) for each in pipelines)
        assert_same(one, other)
        assert one[0]['inputs'].is_contiguous()
        flips.add(one[0]['data_samples'].flip_direction)
    return flips


def test_the_recipe_loads_the_same_as_the_stock_pipeline(samples, stock):
    flips = compared(samples, stock, steps(OURS['mmdet']), range(30))
    assert flips == {'horizontal', None}


@pytest.mark.parametrize('poly2mask', [True, False])
def test_masks_and_every_direction(samples, stock, poly2mask):
    stock = copy.deepcopy(stock)
    stock[1].update(with_mask=True, poly2mask=poly2mask)
    stock[2].update(scale=(320, 210))
    directions = ['horizontal', 'vertical', 'diagonal']
    stock[3].update(prob=[0.25, 0.25, 0.25], direction=directions)
    ours = [*stock[:-1], stock[-1] | {'type': 'PackDetInputsByPlanes'}]
    assert compared(samples, stock, ours, range(60)) == {*directions, None}


@pytest.mark.parametrize('shape', [(5, 4), (5, 4, 1), (5, 4, 4)])
@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_other_arrays_than_photos_are_packed_too(shape, dtype):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    for view in (image, image[:, ::-1], image.astype(np.float32)):
        packed = [
            kind().transform({'img': view})
            for kind in (PackDetInputs, detection.PackDetInputsByPlanes)
        ]
        assert_same(*packed)


def test_planes_are_packed_without_another_copy(monkeypatch):
    made = []
    by_planes = pixels.by_planes
    monkeypatch.setattr(
        pixels, 'by_planes', lambda image: made.append(by_planes(image)) or made[-1]
    )
    results = {'img': photo(np.random.default_rng(0), (20, 30))[:, ::-1]}
    before = results['img']
    packed = detection.PackDetInputsByPlanes().transform(results)
    assert packed['inputs'].data_ptr() == made[0].ctypes.data
    assert results['img'] is before


def test_results_without_an_image_are_packed():
    assert 'inputs' not in detection.PackDetInputsByPlanes().transform({})


def test_arguments_are_those_of_the_stock_transform():
    ours = detection.PackDetInputsByPlanes(meta_keys=('img_id',))
    packed = ours.transform({'img_id': 3, 'img_path': 'x'})['data_samples']
    assert dict(packed.metainfo_items()) == {'img_id': 3}
    assert pickle.loads(pickle.dumps(ours)).meta_keys == ('img_id',)


@pytest.mark.parametrize(
    'name',
    ['atss_r50_baseline_coco', 'atss_r50_rm_coco', 'atss_r18_cutmix_mini', 'atss_r18_rm_mini_full'],
)
def test_recipes_differ_from_the_stock_pipeline_only_in_names(stock, name):
    ours = steps(f'detection/{name}.py')
    assert [step['type'] for step in ours] == [
        'LoadImageFromFile', 'LoadAnnotations', 'Resize', 'RandomFlip', 'PackDetInputsByPlanes'
    ]  # fmt: skip
    scale = (160, 160) if 'mini' in name else (1333, 800)
    expected = [*stock[:2], stock[2] | {'scale': scale}, *stock[3:]]
    assert [step | {'type': STOCK_NAMES.get(step['type'], step['type'])} for step in ours] == (
        expected
    )
