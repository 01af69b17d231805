import copy
import pickle

import cv2
import numpy as np
import pytest
from mmcv.transforms.utils import cache_random_params
from mmseg.datasets.transforms import PackSegInputs, PhotoMetricDistortion, RandomCrop, RandomFlip
from mmseg.registry import TRANSFORMS

from rm_mm.data.transforms import STOCK_NAMES, pixels, segmentation
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

OUR_TYPES = [
    'LoadImageFromFile', 'LoadAnnotations', 'RandomResize', 'RandomCropByHistogram',
    'RandomFlipByOpenCV', 'PhotoMetricDistortionByTable', 'PackSegInputsByPlanes',
]  # fmt: skip


@pytest.fixture(scope='module')
def stock(tmp_path_factory):
    return stock_steps('mmseg', tmp_path_factory.mktemp('stock'))


def blocks(generator, size, side=20):
    """A label map of blocks as in ADE20K, where 0 is unlabelled and becomes 255."""
    height, width = size
    small = generator.integers(0, 5, (height // side + 1, width // side + 1), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)


@pytest.fixture(scope='module')
def samples(tmp_path_factory):
    """One sample per size, the first gray; the last has almost only one category."""
    folder, generator = tmp_path_factory.mktemp('photos'), np.random.default_rng(0)
    found = []
    for number, size in enumerate(SIZES):
        image, labels = photo(generator, size), blocks(generator, size)
        if number == len(SIZES) - 1:
            labels[20:] = 3
        paths = [str(folder / f'{number}_{name}.png') for name in ('image', 'labels')]
        cv2.imwrite(paths[0], image[:, :, 0] if number == 0 else image)
        cv2.imwrite(paths[1], labels)
        found.append({
            'img_path': paths[0], 'seg_map_path': paths[1], 'label_map': None,
            'reduce_zero_label': True, 'seg_fields': [],
        })  # fmt: skip
    return found


def test_the_recipe_loads_the_same_as_the_stock_pipeline(samples, stock):
    pipelines = [build('mmseg', each) for each in (stock, steps(OURS['mmseg']))]
    combinations, ignored = set(), 0
    for seed in range(48):
        sample = samples[seed % len(samples)]
        one, other = (run(each, copy.deepcopy(sample), seed) for each in pipelines)
        assert_same(one, other)
        packed = one[0]['data_samples']
        combinations.add((packed.flip, packed.img_shape == (512, 512)))
        ignored += int((packed.gt_sem_seg.data == 255).sum())
    # Both flips, of crops and of images smaller than a crop.
    assert combinations == {(flip, whole) for flip in (False, True) for whole in (False, True)}
    assert ignored


def levels(seed):
    """A photo of every level in every channel."""
    generator = np.random.default_rng(seed)
    channels = [generator.permutation(256).reshape(16, 16) for _ in range(3)]
    return np.stack(channels, -1).astype(np.uint8)


def test_every_photometric_branch(monkeypatch):
    taken, through_table = set(), segmentation.through_table
    stock = PhotoMetricDistortion()
    ours = segmentation.PhotoMetricDistortionByTable()
    for seed in range(200):
        image = levels(seed)
        channels = []

        def recorded(pixels, table, channel=None, channels=channels):
            channels.append(channel)
            return through_table(pixels, table, channel)

        monkeypatch.setattr(segmentation, 'through_table', recorded)
        # Also the views that crops and flips return.
        view = [image, np.pad(image, ((2, 2), (3, 3), (0, 0)))[2:-2, 3:-3], image[:, ::-1]][
            seed % 3
        ]
        one, other = (run(each, {'img': view}, seed) for each in (stock, ours))
        assert_same(one, other)
        assert np.array_equal(view, image[:, ::-1] if seed % 3 == 2 else image)
        taken.add(tuple(channels))
    # Brightness and contrast are of all channels, saturation of 1, hue of 0; contrast comes second
    # or last.
    assert {(), (1,), (0,), (None,), (None, None, 1, 0), (None, 1, 0, None)} <= taken


def test_every_level_of_the_tables():
    stock, ours = PhotoMetricDistortion(), segmentation.PhotoMetricDistortionByTable()
    draw, image = np.random.default_rng(0), levels(0)
    for _ in range(300):
        alpha, beta = float(draw.uniform(0.5, 1.5)), float(draw.uniform(-32, 32))
        for change in ({'alpha': alpha}, {'beta': beta}, {'alpha': alpha, 'beta': beta}):
            assert_same(ours.convert(image, **change), stock.convert(image, **change))


def test_photometric_changes_are_computed_once_per_level(monkeypatch):
    sizes, convert = set(), PhotoMetricDistortion.convert

    def recorded(self, img, *args, **kwargs):
        sizes.add(img.size)
        return convert(self, img, *args, **kwargs)

    monkeypatch.setattr(PhotoMetricDistortion, 'convert', recorded)
    for seed in range(20):
        run(segmentation.PhotoMetricDistortionByTable(), {'img': levels(seed)}, seed)
    assert sizes == {256}


def test_photometric_changes_of_floating_point_images():
    stock, ours = PhotoMetricDistortion(), segmentation.PhotoMetricDistortionByTable()
    # HSV has other ranges in floating point, so the values make no sense, but are equal.
    image = levels(0).astype(np.float32) / 255
    for seed in range(30):
        assert_same(*(run(each, {'img': image.copy()}, seed) for each in (stock, ours)))


#: Settings, and the smallest and largest number of crops drawn.
CROPS = {
    'of blocks': (dict(crop_size=(60, 70), cat_max_ratio=0.4), 1, 11),
    'the first crop': (dict(crop_size=(60, 70)), 1, 1),
    'larger than the image': (dict(crop_size=(400, 500), cat_max_ratio=0.3), 1, 11),
    'nothing ignored': (dict(crop_size=(60, 70), cat_max_ratio=0.4, ignore_index=-1), 1, 11),
    'a category ignored': (dict(crop_size=40, cat_max_ratio=0.6, ignore_index=2), 1, 11),
}


@pytest.mark.parametrize(('settings', 'least', 'most'), CROPS.values(), ids=CROPS)
@pytest.mark.parametrize('dtype', [np.uint8, np.int64])
def test_the_same_crops_without_sorting(monkeypatch, settings, least, most, dtype):
    stock, ours = RandomCrop(**settings), segmentation.RandomCropByHistogram(**settings)
    generator, sizes, tries = np.random.default_rng(0), [], set()
    draw = segmentation.RandomCropByHistogram._draw

    def recorded(self, size):
        sizes.append(size)
        return draw(self, size)

    monkeypatch.setattr(segmentation.RandomCropByHistogram, '_draw', recorded)
    for seed in range(60):
        image, labels = photo(generator, (123, 145)), blocks(generator, (123, 145)) - 1
        # Blocks of five labels, 255 among them, or one label alone.
        labels = [labels, labels, np.full_like(labels, 255), labels * 0, labels * 0 + 2][seed % 5]
        results = {'img': image, 'gt_seg_map': labels.astype(dtype), 'seg_fields': ['gt_seg_map']}
        one = run(stock, {**results}, seed)
        sizes.clear()
        with monkeypatch.context() as patch:
            if dtype is np.uint8:
                patch.setattr(np, 'unique', None)
            other = run(ours, {**results}, seed)
        assert_same(one, other)
        tries.add(len(sizes))
    assert (min(tries), max(tries)) == (least, most)


def test_one_crop_can_be_shared_by_several_images():
    crop = segmentation.RandomCropByHistogram(crop_size=8, cat_max_ratio=0.75)
    results = {'img': levels(0), 'gt_seg_map': levels(0)[:, :, 0], 'seg_fields': ['gt_seg_map']}
    with cache_random_params([crop]):
        images = [crop({**results})['img'] for _ in range(5)]
    assert all(np.array_equal(images[0], image) for image in images)
    assert RandomCrop._methods_with_randomness == ['crop_bbox']


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
@pytest.mark.parametrize('swapped', [None, [(1, 2)]])
@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_flips_return_contiguous_images(direction, swapped, dtype):
    kinds = (RandomFlip, segmentation.RandomFlipByOpenCV)
    generator, flipped = np.random.default_rng(0), set()
    for seed in range(8):
        results = {
            'img': photo(generator, (21, 34)).astype(dtype),
            'gt_seg_map': blocks(generator, (21, 34), 5).astype(dtype),
            'gt_bboxes': np.array([[1.0, 2.0, 9.0, 7.0]], np.float32),
            'seg_fields': ['gt_seg_map'],
        }
        one, other = (
            run(kind(0.5, direction, swapped), copy.deepcopy(results), seed) for kind in kinds
        )
        assert_same(one, other)
        flipped.add(one[0]['flip'])
        if dtype is np.uint8:
            assert other[0]['img'].flags.c_contiguous
    assert flipped == {False, True}


def test_planes_are_packed_without_another_copy(monkeypatch):
    made, by_planes = [], pixels.by_planes
    monkeypatch.setattr(
        pixels, 'by_planes', lambda image: made.append(by_planes(image)) or made[-1]
    )
    packed = segmentation.PackSegInputsByPlanes().transform({'img': levels(0)[2:, 3:]})
    assert packed['inputs'].data_ptr() == made[0].ctypes.data


@pytest.mark.parametrize('shape', [(5, 4), (5, 4, 1), (5, 4, 4)])
@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_other_arrays_than_photos_are_packed_too(shape, dtype):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    for view in (image, image[:, ::-1]):
        packed = [
            kind().transform({'img': view})
            for kind in (PackSegInputs, segmentation.PackSegInputsByPlanes)
        ]
        assert_same(*packed)
    assert 'inputs' not in segmentation.PackSegInputsByPlanes().transform({})


@pytest.mark.parametrize(
    'name', ['r50_baseline_ade20k', 'r50_rm_ade20k', 'r18_cutmix_mini', 'r18_rm_mini_full']
)
def test_recipes_differ_from_the_stock_pipeline_only_in_names(stock, name):
    ours = steps(f'segmentation/upernet_{name}.py')
    assert [step['type'] for step in ours] == OUR_TYPES
    scale, crop = ((640, 160), (128, 128)) if 'mini' in name else ((2048, 512), (512, 512))
    expected = copy.deepcopy(stock)
    expected[2].update(scale=scale)
    expected[3].update(crop_size=crop)
    assert [step | {'type': STOCK_NAMES.get(step['type'], step['type'])} for step in ours] == (
        expected
    )


def test_each_transform_is_a_subclass_of_its_stock_one(stock):
    for kind in OUR_TYPES[3:]:
        ours, theirs = TRANSFORMS.get(kind), TRANSFORMS.get(STOCK_NAMES[kind])
        assert ours.__bases__[-1] is theirs
        assert pickle.loads(pickle.dumps(ours)) is ours
