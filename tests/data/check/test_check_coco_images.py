import pytest
from check_sets import check, coco, cut, image, whole

pytestmark = pytest.mark.usefixtures('small')
VAL = 'annotations/instances_val2017.json'
ONE = '000000000001.jpg'


@pytest.fixture
def root(tmp_path):
    coco(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ('broken', 'start'),
    [
        (lambda root: (root / VAL).unlink(), f'{VAL} is missing'),
        (
            lambda root: (root / 'val2017' / ONE).unlink(),
            f'val2017/{ONE} is missing, but listed in {VAL}',
        ),
        (lambda root: image(root / 'val2017/2.jpg'), 'val2017/2.jpg has no entry in'),
        (
            lambda root: (root / 'val2017/2.txt').write_text('x'),
            'val2017/2.txt is not an image',
        ),
        (
            lambda root: (root / 'val2017' / ONE).write_bytes(b''),
            f'val2017/{ONE} is empty (0 bytes)',
        ),
        (
            lambda root: (root / 'val2017' / ONE).write_text('<html>'),
            f"val2017/{ONE} is not an image: it starts with b'<html>'",
        ),
        (
            lambda root: image(root / 'val2017' / ONE, format='PNG'),
            f'val2017/{ONE} is a PNG image with the suffix .jpg',
        ),
        (
            lambda root: (root / 'val2017/loop').symlink_to(root / 'val2017'),
            'val2017/loop is a link to a folder that contains it',
        ),
        (
            lambda root: (root / 'val2017').rename(root / 'val'),
            'val2017 is missing: expected val2017/*.jpg',
        ),
    ],
)
def test_problem_of_the_images_is_named(root, broken, start):
    broken(root)
    problems = check('coco', root).problems
    assert any(problem.startswith(start) for problem in problems)
    # An image more, or less, is also one in the count.
    assert len(problems) - any('holds' in problem for problem in problems) == 1


def test_truncated_image_is_found_by_a_deep_check_only(root):
    image(root / 'val2017' / ONE, (8, 6), quality=100)
    cut(root / 'val2017' / ONE)
    whole(check('coco', root))
    (problem,) = check('coco', root, deep=True).problems
    assert f'val2017/{ONE} is damaged: image file is truncated' in problem


def test_decompression_bomb_is_one_problem(root, monkeypatch):
    # 8 x 6 pixels are more than twice 20, which is where Pillow stops.
    monkeypatch.setattr('PIL.Image.MAX_IMAGE_PIXELS', 20)
    result = check('coco', root)
    assert result.total == 4
    assert 'is larger than Pillow allows' in result.problems[0]
