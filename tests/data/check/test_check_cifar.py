import pickle
import shutil
import tarfile

import numpy as np
import pytest
from check_sets import check, cifar10, cifar10_folders, image, whole

from rm_mm.data.catalog import CIFAR10_CLASSES, CIFAR100_CLASSES, PUBLISHED, Published

pytestmark = pytest.mark.usefixtures('small')
FOLDER = 'cifar-10-batches-py'


@pytest.fixture
def root(tmp_path):
    cifar10(tmp_path)
    return tmp_path


def pack(root):
    with tarfile.open(root / 'cifar-10-python.tar.gz', 'w:gz') as files:
        files.add(root / FOLDER, FOLDER)
    shutil.rmtree(root / FOLDER)


def test_root_folder_and_archive_give_the_same_fingerprint(root):
    result = check('cifar10', root)
    fingerprint = whole(result)
    assert (result.kind, result.counts) == ('batches', {'train': 50, 'test': 10})
    assert whole(check('cifar10', root / FOLDER)) == fingerprint
    pack(root)
    result = check('cifar10', root, deep=True)
    assert whole(result) == fingerprint
    assert (result.kind, result.counts) == ('archive', {'train': 50, 'test': 10})


def batch(root, labels, name='test_batch', **entries):
    data = np.zeros((len(labels), 3072), np.uint8)
    content = {b'data': data, b'labels': labels} | entries
    (root / FOLDER / name).write_bytes(pickle.dumps(content, protocol=2))


class Attack:
    def __reduce__(self):
        return (open, ('attacked', 'w'))


@pytest.mark.parametrize(
    ('broken', 'sentences'),
    [
        (
            lambda root: (root / FOLDER / 'data_batch_3').unlink(),
            [
                f'{FOLDER}/data_batch_3 is missing',
                'train holds 40 images, expected 50 (published): 10 missing',
                *(f'train holds 4 images of {name}, expected 5' for name in CIFAR10_CLASSES),
            ],
        ),
        (
            lambda root: batch(root, [0, 0, *range(2, 10)]),
            [
                'test holds 2 images of airplane, expected 1',
                'test holds no images of automobile (label 1)',
            ],
        ),
        (
            lambda root: batch(root, [10, *range(1, 10)]),
            [
                'test has the label 10 1 times: expected 0 to 9',
                'test holds no images of airplane (label 0)',
            ],
        ),
        (
            lambda root: (root / FOLDER / 'batches.meta').write_bytes(
                pickle.dumps({'label_names': ['automobile', 'airplane', *CIFAR10_CLASSES[2:]]})
            ),
            [
                f'{FOLDER}/batches.meta calls label 0 automobile: expected airplane',
                f'{FOLDER}/batches.meta calls label 1 airplane: expected automobile',
            ],
        ),
        (
            lambda root: (root / FOLDER / 'batches.meta').write_bytes(
                pickle.dumps({'label_names': CIFAR10_CLASSES[:9]})
            ),
            [f'{FOLDER}/batches.meta names 9 classes: expected 10'],
        ),
        (
            lambda root: (root / FOLDER / 'batches.meta').write_bytes(b'x'),
            None,
        ),
    ],
)
def test_problem_in_the_batches_is_named(root, broken, sentences):
    broken(root)
    result = check('cifar10', root)
    if sentences is None:
        assert result.total == 1
        assert 'batches.meta cannot be read' in result.problems[0]
        return
    assert result.problems == sentences


@pytest.mark.parametrize('content', [b'', b'no pickle', pickle.dumps({b'data': Attack()})])
def test_malicious_batch_runs_no_code(root, content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (root / FOLDER / 'test_batch').write_bytes(content)
    result = check('cifar10', root)
    assert result.problems[0].startswith(f'{FOLDER}/test_batch cannot be read: ')
    assert not (tmp_path / 'attacked').exists()


def test_truncated_archive(root):
    pack(root)
    archive = root / 'cifar-10-python.tar.gz'
    archive.write_bytes(archive.read_bytes()[:-20])
    problems = check('cifar10', root).problems
    assert any('is not the published archive' in problem for problem in problems)


def test_missing_class_names_are_a_note(root):
    (root / FOLDER / 'batches.meta').unlink()
    result = check('cifar10', root)
    whole(result)
    assert result.notes == ['batches.meta, with the names of the classes, is missing']


@pytest.fixture
def folders(tmp_path, monkeypatch):
    each = {'train': (1, 1), 'test': (1, 1)}
    monkeypatch.setitem(PUBLISHED, 'cifar10', Published({'train': 10, 'test': 10}, 10, each))
    cifar10_folders(tmp_path / 'folders')
    return tmp_path / 'folders'


def test_class_folders(folders):
    result = check('cifar10', folders)
    assert whole(result) == whole(check('cifar10', folders, deep=True))
    assert (result.kind, result.counts) == ('class folders', {'train': 10, 'test': 10})


@pytest.mark.parametrize(
    ('broken', 'sentences'),
    [
        (
            lambda root: (root / 'test/cat').rename(root / 'test/kitten'),
            [
                'test/cat is missing: it is a class of cifar10',
                'test/kitten is unexpected: it is not a class of cifar10',
            ],
        ),
        (
            lambda root: image(root / 'test/cat/1.png', (28, 28)),
            ['test/cat/1.png has 28 x 28 pixels, expected 32 x 32'],
        ),
        (
            lambda root: shutil.rmtree(root / 'test'),
            ['test is missing: expected test/<class>/*.png'],
        ),
        (
            lambda root: image(root / 'test/1.png', (32, 32)),
            ['test holds 1 images directly, next to 10 class folders'],
        ),
    ],
)
def test_problem_in_the_class_folders_is_named(folders, broken, sentences):
    broken(folders)
    assert check('cifar10', folders).problems == sentences


def test_numbered_class_folders(folders, tmp_path, monkeypatch):
    for split in ('train', 'test'):
        for label, name in enumerate(CIFAR10_CLASSES):
            (folders / split / name).rename(folders / split / str(label))
    whole(check('cifar10', folders))
    # Of a hundred, 10 sorts before 2.
    published = Published({'train': 100, 'test': 100}, 100)
    monkeypatch.setitem(PUBLISHED, 'cifar100', published)
    hundred = tmp_path / 'hundred'
    for split in ('train', 'test'):
        for label in range(100):
            image(hundred / split / str(label) / '1.png', (32, 32))
    result = check('cifar100', hundred)
    assert result.total == 2
    assert 'sort as 0, 1, 10, 11, not by number' in result.problems[0]


def test_empty_root(tmp_path):
    (problem,) = check('cifar10', tmp_path).problems
    assert 'cifar-10-python.tar.gz, or {train,test}/<class>/*.png' in problem


def test_classes_are_those_of_mmpretrain():
    from mmpretrain.datasets import CIFAR10, CIFAR100

    assert list(CIFAR10_CLASSES) == list(CIFAR10.METAINFO['classes'])
    assert list(CIFAR100_CLASSES) == list(CIFAR100.METAINFO['classes'])


def test_cifar100_as_published(tmp_path, monkeypatch):
    each = {'train': (1, 1), 'test': (1, 1)}
    monkeypatch.setitem(PUBLISHED, 'cifar100', Published({'train': 100, 'test': 100}, 100, each))
    folder = tmp_path / 'cifar-100-python'
    folder.mkdir()
    entries = {
        b'data': np.zeros((100, 3072), np.uint8),
        b'coarse_labels': [0] * 100,
        b'fine_labels': list(range(100)),
    }
    for name in ('train', 'test'):
        (folder / name).write_bytes(pickle.dumps(entries, protocol=2))
    names = {b'fine_label_names': list(CIFAR100_CLASSES)}
    (folder / 'meta').write_bytes(pickle.dumps(names, protocol=2))
    whole(check('cifar100', tmp_path))
