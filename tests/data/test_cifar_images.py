"""CIFAR from archives like the published ones, and from folders of images."""

import pickle
import tarfile

import numpy as np
import pytest
from mmpretrain.datasets import build_dataset
from PIL import Image

import rm_mm  # noqa: F401
from rm_mm.errors import InputError


def batch(count, key, classes, seed):
    """Images, labels, and the content of their batch in an archive: channels first, by rows."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    labels = [int(label) for label in generator.integers(0, classes, count)]
    # One row: 1024 reds, 1024 greens, 1024 blues (https://www.cs.toronto.edu/~kriz/cifar.html).
    rows = np.stack([np.concatenate([im[..., c].ravel() for c in range(3)]) for im in images])
    return images, labels, {b'data': rows, key: labels, b'filenames': [b'x.png'] * count}


@pytest.fixture
def archive10(tmp_path):
    """Five batches of four for training, and one for testing; returns all training images."""
    folder = tmp_path / 'cifar-10-batches-py'
    folder.mkdir()
    parts = [batch(4, b'labels', 10, seed) for seed in range(6)]
    for index, (_, _, entry) in enumerate(parts[:5], start=1):
        # Protocol 2 is what the archives are written in.
        (folder / f'data_batch_{index}').write_bytes(pickle.dumps(entry, protocol=2))
    (folder / 'test_batch').write_bytes(pickle.dumps(parts[5][2], protocol=2))
    images = np.concatenate([images for images, _, _ in parts[:5]])
    return tmp_path, images, [label for _, labels, _ in parts[:5] for label in labels]


def build(kind, root, split='train'):
    dataset = build_dataset(dict(type=f'mmpretrain.{kind}', data_root=str(root), split=split))
    dataset.full_init()
    return dataset


def check(dataset, images, labels):
    assert len(dataset) == len(images)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        info = dataset.get_data_info(index)
        assert np.array_equal(info['img'], image)
        assert info['gt_label'] == label


def test_batches_are_read(archive10):
    root, images, labels = archive10
    check(build('LocalCIFAR10', root), images, labels)
    check(build('LocalCIFAR10', root / 'cifar-10-batches-py'), images, labels)
    assert len(build('LocalCIFAR10', root, 'test')) == 4


def test_the_archive_is_read(archive10):
    root, images, labels = archive10
    with tarfile.open(root / 'cifar-10-python.tar.gz', 'w:gz') as files:
        files.add(root / 'cifar-10-batches-py', 'cifar-10-batches-py')
    for file in (root / 'cifar-10-batches-py').iterdir():
        file.unlink()
    check(build('LocalCIFAR10', root), images, labels)


def test_cifar100_uses_the_fine_labels(tmp_path):
    folder = tmp_path / 'cifar-100-python'
    folder.mkdir()
    images, labels, entry = batch(6, b'fine_labels', 100, 0)
    entry[b'coarse_labels'] = [0] * 6
    for name in ('train', 'test'):
        (folder / name).write_bytes(pickle.dumps(entry, protocol=2))
    check(build('LocalCIFAR100', tmp_path), images, labels)


def test_folders_of_images_are_read(tmp_path):
    images, _, _ = batch(20, b'labels', 10, 0)
    for index, image in enumerate(images):
        folder = tmp_path / 'train' / f'class{index % 10}'
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f'{index:02}.png')
    # In the order of the folders: 0, 10, 1, 11, …
    order = [index for label in range(10) for index in (label, label + 10)]
    check(build('LocalCIFAR10', tmp_path), images[order], [index % 10 for index in order])


class Attack:
    def __reduce__(self):
        return (open, ('attacked', 'w'))


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (pickle.dumps({b'data': Attack(), b'labels': [0]}, protocol=2), 'open'),
        (b'no pickle', 'got'),
        (b'', 'EOFError'),
        (pickle.dumps({b'data': np.zeros((2, 3072), np.uint8), b'labels': [0]}), '1 labels of 2'),
        (pickle.dumps({b'data': np.zeros((1, 3072)), b'labels': [0]}), 'float64'),
        (pickle.dumps({b'data': np.zeros((1, 100), np.uint8), b'labels': [0]}), 'reshape'),
        (pickle.dumps({b'data': np.zeros((1, 3072), np.uint8), b'labels': [10]}), 'label 10'),
        (pickle.dumps([1, 2]), 'got'),
    ],
)
def test_a_file_that_is_not_a_batch_is_rejected(archive10, content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root, _, _ = archive10
    (root / 'cifar-10-batches-py' / 'test_batch').write_bytes(content)
    with pytest.raises(InputError, match=message):
        build('LocalCIFAR10', root, 'test')
    assert not (tmp_path / 'attacked').exists()


def test_missing_data_is_reported(tmp_path):
    with pytest.raises(InputError, match=r'cifar-10-python\.tar\.gz'):
        build('LocalCIFAR10', tmp_path)


def test_a_wrong_number_of_folders_is_rejected(tmp_path):
    (tmp_path / 'train' / 'one').mkdir(parents=True)
    with pytest.raises(InputError, match='holds 1 folders: expected 10'):
        build('LocalCIFAR10', tmp_path)


def test_images_of_another_size_are_rejected(tmp_path):
    for label in range(10):
        folder = tmp_path / 'train' / str(label)
        folder.mkdir(parents=True)
        Image.new('RGB', (28, 28)).save(folder / '1.png')
    with pytest.raises(InputError, match=r'\(28, 28, 3\)'):
        build('LocalCIFAR10', tmp_path)


def test_a_truncated_archive_is_rejected(tmp_path):
    (tmp_path / 'cifar-10-python.tar.gz').write_bytes(b'\x1f\x8b\x08\x00 cut')
    with pytest.raises(InputError, match='not the published archive'):
        build('LocalCIFAR10', tmp_path)


def folders(root, split, names):
    for name in names:
        (root / split / name).mkdir(parents=True)
        Image.new('RGB', (32, 32)).save(root / split / name / '1.png')


@pytest.mark.parametrize(
    ('test', 'message'),
    [
        (['plane', *'bcdefghij'], 'different names: .* a, plane'),
        ([*'bcdefghij', '.ipynb_checkpoints'], 'holds 9 folders|different names'),
    ],
)
def test_splits_with_different_classes_are_rejected(tmp_path, test, message):
    folders(tmp_path, 'train', 'abcdefghij')
    folders(tmp_path, 'test', test)
    with pytest.raises(InputError, match=message):
        build('LocalCIFAR10', tmp_path, 'test')


def test_a_class_without_images_is_rejected(tmp_path):
    folders(tmp_path, 'train', 'abcdefghij')
    (tmp_path / 'train' / 'c' / '1.png').unlink()
    with pytest.raises(InputError, match='c holds no images'):
        build('LocalCIFAR10', tmp_path)


@pytest.mark.parametrize('labels', [[2.7], ['x'], [None], [float('inf')]])
def test_labels_that_are_not_integers_are_rejected(archive10, labels):
    root, _, _ = archive10
    entry = {b'data': np.zeros((1, 3072), np.uint8), b'labels': labels}
    (root / 'cifar-10-batches-py' / 'test_batch').write_bytes(pickle.dumps(entry, protocol=2))
    with pytest.raises(InputError, match='is not a batch'):
        build('LocalCIFAR10', root, 'test')


def test_a_flipped_bit_in_the_archive_is_found(archive10):
    root, _, _ = archive10
    # Without compression, so that the flip changes a pixel and nothing else.
    path = root / 'cifar-10-python.tar.gz'
    with tarfile.open(path, 'w:gz', compresslevel=0) as files:
        files.add(root / 'cifar-10-batches-py', 'cifar-10-batches-py')
    content = bytearray(path.read_bytes())
    pixels = (root / 'cifar-10-batches-py' / 'data_batch_1').read_bytes()
    start = content.index(pixels[1000:1100])
    content[start] ^= 1
    path.write_bytes(content)
    for file in (root / 'cifar-10-batches-py').iterdir():
        file.unlink()
    with pytest.raises(InputError, match='not the published archive'):
        build('LocalCIFAR10', root)


def test_a_damaged_batch_cannot_allocate_memory():
    """With a memo index of 2**31, for which the unpickler in C allocates a table of 16 GB."""
    import resource

    from rm_mm.data.cifar_batches import read_cifar_entries

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_cifar_entries(b'\x80\x02}r\xff\xff\xff\x7f.') == {}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20
