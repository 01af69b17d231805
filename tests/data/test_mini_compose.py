"""Composed images are independent of each other, and their masks match what is visible."""

import numpy as np
import pytest

from rm_mm.data.mini import CLASSES
from rm_mm.data.mini.articles import article
from rm_mm.data.mini.compose import cut, generator, object_image, scene
from rm_mm.data.mini.textures import background, pattern

GREY = np.full(3, 0.5, np.float32)


@pytest.fixture(scope='module')
def scenes():
    return [scene(7, 'train', number) for number in range(40)]


def test_an_image_does_not_depend_on_earlier_ones():
    later, label = object_image(3, 'train', 25)
    for number in range(3):
        object_image(3, 'train', number)
    again, _ = object_image(3, 'train', 25)
    assert label == 25 % 10
    assert np.array_equal(later, again)
    assert np.array_equal(scene(3, 'val', 4).image, scene(3, 'val', 4).image)


@pytest.mark.parametrize('other', [(4, 'train', 25), (3, 'val', 25), (3, 'train', 35)])
def test_seed_split_and_number_all_change_the_image(other):
    assert not np.array_equal(object_image(3, 'train', 25)[0], object_image(*other)[0])


def test_kinds_of_images_use_different_random_streams():
    draws = {kind: generator(0, kind, 'train', 0).random() for kind in ('object', 'scene')}
    assert draws['object'] != draws['scene']


def test_object_images_are_coloured_and_cover_all_classes():
    images, labels = zip(*(object_image(0, 'val', number) for number in range(30)), strict=True)
    assert sorted(labels) == sorted(list(range(10)) * 3)
    for image in images:
        assert image.shape == (64, 64, 3)
        assert image.dtype == np.uint8
        assert np.ptp(image.astype(int), axis=2).mean() > 3
    # Neither brightness nor hue may reveal the class: images of one class differ in both.
    means = np.array([image.mean(axis=(0, 1)) for image in images]).reshape(3, 10, 3)
    assert (means.std(axis=0) > 3).any(axis=1).all()


@pytest.mark.parametrize('side', [20.0, 43.5, 80.0])
@pytest.mark.parametrize('name', ['sandal', 'trouser', 'coat'])
def test_a_cutting_has_the_requested_size(name, side):
    rng = np.random.default_rng(0)
    for number in range(5):
        cutting = cut(rng, article('train', CLASSES.index(name), number), side, GREY)
        assert cutting.rgb.shape == (3, *cutting.mask.shape)
        # Interpolation moves each end of the outline by at most a pixel.
        assert abs(max(cutting.mask.shape) - side) <= 2
        for edge in (0, -1):
            assert cutting.mask[edge].any()
            assert cutting.mask[:, edge].any()


def test_a_cutting_shows_the_article():
    """A cutting of the size of the tile is the silhouette, except for rotation and flip."""
    source = article('train', CLASSES.index('pullover'), 0)
    columns = np.flatnonzero(source.cover.any(0))
    rows = np.flatnonzero(source.cover.any(1))
    side = max(np.ptp(columns), np.ptp(rows)) + 1
    areas = [
        cut(np.random.default_rng(seed), source, float(side), GREY).mask.sum() for seed in range(20)
    ]
    # Turning by 20 degrees widens the box by up to 1.28 (sin + cos), which costs area 1.28 squared.
    assert source.cover.sum() * 1.1 > max(areas) > source.cover.sum() * 0.9
    assert min(areas) > source.cover.sum() / 1.28**2 * 0.9


def test_scenes_hold_two_to_six_articles_of_20_to_80_pixels(scenes):
    counts = [len(composed.instances) for composed in scenes]
    assert min(counts) == 2
    assert max(counts) == 6
    sides = []
    for composed in scenes:
        assert composed.image.shape == (160, 160, 3)
        # The last article is not covered, so its box is that of the whole article.
        rows, columns = np.nonzero(composed.instances[-1].mask)
        sides.append(max(np.ptp(rows), np.ptp(columns)) + 1)
    assert 20 <= min(sides) < 35
    assert 65 < max(sides) <= 80


def test_visible_parts_do_not_overlap_and_stay_recognisable(scenes):
    touching = 0
    for composed in scenes:
        claims = sum(instance.mask.astype(int) for instance in composed.instances)
        assert claims.max() == 1
        for instance in composed.instances:
            # Sandals of 20 pixels are the smallest: about 80 pixels, of which 30 % are visible.
            assert instance.mask.sum() >= 20
        boxes = [np.argwhere(instance.mask) for instance in composed.instances]
        spans = [(box.min(0), box.max(0)) for box in boxes]
        touching += any(
            (low_a <= high_b).all() and (low_b <= high_a).all()
            for index, (low_a, high_a) in enumerate(spans)
            for low_b, high_b in spans[:index]
        )
    # Most scenes have articles close enough to cover one another.
    assert touching > len(scenes) / 2


def test_articles_are_where_their_masks_are():
    """A scene differs from its background only inside the masks."""
    for number in range(5):
        composed = scene(11, 'train', number)
        # The background is drawn first from the generator of the scene.
        empty = background(generator(11, 'scene', 'train', number), 160, 160) * 255
        difference = np.abs(composed.image.astype(float) - empty.transpose(1, 2, 0)).max(axis=2)
        inside = np.any([instance.mask for instance in composed.instances], axis=0)
        # The standard deviation of the noise is at most 0.03 x 255 = 8 levels, far below 60.
        assert (difference[~inside] > 60).mean() < 0.02
        assert difference[inside].mean() > 2 * difference[~inside].mean()


def test_a_scene_too_small_for_its_articles_is_rejected():
    with pytest.raises(ValueError, match='160 pixels or more, got 100'):
        scene(0, 'train', 0, size=100)
    assert scene(0, 'train', 0, size=200).image.shape == (200, 200, 3)


def test_textures_vary_within_their_range():
    rng = np.random.default_rng(5)
    for _ in range(30):
        drawn = pattern(rng, 48, 64)
        assert drawn.shape == (48, 64)
        assert drawn.dtype == np.float32
        assert -1 <= drawn.min() < drawn.max() <= 1
        painted = background(rng, 48, 64)
        assert painted.shape == (3, 48, 64)
        assert painted.min() >= 0
        assert painted.max() <= 1
        assert painted.std(axis=(1, 2)).max() > 0.005
