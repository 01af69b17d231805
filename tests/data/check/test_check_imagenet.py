import os
import shutil

import check_sets
import pytest
from check_sets import check, image, imagenet, whole

from rm_mm.data import listing

pytestmark = pytest.mark.usefixtures('small')


@pytest.fixture
def root(tmp_path):
    imagenet(tmp_path)
    return tmp_path


def test_complete_data_set(root):
    result = check('imagenet', root)
    assert len(whole(result)) == 64
    assert result.counts == {'train': 6, 'val': 3}
    assert result.classes == 3
    assert result.kind == 'class folders'
    assert not result.subset
    whole(check('imagenet', root, deep=True))


FIRST = 'train/n01440764/n01440764_0.JPEG'


@pytest.mark.parametrize(
    ('broken', 'sentences'),
    [
        (
            lambda root: (root / FIRST).write_bytes(b''),
            [f'{FIRST} is empty (0 bytes)'],
        ),
        (
            lambda root: (root / FIRST).unlink(),
            ['train holds 5 images, expected 6 (published): 1 missing'],
        ),
        (
            lambda root: image(root / 'val/n01440764/more.JPEG'),
            [
                'val/n01440764 holds 2 images, expected 1',
                'val holds 4 images, expected 3 (published): 1 too many',
            ],
        ),
        (
            lambda root: shutil.rmtree(root / 'train/n01443537'),
            [
                'train/n01443537 is missing: it is a class of ImageNet-1k',
                'train holds 4 images, expected 6 (published): 2 missing',
            ],
        ),
        (
            lambda root: (root / 'train/cats').mkdir(),
            [
                'train/cats is unexpected: it is not a class of ImageNet-1k',
                'train/cats holds no images',
            ],
        ),
        (
            lambda root: (root / 'train/n01443537').rename(root / 'train/n01443538'),
            [
                'train/n01443537 is missing: it is a class of ImageNet-1k',
                'train/n01443538 is unexpected: it is not a class of ImageNet-1k',
                'train/n01443538/n01443537_0.JPEG is an image of n01443537 by its name',
                'train/n01443538/n01443537_1.JPEG is an image of n01443537 by its name',
            ],
        ),
        (
            lambda root: (root / FIRST).rename(root / 'train/n01443537/n01440764_0.JPEG'),
            [
                'train/n01443537 holds 3 images, expected 1 to 2',
                'train/n01443537/n01440764_0.JPEG is an image of n01440764 by its name',
            ],
        ),
        (
            lambda root: shutil.rmtree(root / 'val'),
            ['val is missing: expected val/<class>/*.JPEG'],
        ),
        (
            lambda root: (root / 'train/n01440764/notes.txt').write_text('x'),
            ['train/n01440764/notes.txt is not an image: expected .jpeg or .jpg'],
        ),
        (
            lambda root: (root / 'train/n01440764/inner').mkdir(),
            ['train/n01440764/inner is a folder: expected only images here'],
        ),
        (
            lambda root: (root / 'train/list.txt').write_text('x'),
            ['train/list.txt is a file: expected only class folders here'],
        ),
        (
            lambda root: image(root / 'train/loose.JPEG'),
            ['train holds 1 images directly, next to 3 class folders'],
        ),
        (
            lambda root: ((root / FIRST).unlink(), (root / FIRST).symlink_to('nowhere')),
            [f'{FIRST} is a broken link'],
        ),
        (
            lambda root: (root / 'train/n01440764/notes.txt').symlink_to('nowhere'),
            ['train/n01440764/notes.txt is a broken link'],
        ),
        (
            lambda root: (root / 'train/n01440765').symlink_to('nowhere'),
            ['train/n01440765 is a broken link'],
        ),
        (
            lambda root: ((root / FIRST).unlink(), os.mkfifo(root / FIRST)),
            [f'{FIRST} is not a regular file'],
        ),
        (
            lambda root: (root / 'train/n01440764/\x1b[31m.txt').write_text('x'),
            ['train/n01440764/\\x1b[31m.txt is not an image: expected .jpeg or .jpg'],
        ),
    ],
)
def test_problem_is_named(root, broken, sentences):
    broken(root)
    result = check('imagenet', root)
    assert result.problems == sentences
    assert result.total == len(sentences)
    assert result.fingerprint is None


def test_flat_val_is_one_problem_with_the_command_that_fixes_it(root):
    for wnid in check_sets.WNIDS:
        for file in (root / 'val' / wnid).iterdir():
            file.rename(root / 'val' / file.name)
        (root / 'val' / wnid).rmdir()
    result = check('imagenet', root)
    assert result.total == 1
    (sentence,) = result.problems
    assert sentence.startswith(
        'val holds 3 images directly, not in class folders, as in the archive'
    )
    assert f'mv {root}/val {root}/val_unsorted && rm-mm data prepare imagenet {root}' in sentence
    assert result.counts == {'train': 6, 'val': 3}


def test_root_inside_a_later_archive_is_suggested(root):
    inner = root / 'ILSVRC/Data/CLS-LOC'
    inner.mkdir(parents=True)
    for split in ('train', 'val'):
        (root / split).rename(inner / split)
    result = check('imagenet', root)
    assert result.total == 2
    assert result.problems[0].endswith(f'Is ROOT {inner}?')


def test_images_are_opened_by_a_deep_check_only(root):
    check_sets.cut(root / FIRST)
    image(root / 'val/n01440764/ILSVRC2012_val_00000001.JPEG', format='PNG')
    (root / 'train/n02105855/n02105855_0.JPEG').write_text('<html>not found</html>')
    whole(check('imagenet', root))
    result = check('imagenet', root, deep=True)
    assert result.total == 3
    truncated, html, png = result.problems
    assert truncated.startswith(f'{FIRST} is damaged: image file is truncated')
    assert (
        html == "train/n02105855/n02105855_0.JPEG is not an image: it starts with b'<html>not fo'"
    )
    assert png.endswith('00000001.JPEG is a PNG image with the suffix .jpeg')


def test_published_png_with_a_jpeg_suffix_is_allowed(root):
    old = root / 'train/n02105855/n02105855_0.JPEG'
    image(old.with_name('n02105855_2933.JPEG'), format='PNG')
    old.unlink()
    whole(check('imagenet', root, deep=True))


def test_lower_case_suffixes_and_system_files_are_allowed(root):
    (root / FIRST).rename(root / FIRST.replace('JPEG', 'jpeg'))
    before = whole(check('imagenet', root))
    for name in ('.DS_Store', 'val.tar', 'train/n01440764.tar', 'train/Thumbs.db'):
        (root / name).write_text('x')
    for name in ('train/.cache', 'val/n01440764/Thumbs.db', 'val/n01440764/desktop.ini'):
        (root / name).write_text('x')
    (root / 'val/n01440764/.ipynb_checkpoints').mkdir()
    result = check('imagenet', root)
    assert whole(result) == before
    assert result.notes == []
    (root / 'train/n01440764/._n01440764_0.JPEG').write_text('x')
    result = check('imagenet', root)
    assert whole(result) == before
    assert '1 hidden files such as n01440764/._n01440764_0.JPEG are skipped' in result.notes[0]


@pytest.mark.skipif(os.getuid() == 0, reason='root may read everything')
def test_unreadable_files_and_folders(root):
    (root / FIRST).chmod(0)
    (root / 'train/n01443537').chmod(0)
    try:
        problems = check('imagenet', root).problems
    finally:
        (root / 'train/n01443537').chmod(0o755)
    assert f'{FIRST} cannot be read: permission denied' in problems
    assert 'train/n01443537 cannot be listed: Permission denied' in problems


def test_unreadable_file_according_to_the_system(root, monkeypatch):
    (root / FIRST).chmod(0o200)
    monkeypatch.setattr(listing.os, 'access', lambda path, mode: False)
    assert check('imagenet', root).problems == [f'{FIRST} cannot be read: permission denied']
