"""Preparation is atomic and repeatable, and never changes unrelated files."""

import json
import subprocess
import sys

import pytest

from rm_mm.data import mini
from rm_mm.data.mini import preparation
from rm_mm.errors import InputError

SMALL = {'train_images': 4, 'val_images': 3, 'train_scenes': 2, 'val_scenes': 1}


def contents(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob('*')
        if path.is_file()
    }


def test_same_parameters_give_the_same_bytes(tmp_path):
    first = contents(mini.prepare_mini(tmp_path / 'a', **SMALL))
    second = contents(mini.prepare_mini(tmp_path / 'b', **SMALL))
    # Seven object images, three scenes of three files, two annotation files, the stamp.
    assert len(first) == 7 + 3 * 3 + 2 + 1
    assert first == second


def test_another_seed_gives_another_fingerprint(tmp_path):
    a = mini.prepare_mini(tmp_path / 'a', **SMALL)
    b = mini.prepare_mini(tmp_path / 'b', seed=1, **SMALL)
    assert mini.fingerprint(a) != mini.fingerprint(b)


def test_fingerprint_is_in_the_stamp_and_notices_a_changed_file(tmp_path):
    root = mini.prepare_mini(tmp_path / 'mini', **SMALL)
    before = mini.fingerprint(root)
    assert json.loads((root / 'mini.json').read_text())['fingerprint'] == before
    image = next(root.glob('coco/train2017/*.jpg'))
    image.write_bytes(image.read_bytes()[:-1] + b'x')
    assert mini.fingerprint(root) != before


def test_a_finished_set_is_not_written_again(tmp_path, monkeypatch):
    root = mini.prepare_mini(tmp_path / 'mini', **SMALL)
    before = {path: path.stat().st_mtime_ns for path in root.rglob('*')}
    lines = []
    monkeypatch.setattr(preparation, 'write_scenes', None)
    assert mini.prepare_mini(tmp_path / 'mini', progress=lines.append, **SMALL) == root
    assert lines == []
    assert before == {path: path.stat().st_mtime_ns for path in root.rglob('*')}


def test_progress_is_reported_to_the_end(tmp_path):
    lines = []
    mini.prepare_mini(tmp_path / 'mini', progress=lines.append, **{**SMALL, 'train_images': 100})
    assert lines[:2] == ['objects, train: 10 of 100', 'objects, train: 20 of 100']
    assert [line for line in lines if line.startswith('scenes, train')] == [
        'scenes, train: 1 of 2',
        'scenes, train: 2 of 2',
    ]
    assert lines[-1] == 'scenes, val: 1 of 1'


def test_an_interrupted_preparation_leaves_nothing_and_can_be_repeated(tmp_path):
    def interrupt(line):
        if line.startswith('scenes'):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mini.prepare_mini(tmp_path / 'data' / 'mini', progress=interrupt, **SMALL)
    assert list((tmp_path / 'data').iterdir()) == []

    again = contents(mini.prepare_mini(tmp_path / 'data' / 'mini', **SMALL))
    assert again == contents(mini.prepare_mini(tmp_path / 'undisturbed', **SMALL))


def test_an_interrupted_replacement_keeps_the_old_set(tmp_path):
    root = mini.prepare_mini(tmp_path / 'mini', **SMALL)
    before = contents(root)

    def interrupt(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mini.prepare_mini(root, seed=1, progress=interrupt, **SMALL)
    assert contents(root) == before
    assert list(tmp_path.iterdir()) == [root]


def test_other_parameters_replace_the_set(tmp_path):
    root = mini.prepare_mini(tmp_path / 'mini', **SMALL)
    other = {**SMALL, 'train_images': 2}
    mini.prepare_mini(root, **other)
    assert contents(root) == contents(mini.prepare_mini(tmp_path / 'fresh', **other))
    assert sorted(path.name for path in tmp_path.iterdir()) == ['fresh', 'mini']


def test_missing_and_truncated_files_are_written_again(tmp_path):
    root = mini.prepare_mini(tmp_path / 'mini', **SMALL)
    before = contents(root)
    next(root.glob('coco/train2017/*.jpg')).unlink()
    next(root.glob('imagenet/val/*/*.jpg')).write_bytes(b'')
    assert contents(mini.prepare_mini(root, **SMALL)) == before


def test_a_folder_without_a_stamp_is_left_unchanged(tmp_path):
    (tmp_path / 'coco').mkdir()
    (tmp_path / 'coco' / 'precious.jpg').write_text('mine')
    (tmp_path / 'mini.json').write_text('{"some": "other tool"}')
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r'not empty and has no mini\.json') as raised:
        mini.prepare_mini(tmp_path, **SMALL)
    assert '\n' not in str(raised.value)
    assert contents(tmp_path) == before


def test_unrelated_files_in_the_set_are_kept(tmp_path):
    root = mini.prepare_mini(tmp_path / 'mini', **SMALL)
    note = root / 'coco' / 'notes.txt'
    note.write_text('mine')
    mini.prepare_mini(root, **SMALL)
    with pytest.raises(InputError, match=r'coco/notes\.txt \(1 such\) is not part of it'):
        mini.prepare_mini(root, seed=1, **SMALL)
    assert note.read_text() == 'mine'


def test_an_empty_folder_is_used_and_a_file_is_rejected(tmp_path):
    (tmp_path / 'empty').mkdir()
    mini.prepare_mini(tmp_path / 'empty', **SMALL)
    assert (tmp_path / 'empty' / 'mini.json').is_file()
    (tmp_path / 'file').write_text('mine')
    with pytest.raises(InputError, match='is a file'):
        mini.prepare_mini(tmp_path / 'file', **SMALL)


@pytest.mark.parametrize('other_seed', [0, 1])
def test_a_set_written_by_another_call_meanwhile_is_complete(tmp_path, other_seed):
    """Another call finishes first, with the same parameters or with others."""
    root = tmp_path / 'mini'

    def overtake(line):
        if line.startswith('scenes, val'):
            mini.prepare_mini(root, seed=other_seed, **SMALL)

    mini.prepare_mini(root, progress=overtake, **SMALL)
    assert contents(root) == contents(mini.prepare_mini(tmp_path / 'alone', **SMALL))
    assert sorted(path.name for path in tmp_path.iterdir()) == ['alone', 'mini']


def test_two_processes_at_once_agree(tmp_path):
    code = (
        'import sys, pathlib; from rm_mm.data import mini; '
        f'mini.prepare_mini(pathlib.Path(sys.argv[1]), **{SMALL!r})'
    )
    running = [
        subprocess.Popen([sys.executable, '-c', code, str(tmp_path / 'mini')]) for _ in range(3)
    ]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    assert contents(tmp_path / 'mini') == contents(mini.prepare_mini(tmp_path / 'alone', **SMALL))
    assert sorted(path.name for path in tmp_path.iterdir()) == ['alone', 'mini']


def test_numbers_out_of_range_are_rejected_before_anything_is_written(tmp_path):
    for wrong, message in (
        ({'val_scenes': 0}, 'val_scenes of the mini set must be 1 or more, got 0'),
        ({'seed': -1}, 'must not be negative, got -1'),
        ({'scene_size': 100}, '160 pixels or more.*got 100'),
    ):
        with pytest.raises(InputError, match=message):
            mini.prepare_mini(tmp_path / 'mini', **{**SMALL, **wrong})
    with pytest.raises(InputError, match='holds no mini set'):
        mini.fingerprint(tmp_path / 'mini')
    assert list(tmp_path.iterdir()) == []


def test_importing_the_package_does_not_load_torch():
    code = 'import sys, rm_mm.data.mini; sys.exit("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
