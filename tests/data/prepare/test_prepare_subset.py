"""Subsets: N images per class, the same ones from archives and from whole data sets."""

import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from rm_mm.cli import main
from rm_mm.data.catalog import SUBSET_STAMP
from rm_mm.data.prepare.subsets import closest, covering
from tests.data.prepare import archives


def prepare(name, root, source, *options):
    return main(['data', 'prepare', name, str(root), '--archives', str(source), *options])


def stamp(root):
    return json.loads((root / SUBSET_STAMP).read_text())


@pytest.mark.parametrize(
    ('name', 'make'),
    [('imagenet', archives.imagenet), ('coco', archives.coco), ('ade20k', archives.ade20k)],
)
def test_same_subset_from_archives_and_from_the_whole_data_set(tmp_path, name, make):
    make(tmp_path / 'a')
    assert prepare(name, tmp_path / 'whole', tmp_path / 'a') == 0
    assert prepare(name, tmp_path / 'one', tmp_path / 'a', '--subset', '2') == 0
    assert prepare(name, tmp_path / 'two', tmp_path / 'whole', '--subset', '2') == 0
    one, two = (archives.files(tmp_path / root) for root in ('one', 'two'))
    assert one == two
    whole = archives.files(tmp_path / 'whole')
    images = {path for path in one if path.lower().endswith(('.jpg', '.jpeg', '.png'))}
    assert images < set(whole)
    assert all(one[path] == whole[path] for path in images)


def test_imagenet_has_n_images_per_class(tmp_path):
    archives.imagenet(tmp_path / 'a', each=5)
    root = tmp_path / 'r'
    assert prepare('imagenet', root, tmp_path / 'a', '--subset', '2') == 0
    assert stamp(root) == {
        'schema_version': 1,
        'name': 'imagenet',
        'images_a_class': 2,
        # Three classes; of the six validation images each class has two.
        'counts': {'train': 6, 'val': 6},
    }
    counts = Counter(path.parent.name for path in root.glob('train/*/*'))
    assert counts == dict.fromkeys(archives.WNIDS, 2)


def test_coco_shows_each_category_and_cuts_the_annotations(tmp_path):
    archives.coco(tmp_path / 'a', train=8)
    root = tmp_path / 'r'
    assert prepare('coco', root, tmp_path / 'a', '--subset', '2') == 0
    content = json.loads((root / 'annotations/instances_train2017.json').read_text())
    there = {path.name for path in (root / 'train2017').iterdir()}
    assert {image['file_name'] for image in content['images']} == there
    assert len(there) == stamp(root)['counts']['train2017'] < 8
    shown = Counter(annotation['category_id'] for annotation in content['annotations'])
    # Category 3 is in one image of all.
    assert shown[1] >= 2
    assert shown[2] >= 2
    assert shown[3] == 1
    ids = {image['id'] for image in content['images']}
    assert {annotation['image_id'] for annotation in content['annotations']} == ids
    assert [category['id'] for category in content['categories']] == [1, 2, 3]
    assert content['licenses'] == [{'id': 1}]


def test_ade20k_shows_each_class(tmp_path):
    archives.ade20k(tmp_path / 'a', count=5)
    assert prepare('ade20k', tmp_path / 'r', tmp_path / 'a', '--subset', '1') == 0
    root = tmp_path / 'r' / 'ADEChallengeData2016'
    # Each image has a class of its own, so all of them are needed.
    assert stamp(root)['counts'] == {'training': 5, 'validation': 5}
    assert len(list((root / 'images/training').iterdir())) == 5


def test_cifar_images_keep_their_labels(tmp_path):
    from rm_mm.data.cifar import LocalCIFAR10

    archives.cifar10(tmp_path / 'a', each=3)
    root = tmp_path / 'r'
    assert prepare('cifar10', root, tmp_path / 'a', '--subset', '2') == 0
    assert stamp(root)['counts'] == {'train': 20, 'test': 20}
    for split in ('train', 'test'):
        data = LocalCIFAR10(data_root=str(root), split=split).load_data_list()
        assert Counter(sample['gt_label'] for sample in data) == dict.fromkeys(range(10), 2)
        # An image is of the value ten times its label and its number below ten.
        assert all(sample['img'].mean() // 10 == sample['gt_label'] for sample in data)


def test_cifar_from_batches_and_from_images(tmp_path):
    archives.cifar10(tmp_path / 'a', each=3)
    assert prepare('cifar10', tmp_path / 'whole', tmp_path / 'a') == 0
    assert prepare('cifar10', tmp_path / 'one', tmp_path / 'a', '--subset', '2') == 0
    assert prepare('cifar10', tmp_path / 'two', tmp_path / 'whole', '--subset', '2') == 0
    assert archives.files(tmp_path / 'one') == archives.files(tmp_path / 'two')
    assert prepare('cifar10', tmp_path / 'three', tmp_path / 'one', '--subset', '1') == 0
    assert stamp(tmp_path / 'three')['counts'] == {'train': 10, 'test': 10}


def test_custom_class_folders(tmp_path):
    for split in ('train', 'val'):
        for name, count in (('cat', 4), ('dog', 1)):
            for number in range(count):
                path = tmp_path / 'mine' / split / name / f'{number}.png'
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(path)
    assert prepare('custom', tmp_path / 'r', tmp_path / 'mine', '--subset', '2') == 0
    assert stamp(tmp_path / 'r')['counts'] == {'train': 3, 'val': 3}
    assert main(['data', 'check', 'custom', str(tmp_path / 'r'), '--deep']) == 0


def test_check_recognises_a_subset(tmp_path, capsys):
    archives.cifar10(tmp_path / 'a', each=3)
    assert prepare('cifar10', tmp_path / 'r', tmp_path / 'a', '--subset', '2') == 0
    assert main(['data', 'check', 'cifar10', str(tmp_path / 'r')]) == 0
    assert 'a subset' in capsys.readouterr().out
    next((tmp_path / 'r').glob('train/*/*.png')).unlink()
    assert main(['data', 'check', 'cifar10', str(tmp_path / 'r')]) == 1


@pytest.mark.parametrize(
    ('first', 'second', 'words'),
    [
        ([], ['--subset', '2'], 'choose another ROOT'),
        (['--subset', '2'], [], 'holds a subset'),
        (['--subset', '2'], ['--subset', '1'], 'was prepared for 2 images per class'),
    ],
)
def test_whole_data_sets_and_subsets_are_kept_apart(tmp_path, capsys, first, second, words):
    import re

    archives.imagenet(tmp_path / 'a')
    assert prepare('imagenet', tmp_path / 'r', tmp_path / 'a', *first) == 0
    before = archives.files(tmp_path / 'r')
    capsys.readouterr()
    assert prepare('imagenet', tmp_path / 'r', tmp_path / 'a', *second) == 2
    assert re.search(words, capsys.readouterr().err)
    assert archives.files(tmp_path / 'r') == before
    assert prepare('imagenet', tmp_path / 'r', tmp_path / 'a', *first) == 0


def test_interrupted_subset_resumes(tmp_path, monkeypatch):
    archives.coco(tmp_path / 'a')
    with archives.cut_after(monkeypatch, 2):
        assert prepare('coco', tmp_path / 'r', tmp_path / 'a', '--subset', '2') == 130
    assert not (tmp_path / 'r' / SUBSET_STAMP).exists()
    assert prepare('coco', tmp_path / 'r', tmp_path / 'a', '--subset', '2') == 0
    prepare('coco', tmp_path / 'other', tmp_path / 'a', '--subset', '2')
    assert archives.files(tmp_path / 'r') == archives.files(tmp_path / 'other')


def test_choice_is_independent_of_order_and_folder():
    names = [f'{number}.jpg' for number in range(50)]
    chosen = closest(names, 5)
    assert len(chosen) == 5
    assert closest(reversed(names), 5) == chosen
    assert closest([f'a/{name}' for name in names], 5) == [f'a/{name}' for name in chosen]
    assert closest(names[:3], 5) == sorted(names[:3], key=closest(names[:3], 3).index)


def test_rare_classes_are_covered_with_few_images():
    # Class 0 is in all of 20 images, class 1 in two, class 2 in one of these.
    classes = {f'{number}': {0} for number in range(20)}
    classes['3'], classes['7'] = {0, 1}, {0, 1, 2}
    assert covering(classes, 1) == ['7']
    assert covering(classes, 2) == ['3', '7']
    assert len(covering(classes, 5)) == 5


def test_subset_of_coco_is_valid_custom_data(tmp_path, capsys):
    archives.coco(tmp_path / 'a', train=8)
    assert prepare('coco', tmp_path / 'r', tmp_path / 'a', '--subset', '2') == 0
    assert main(['data', 'check', 'custom', str(tmp_path / 'r')]) == 0
    assert 'instances_train2017' in capsys.readouterr().out


def test_hidden_system_files_are_not_counted(tmp_path, monkeypatch):
    archives.imagenet(tmp_path / 'a')
    root = tmp_path / 'r'
    with archives.cut_after(monkeypatch, 1):
        assert prepare('imagenet', root, tmp_path / 'a', '--subset', '2') == 130
    (root / 'train' / archives.WNIDS[0] / '.DS_Store').write_bytes(b'x')
    with archives.cut_after(monkeypatch, 4):
        assert prepare('imagenet', root, tmp_path / 'a', '--subset', '2') == 130
    assert prepare('imagenet', root, tmp_path / 'a', '--subset', '2') == 0
    assert stamp(root)['counts'] == {'train': 6, 'val': 6}


def test_subset_notes_archives_that_are_not_published(tmp_path, capsys):
    archives.cifar10(tmp_path / 'a')
    assert prepare('cifar10', tmp_path / 'r', tmp_path / 'a', '--subset', '2') == 0
    assert 'cifar-10-python.tar.gz is not the published file' in capsys.readouterr().err
