import mmcv
import numpy as np
import pytest

from rm_mm.data.transforms import pixels
from tests.data.transforms.pipelines import SIZES, photo

DIRECTIONS = ('horizontal', 'vertical', 'diagonal')


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.mark.parametrize('size', [*SIZES, (1, 1), (150, 1), (1, 7)])
@pytest.mark.parametrize('direction', DIRECTIONS)
def test_mirrored_images_are_new_arrays(generator, size, direction):
    image = photo(generator, size)
    for part in (image, image[:, :, 1].copy(), image[size[0] // 3 :, size[1] // 3 :]):
        before = part.copy()
        flipped = pixels.mirrored(part, direction)
        assert np.array_equal(flipped, mmcv.imflip(before, direction))
        assert np.array_equal(part, before)
        assert flipped.flags.c_contiguous
        assert not np.shares_memory(flipped, part)


@pytest.mark.parametrize('size', [*SIZES, (1, 1), (150, 1), (1, 7)])
@pytest.mark.parametrize('direction', [None, *DIRECTIONS])
def test_planes_are_contiguous(generator, size, direction):
    image = photo(generator, size)
    before = image.copy()
    for part in (image, image[size[0] // 3 :, size[1] // 3 :]):
        view = mmcv.imflip(part, direction) if direction else part
        planes = pixels.by_planes(view)
        assert np.array_equal(planes, view)
        assert planes.transpose(2, 0, 1).flags.c_contiguous
        assert not np.shares_memory(planes, image)
    assert np.array_equal(image, before)


def test_through_a_table(generator):
    image, table = photo(generator, (40, 30)), generator.permutation(256).astype(np.uint8)
    assert np.array_equal(pixels.through_table(image, table), table[image])
    expected = image.copy()
    expected[:, :, 1] = table[image[:, :, 1]]
    assert np.array_equal(pixels.through_table(image.copy(), table, 1), expected)


def test_labels_are_counted_without_the_ignored_one():
    # 0 three times, 7 once, 255 twice.
    labels = np.array([[0, 7, 0], [255, 0, 255]], np.uint8)
    assert pixels.level_counts(labels, 255).tolist() == [3, 1]
    assert pixels.level_counts(labels, 7).tolist() == [3, 2]
    assert pixels.level_counts(labels, -1).tolist() == [3, 1, 2]
    assert pixels.level_counts(labels.astype(np.int64) * 300, 255).tolist() == [3, 1, 2]
    assert pixels.level_counts(labels[1:, ::2], 255).tolist() == []


def test_labels_are_only_sorted_if_single_precision_cannot_count_them(monkeypatch):
    sorted_sizes, unique = [], np.unique

    def recorded(labels, **kwargs):
        sorted_sizes.append(labels.size)
        return unique(labels, **kwargs)

    monkeypatch.setattr(np, 'unique', recorded)
    # 2**24 + 1 is the first whole number that single precision lacks.
    large = np.broadcast_to(np.uint8(3), (1, 2**24 + 1))
    assert pixels.level_counts(large, 255).tolist() == [2**24 + 1]
    assert sorted_sizes == [2**24 + 1]
    assert pixels.level_counts(np.full((512, 512), 3, np.uint8), 255).tolist() == [512 * 512]
    assert sorted_sizes == [2**24 + 1]


def test_what_counts_as_a_photo():
    assert pixels.is_photo(np.zeros((2, 2, 3), np.uint8))
    for other in ((2, 2), (2, 2, 1), (2, 2, 4), (1, 2, 2, 3)):
        assert not pixels.is_photo(np.zeros(other, np.uint8))
    assert not pixels.is_photo(np.zeros((2, 2, 3), np.float32))
