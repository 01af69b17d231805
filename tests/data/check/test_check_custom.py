import shutil

import pytest
from check_sets import check, coco_content, custom_classes, edit, image, mask, whole, write


def custom_coco(root):
    """Two annotation files whose images share a folder."""
    names = [f'{number}.jpg' for number in range(4)]
    for name in names:
        image(root / 'images' / name)
    for split, part in (('train', names[:3]), ('val', names[3:])):
        content = coco_content(part)
        content['categories'] = [dict(id=90, name='cell'), dict(id=7, name='nucleus')]
        write(root / f'annotations/{split}.json', content)


def custom_masks(root, masks='labels'):
    for split in ('train', 'val'):
        image(root / f'images/{split}/bonn/b_1_leftImg8bit.png')
        mask(root / f'{masks}/{split}/bonn/b_1_gtFine_labelTrainIds.png', (0, 18, 255))


@pytest.mark.parametrize(
    ('build', 'kind', 'counts', 'classes'),
    [
        (custom_classes, 'class folders', {'train': 2, 'val': 2}, 2),
        (custom_coco, 'COCO annotations', {'train': 3, 'val': 1}, 2),
        (custom_masks, 'images and masks', {'train': 1, 'val': 1}, None),
        (
            lambda root: custom_masks(root, 'annotations'),
            'images and masks',
            {'train': 1, 'val': 1},
            None,
        ),
    ],
)
def test_layout_is_detected(tmp_path, build, kind, counts, classes):
    build(tmp_path)
    result = check('custom', tmp_path)
    assert whole(result) == whole(check('custom', tmp_path, deep=True))
    assert (result.kind, result.counts, result.classes) == (kind, counts, classes)


@pytest.mark.parametrize(
    ('builders', 'found'),
    [
        ([], 'found none'),
        ([custom_classes, custom_masks], 'found several: class folders, images and masks'),
        # Boxes of YOLO are no masks.
        (
            [
                lambda root: write(root / 'labels/train/1.txt', '0 0 0 1 1'),
                lambda root: image(root / 'images/train/1.jpg'),
            ],
            'found none',
        ),
    ],
)
def test_no_or_several_layouts_are_one_problem(tmp_path, builders, found):
    for build in builders:
        build(tmp_path)
    result = check('custom', tmp_path)
    assert result.total == 1
    assert found in result.problems[0]
    assert 'annotations/*.json in the format of COCO' in result.problems[0]
    assert '\n' not in result.problems[0]


@pytest.mark.parametrize(
    ('build', 'broken', 'sentences'),
    [
        (
            custom_classes,
            lambda root: (root / 'val/dog').rename(root / 'val/wolf'),
            [
                'train/wolf is missing: it is a class in val',
                'val/dog is missing: it is a class in train',
            ],
        ),
        (
            custom_classes,
            lambda root: shutil.rmtree(root / 'val'),
            ['val is missing, and so is test: expected val/<class>/* or test/<class>/*'],
        ),
        (
            custom_classes,
            lambda root: (root / 'val/dog/1.jpg').unlink(),
            ['val/dog holds no images'],
        ),
        (
            custom_classes,
            lambda root: (root / 'val/dog/2.jpg').write_text('GIF'),
            ["val/dog/2.jpg is not an image: it starts with b'GIF'"],
        ),
        (
            custom_classes,
            lambda root: (
                [(root / f'val/{n}/1.jpg').rename(root / f'val/{n}.jpg') for n in ('cat', 'dog')]
                and [(root / f'val/{n}').rmdir() for n in ('cat', 'dog')]
            ),
            ['val holds 2 images directly, not in class folders'],
        ),
        (
            custom_coco,
            lambda root: (root / 'images/0.jpg').unlink(),
            ['images/0.jpg is missing, but listed in annotations/train.json'],
        ),
        (
            custom_coco,
            lambda root: image(root / 'images/5.jpg'),
            ['images/5.jpg has no entry in annotations/train.json and annotations/val.json'],
        ),
        (
            custom_coco,
            lambda root: edit(root / 'annotations/val.json', lambda c: c['categories'].reverse()),
            [
                'annotations/val.json has other categories, or another order of them, than '
                'annotations/train.json'
            ],
        ),
        (
            custom_coco,
            lambda root: edit(
                root / 'annotations/val.json', lambda c: c['images'][0].update(file_name='x/y.jpg')
            ),
            [
                'annotations/val.json lists 1 images, none of which is below the root',
                'images/3.jpg has no entry in annotations/train.json',
            ],
        ),
        (
            custom_coco,
            lambda root: write(root / 'annotations/test.json', '{'),
            None,
        ),
        (
            custom_masks,
            lambda root: (root / 'labels/val/bonn/b_1_gtFine_labelTrainIds.png').unlink(),
            ['images/val/bonn/b_1_leftImg8bit.png has no mask: expected labels/val/bonn/b_1.png'],
        ),
        (
            custom_masks,
            lambda root: image(root / 'labels/val/bonn/b_1_gtFine_labelTrainIds.png'),
            ['labels/val/bonn/b_1_gtFine_labelTrainIds.png is RGB: expected one channel of labels'],
        ),
        (
            custom_masks,
            lambda root: mask(root / 'labels/val/bonn/b_1_gtFine_labelIds.png'),
            [
                'labels/val/bonn/b_1_gtFine_labelTrainIds.png belongs to the same file as '
                "'b_1_gtFine_labelIds.png'"
            ],
        ),
    ],
)
def test_problem_is_named(tmp_path, build, broken, sentences):
    build(tmp_path)
    broken(tmp_path)
    result = check('custom', tmp_path)
    if sentences is None:
        assert result.total == 1
        assert result.problems[0].startswith('annotations/test.json is not JSON')
        return
    assert result.problems == sentences


def odd_masks(root):
    """A split without masks, an image without a mask, and a file of macOS."""
    custom_masks(root)
    image(root / 'images/\x1b[2J/1.png')
    image(root / 'images/train/\x1b[2J.png')
    write(root / 'images/\x1b[2J/._1.png', 'x')


def odd_annotations(root):
    """Two files with other categories, a missing image, and an image without annotations."""
    custom_coco(root)
    for name in ('\x1b[2J.json', '\x1b[2K.json'):
        content = coco_content(['1.jpg', 'none.jpg', '0.jpg'], bare=True)
        content['images'][0]['width'] = 9
        content['categories'].append(dict(id=len(name) + ord(name[3]), name=name))
        write(root / 'annotations' / name, content)


@pytest.mark.parametrize(('build', 'least'), [(odd_masks, 3), (odd_annotations, 6)])
def test_control_characters_in_names_are_escaped(tmp_path, build, least):
    build(tmp_path)
    result = check('custom', tmp_path)
    lines = [*result.problems, *result.notes]
    assert sum('\\x1b' in line for line in lines) >= least
    assert [line for line in lines if not line.isprintable()] == []


def test_annotation_file_without_boxes_is_a_note(tmp_path):
    custom_coco(tmp_path)
    write(tmp_path / 'annotations/captions.json', {'images': [], 'annotations': []})
    result = check('custom', tmp_path)
    whole(result)
    assert result.notes == ['annotations/captions.json has no boxes: not checked']


def test_image_folder_below_train_is_not_a_class(tmp_path):
    for split in ('train', 'val'):
        image(tmp_path / split / 'images' / '1.jpg')
        write(tmp_path / f'annotations/{split}.json', coco_content(['images/1.jpg']))
    result = check('custom', tmp_path)
    whole(result)
    assert result.kind == 'COCO annotations'


def test_images_in_folders_named_like_the_annotation_files(tmp_path):
    for split in ('train', 'val'):
        image(tmp_path / split / '1.jpg')
        write(tmp_path / f'annotations/instances_{split}.json', coco_content(['1.jpg']))
    result = check('custom', tmp_path)
    whole(result)
    (tmp_path / 'val/1.jpg').unlink()
    image(tmp_path / 'val/2.jpg')
    edit(
        tmp_path / 'annotations/instances_val.json',
        lambda content: content['images'][0].update(file_name='val/2.jpg'),
    )
    whole(check('custom', tmp_path))
