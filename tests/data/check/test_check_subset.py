import json

import check_sets
import pytest
from check_sets import check, imagenet, whole

from rm_mm.data.catalog import imagenet_wnids

pytestmark = pytest.mark.usefixtures('small')
FIRST = 'train/n01440764/n01440764_0.JPEG'


@pytest.fixture
def root(tmp_path):
    imagenet(tmp_path)
    return tmp_path


def stamp(root, **entries):
    content = {'schema_version': 1, 'name': 'imagenet', 'images_a_class': 1}
    content |= {'counts': {'train': 3, 'val': 3}} | entries
    (root / 'rm_mm_subset.json').write_text(json.dumps(content))


def test_subset_is_compared_with_its_stamp(root):
    for wnid in check_sets.WNIDS:
        (root / f'train/{wnid}/{wnid}_1.JPEG').unlink()
    assert check('imagenet', root).total == 1
    stamp(root)
    result = check('imagenet', root)
    fingerprint = whole(result)
    assert result.subset
    stamp(root, images_a_class=2)
    assert whole(check('imagenet', root)) == fingerprint
    stamp(root, counts={'train': 4, 'val': 3}, images_a_class=2)
    result = check('imagenet', root)
    assert result.problems == ['train holds 3 images, expected 4 (subset stamp): 1 missing']


def test_subset_with_too_many_images_of_a_class(root):
    for wnid in check_sets.WNIDS:
        (root / f'train/{wnid}/{wnid}_1.JPEG').unlink()
    (root / 'train/n01443537/n01443537_0.JPEG').rename(root / 'train/n01440764/other.JPEG')
    stamp(root)
    assert check('imagenet', root).problems == [
        'train/n01440764 holds 2 images, expected 1',
        'train/n01443537 holds no images',
    ]


def test_subset_with_too_few_images_of_a_class(root):
    (root / FIRST).rename(root / 'train/n01443537/other.JPEG')
    stamp(root, images_a_class=2, counts={'train': 6, 'val': 3})
    assert check('imagenet', root).problems == [
        'train/n01440764 holds 1 images, expected 2',
        'train/n01443537 holds 3 images, expected 2',
    ]


@pytest.mark.parametrize(
    ('entries', 'message'),
    [
        ({'name': 'coco'}, 'belongs to coco, not to imagenet'),
        ({'schema_version': 2}, 'schema_version: Input should be 1'),
        ({'counts': {'train': '3'}}, 'counts: train: Input should be a valid integer'),
        ({'counts': [3]}, 'counts: Input should be an object'),
    ],
)
def test_invalid_stamp(root, entries, message):
    stamp(root, **entries)
    (problem,) = check('imagenet', root).problems
    assert problem.startswith('rm_mm_subset.json')
    assert message in problem


def test_published_classes(tmp_path, monkeypatch):
    """All 1000, one image each, as a subset."""
    monkeypatch.undo()
    wnids = imagenet_wnids()
    assert (len(set(wnids)), list(wnids)) == (1000, sorted(wnids))
    # The first, the last, and two whose labels everyone knows: 207 golden retriever, 281 tabby.
    assert (wnids[0], wnids[999]) == ('n01440764', 'n15075141')
    assert (wnids[207], wnids[281]) == ('n02099601', 'n02123045')
    for split in ('train', 'val'):
        for wnid in wnids:
            (tmp_path / split / wnid).mkdir(parents=True)
            (tmp_path / split / wnid / 'x.JPEG').write_text('x')
    stamp(tmp_path, counts={'train': 1000, 'val': 1000})
    result = check('imagenet', tmp_path)
    whole(result)
    assert result.classes == 1000
