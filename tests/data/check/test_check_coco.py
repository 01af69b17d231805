import json

import check_sets
import pytest
from check_sets import check, coco, edit, whole

pytestmark = pytest.mark.usefixtures('small')
TRAIN = 'annotations/instances_train2017.json'
VAL = 'annotations/instances_val2017.json'
ONE = '000000000001.jpg'


@pytest.fixture
def root(tmp_path):
    coco(tmp_path)
    return tmp_path


def test_complete_data_set(root):
    result = check('coco', root)
    whole(result)
    assert result.counts == {'train2017': 3, 'val2017': 1}
    assert result.classes == 80
    assert result.notes == [f'{TRAIN}: 1 images have no annotations']
    whole(check('coco', root, deep=True))


def image_entry(**entries):
    return lambda content: content['images'][0].update(entries)


def box(*values):
    return annotation(bbox=list(values))


def annotation(**entries):
    return lambda content: content['annotations'][0].update(entries)


def swap(content):
    """Categories 2 and 3 change places."""
    listed = content['categories']
    listed[1], listed[2] = listed[2], listed[1]


@pytest.mark.parametrize(
    ('change', 'sentences'),
    [
        (
            image_entry(file_name='none.jpg'),
            [
                f'train2017/none.jpg is missing, but listed in {TRAIN}',
                f'train2017/{ONE} has no entry in {TRAIN}',
            ],
        ),
        (
            image_entry(file_name='../val2017/' + ONE),
            [
                f'{TRAIN}: ../val2017/{ONE} is outside the folder of images',
                f'train2017/{ONE} has no entry in {TRAIN}',
            ],
        ),
        (
            image_entry(width=9),
            [f'train2017/{ONE} has 8 x 6 pixels, but 9 x 6 in {TRAIN}'],
        ),
        (
            image_entry(width='8'),
            [f"{TRAIN}: {ONE} needs width and height in whole pixels, has ['8', 6]"],
        ),
        (
            lambda content: content['images'].append(content['images'][0] | {'file_name': 'x.jpg'}),
            [f'{TRAIN}: x.jpg and {ONE} both have the image id 1'],
        ),
        (
            lambda content: content['images'].append(content['images'][0] | {'id': 7}),
            [f'{TRAIN}: {ONE} is listed twice, as image 1 and 7'],
        ),
        (
            lambda content: content['images'].append(5),
            [f'{TRAIN}: images[3] is not an object: 5'],
        ),
        (
            lambda content: content['images'].append({'id': [1]}),
            [f"{TRAIN}: images[3] needs id and file_name, has {{'id': [1]}}"],
        ),
        (
            annotation(id=102),
            [f'{TRAIN}: annotation 102 occurs twice'],
        ),
        (
            annotation(image_id=9),
            [f'{TRAIN}: annotation 101 has image id 9, which is not in "images"'],
        ),
        (
            annotation(category_id=12),
            [f'{TRAIN}: annotation 101 has category id 12, which is not in "categories"'],
        ),
        (
            annotation(image_id=None),
            [f'{TRAIN}: annotations[0] needs id, image_id and category_id'],
        ),
        (
            box(0, 0, float('nan'), 1),
            [f'{TRAIN}: annotation 101 of {ONE} has a box that is not finite: [0, 0, nan, 1]'],
        ),
        (
            box(0, 0, 10**400, 1),
            None,
        ),
        (
            box(1, 1, 3, 0),
            [f'{TRAIN}: annotation 101 of {ONE} has a box without area: [1, 1, 3, 0]'],
        ),
        (
            box(1, 1, -3, 2),
            [f'{TRAIN}: annotation 101 of {ONE} has a box without area: [1, 1, -3, 2]'],
        ),
        (
            box(1, 1, 9, 2),
            [
                f'{TRAIN}: annotation 101 of {ONE} has a box outside the image of 8 x 6: '
                '[1, 1, 9, 2]'
            ],
        ),
        (
            box(-2, 1, 3, 2),
            [
                f'{TRAIN}: annotation 101 of {ONE} has a box outside the image of 8 x 6: '
                '[-2, 1, 3, 2]'
            ],
        ),
        # Less than a pixel beyond, as rounding leaves it.
        (box(7, 5, 1.3, 1.01), []),
        (
            box(1, 2, 3),
            [
                f'{TRAIN}: annotation 101 of {ONE} has no box of four numbers '
                '[x, y, width, height]: [1, 2, 3]'
            ],
        ),
        (
            lambda content: content['categories'].pop(1),
            [f'{TRAIN}: category 2 (bicycle) is missing'],
        ),
        (
            lambda content: content['categories'].append({'id': 91, 'name': 'hat'}),
            [f'{TRAIN}: category 91 (hat) is not a category of COCO'],
        ),
        (
            lambda content: content['categories'][1].update(name='bike'),
            [f'{TRAIN}: category 2 is called bike: expected bicycle'],
        ),
        (
            swap,
            [
                f'{TRAIN}: category 2 comes after 3: expected them in the order of their ids, '
                'which is that of the labels'
            ],
        ),
        (
            lambda content: content['categories'].append({'id': 1, 'name': 'person'}),
            [f'{TRAIN}: categories[80] (person) has the id 1 of person'],
        ),
        (
            lambda content: content.pop('categories'),
            [f'{TRAIN} has no list "categories": expected images, annotations, categories'],
        ),
    ],
)
def test_problem_in_the_annotations_is_named(root, change, sentences):
    edit(root / TRAIN, change)
    result = check('coco', root)
    if sentences is None:
        assert result.total == 1
        assert 'not finite' in result.problems[0]
        return
    assert result.problems == sentences
    assert result.total == len(sentences)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{"images": [', 'is not JSON: Expecting value'),
        ('', 'is not JSON'),
        ('[]', 'expected an object, got a list'),
        ('null', 'holds only null'),
        ('[' * 100_000, 'is not JSON: maximum recursion depth'),
    ],
)
def test_other_files_are_not_annotation_files(root, text, message):
    (root / VAL).write_text(text)
    result = check('coco', root)
    assert result.total == 1
    assert result.problems[0].startswith(VAL)
    assert message in result.problems[0]


def test_published_boxes_without_height_are_a_note(root):
    edit(root / TRAIN, lambda content: annotation(id=918, bbox=[1, 1, 2, 0.0])(content))
    result = check('coco', root)
    whole(result)
    assert '1 boxes have no area, as published (annotations 918)' in result.notes[0]
    edit(root / VAL, lambda content: annotation(id=918, bbox=[1, 1, 2, 0.0])(content))
    assert check('coco', root).total == 1


def test_categories_are_those_of_mmdetection():
    from mmdet.datasets import CocoDataset

    from rm_mm.data.catalog import COCO_CATEGORIES

    assert tuple(COCO_CATEGORIES.values()) == CocoDataset.METAINFO['classes']
    # https://cocodataset.org: person is 1, stop sign 13 (12 is unused), toothbrush 90.
    assert {1: 'person', 13: 'stop sign', 90: 'toothbrush'}.items() <= COCO_CATEGORIES.items()


def test_changed_annotation_changes_the_fingerprint(root):
    before = whole(check('coco', root))
    edit(root / TRAIN, box(1, 1, 2, 3))
    assert whole(check('coco', root)) != before
    assert json.loads((root / TRAIN).read_text())['annotations'][0]['bbox'] == [1, 1, 2, 3]


def test_equal_data_sets_have_the_same_fingerprint(root, tmp_path):
    check_sets.coco(tmp_path / 'again')
    assert whole(check('coco', root)) == whole(check('coco', tmp_path / 'again'))
