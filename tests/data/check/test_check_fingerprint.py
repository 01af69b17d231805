import hashlib
import os
import shutil

import check_sets
import pytest
from check_sets import check, custom_classes, image, whole

from rm_mm.data import listing
from rm_mm.data.check.inspection import Fingerprint


def test_value_is_as_documented():
    made = Fingerprint()
    made.add_images('val', {'b.jpg': 5})
    made.add_images('train', {'a.jpg': 12})
    made.add_content('annotations/x.json', 'ab')
    # Sorted by path: annotations, train, val.
    text = b'rm_mm data 1\nannotations/x.json\0sha256 ab\ntrain/a.jpg\0size 12\nval/b.jpg\0size 5\n'
    assert made.hexdigest() == hashlib.sha256(text).hexdigest()


@pytest.fixture
def backwards(monkeypatch):
    """List folders in reverse order."""
    scandir = os.scandir

    class Backwards:
        def __init__(self, path):
            self.path = path

        def __enter__(self):
            return iter(sorted(scandir(self.path), key=lambda e: e.name, reverse=True))

        def __exit__(self, *error):
            pass

    return lambda: monkeypatch.setattr(listing.os, 'scandir', Backwards)


@pytest.fixture
def root(tmp_path):
    custom_classes(tmp_path / 'one')
    return tmp_path / 'one'


def test_location_order_and_links_do_not_matter(root, tmp_path, backwards):
    before = whole(check('custom', root))
    shutil.copytree(root, tmp_path / 'two words')
    assert whole(check('custom', tmp_path / 'two words')) == before
    (tmp_path / 'link').symlink_to(root)
    assert whole(check('custom', tmp_path / 'link')) == before

    backwards()
    assert whole(check('custom', root)) == before


def test_note_about_hidden_files_does_not_depend_on_the_order(root, backwards):
    for name in ('._1.jpg', '._2.jpg', '._3.jpg'):
        (root / 'train/cat' / name).touch()
    before = check('custom', root).notes
    backwards()
    assert check('custom', root).notes == before
    assert '._1.jpg' in before[0]


@pytest.mark.parametrize(
    'change',
    [
        lambda root: image(root / 'train/cat/2.jpg'),
        lambda root: (root / 'train/cat/1.jpg').rename(root / 'train/cat/0.jpg'),
        lambda root: (root / 'train/cat/1.jpg').write_bytes(
            (root / 'train/cat/1.jpg').read_bytes() + b'\0'
        ),
        lambda root: [
            (root / split / 'cat').rename(root / split / 'ox') for split in ('train', 'val')
        ],
        lambda root: image(root / 'train/cat/2.jpg') or (root / 'train/cat/1.jpg').unlink(),
    ],
)
def test_changed_files_change_it(root, change):
    before = whole(check('custom', root))
    change(root)
    assert whole(check('custom', root)) != before


def test_names_that_are_not_utf8(root):
    name = os.fsdecode(b'train/cat/\xff\n.jpg')
    shutil.copy(root / 'train/cat/1.jpg', root / name)
    before = whole(check('custom', root))
    (root / name).write_bytes(b'')
    (problem,) = check('custom', root).problems
    assert problem == 'train/cat/\\udcff\\n.jpg is empty (0 bytes)'
    assert before


def test_none_if_there_are_problems(root):
    (root / 'train/cat/1.jpg').write_bytes(b'')
    assert check('custom', root).fingerprint is None
    assert check_sets.check('custom', root).total == 1
