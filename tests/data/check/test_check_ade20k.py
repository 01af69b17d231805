import pytest
from check_sets import ade20k, check, cut, image, mask, whole

pytestmark = pytest.mark.usefixtures('small')
IMAGE = 'images/training/ADE_1.jpg'
MASK = 'annotations/training/ADE_1.png'


@pytest.fixture
def root(tmp_path):
    ade20k(tmp_path / 'ADEChallengeData2016')
    return tmp_path / 'ADEChallengeData2016'


def test_complete_data_set_by_either_root(root):
    result = check('ade20k', root)
    whole(result)
    assert result.counts == {'training': 2, 'validation': 1}
    assert result.classes == 150
    assert whole(check('ade20k', root.parent)) == result.fingerprint
    assert whole(check('ade20k', root, deep=True)) == result.fingerprint


@pytest.mark.parametrize(
    ('broken', 'sentences'),
    [
        (
            lambda root: mask(root / MASK, (0, 150, 151, 255)),
            [f'{MASK} has the label 151, 255: expected 0 to 150'],
        ),
        (
            lambda root: image(root / MASK),
            [f'{MASK} is RGB: expected one channel of labels'],
        ),
        (
            lambda root: mask(root / MASK, size=(6, 8)),
            [f'{MASK} has 6 x 8 pixels, but its image 8 x 6'],
        ),
        (
            lambda root: (root / MASK).unlink(),
            [f'{IMAGE} has no mask: expected {MASK}'],
        ),
        (
            lambda root: (root / IMAGE).unlink(),
            [
                'training holds 1 images, expected 2 (published): 1 missing',
                f'{MASK} has no image: expected {IMAGE}',
            ],
        ),
        (
            lambda root: (root / MASK).write_bytes(b''),
            [f'{MASK} is empty (0 bytes)'],
        ),
        (
            lambda root: (root / IMAGE).rename(root / 'images/training/ADE_1.JPG'),
            [
                'images/training/ADE_1.JPG is not read by mmsegmentation: rename it to .jpg',
                'training holds 1 images, expected 2 (published): 1 missing',
                f'{MASK} has no image: expected {IMAGE}',
            ],
        ),
        (
            lambda root: (root / 'images/training/readme.txt').write_text('x'),
            ['images/training/readme.txt is not read: expected the suffix .jpg'],
        ),
        (
            lambda root: (root / 'annotations/validation').rename(root / 'annotations/val'),
            ['annotations/validation is missing: expected annotations/validation/*.png'],
        ),
        (
            lambda root: (root / IMAGE).write_text('x'),
            [f"{IMAGE} is not an image: it starts with b'x'"],
        ),
    ],
)
def test_problem_is_named(root, broken, sentences):
    broken(root)
    result = check('ade20k', root)
    assert result.problems == sentences
    assert result.total == len(sentences)


def test_truncated_masks_are_always_found_and_images_by_a_deep_check(root):
    image(root / MASK, (40, 30), mode='L')
    image(root / IMAGE, (40, 30), quality=100)
    cut(root / IMAGE)
    cut(root / MASK)
    (masked,) = check('ade20k', root).problems
    assert masked.startswith(f'{MASK} is damaged: ')
    assert check('ade20k', root, deep=True).total == 2


def test_unknown_split_is_a_note(root):
    (root / 'images/testing').mkdir()
    result = check('ade20k', root)
    whole(result)
    assert result.notes == ["images/'testing' is not a split of ADE20K: not checked"]


def test_pixel_of_a_mask_changes_the_fingerprint(root):
    before = whole(check('ade20k', root))
    size = (root / MASK).stat().st_size
    mask(root / MASK, (0, 2, 150))
    assert (root / MASK).stat().st_size == size
    assert whole(check('ade20k', root)) != before


def test_empty_root(tmp_path):
    assert check('ade20k', tmp_path).total == 4
