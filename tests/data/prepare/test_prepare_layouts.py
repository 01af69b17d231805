"""The contents of archives are laid out as the configs expect, byte for byte."""

import json
import tarfile
from dataclasses import replace

import pytest

from rm_mm.cli import main
from rm_mm.data.catalog import ARCHIVES
from tests.data.prepare import archives

MADE = {
    'imagenet': archives.imagenet,
    'coco': archives.coco,
    'ade20k': archives.ade20k,
    'cifar10': archives.cifar10,
}


def prepare(name, root, *options):
    return main(['data', 'prepare', name, str(root), *map(str, options)])


def inner(name, root):
    return root / 'ADEChallengeData2016' if name == 'ade20k' else root


@pytest.mark.parametrize('name', MADE)
def test_contents_of_the_archives_are_laid_out(tmp_path, capsys, name):
    wanted = MADE[name](tmp_path / 'archives')
    before = archives.files(tmp_path / 'archives')
    assert prepare(name, tmp_path / 'root', '--archives', tmp_path / 'archives') == 0
    assert archives.files(inner(name, tmp_path / 'root')) == dict(sorted(wanted.items()))
    assert archives.files(tmp_path / 'archives') == before
    output = capsys.readouterr()
    assert f'next: rm-mm data check {name} ' in output.out
    # The archives of the test are not the published ones, which is noted.
    assert output.err.count('is not the published file: MD5') == len(ARCHIVES[name])
    assert list(tmp_path.rglob('*.rm_mm_part')) == []


@pytest.mark.parametrize('name', MADE)
def test_second_call_with_archives_in_the_root(tmp_path, capsys, name, monkeypatch):
    wanted = MADE[name](tmp_path)
    assert prepare(name, tmp_path) == 0
    first = capsys.readouterr().out
    assert ' 0 files laid out' not in first
    monkeypatch.setattr(
        'rm_mm.data.prepare.preparation.write_file', lambda *a: pytest.fail('it was read again')
    )
    # The text files of ADE20K are in no folder, and are compared every time.
    if name == 'ade20k':
        monkeypatch.undo()
    assert prepare(name, tmp_path) == 0
    second = capsys.readouterr().out
    assert all('0 files laid out' in line for line in second.splitlines()[:-1])
    found = archives.files(inner(name, tmp_path))
    assert {path: found[path] for path in wanted} == wanted


def test_ade20k_in_a_root_of_its_own_name(tmp_path):
    wanted = archives.ade20k(tmp_path / 'a')
    root = tmp_path / 'ADEChallengeData2016'
    assert prepare('ade20k', root, '--archives', tmp_path / 'a') == 0
    assert archives.files(root) == dict(sorted(wanted.items()))


def test_validation_images_are_sorted_by_the_devkit(tmp_path):
    archives.imagenet(tmp_path / 'a')
    prepare('imagenet', tmp_path / 'r', '--archives', tmp_path / 'a')
    # TRUTH is 1 2 3 2 3 1, and 1 is n02105855 in SYNSETS.
    found = {p.parent.name: [] for p in (tmp_path / 'r/val').glob('*/*')}
    for path in sorted((tmp_path / 'r/val').glob('*/*')):
        found[path.parent.name].append(int(path.stem[-8:]))
    assert found == {'n02105855': [1, 6], 'n01440764': [2, 4], 'n01443537': [3, 5]}


def test_archives_one_level_below_are_found(tmp_path):
    archives.imagenet(tmp_path / 'a' / 'ILSVRC')
    assert prepare('imagenet', tmp_path / 'r', '--archives', tmp_path / 'a') == 0


def test_published_file_needs_no_note(tmp_path, capsys, monkeypatch):
    import hashlib

    archives.cifar10(tmp_path)
    path = tmp_path / 'cifar-10-python.tar.gz'
    (published,) = ARCHIVES['cifar10']
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setitem(ARCHIVES, 'cifar10', (replace(published, md5=digest),))
    assert prepare('cifar10', tmp_path) == 0
    assert capsys.readouterr().err == ''


def test_replaced_archive_is_read_again(tmp_path, capsys):
    archives.cifar10(tmp_path)
    assert prepare('cifar10', tmp_path) == 0
    first = capsys.readouterr().err
    assert prepare('cifar10', tmp_path) == 0
    assert capsys.readouterr().err == first
    archives.tar({'cifar-10-batches-py/other': b'x'}, tmp_path / 'cifar-10-python.tar.gz', 'w:gz')
    prepare('cifar10', tmp_path)
    assert capsys.readouterr().err != first


def test_existing_split_needs_no_archive(tmp_path, capsys):
    archives.imagenet(tmp_path / 'a')
    root = tmp_path / 'r'
    assert prepare('imagenet', root, '--archives', tmp_path / 'a') == 0
    (tmp_path / 'a' / 'ILSVRC2012_img_train.tar').unlink()
    for path in (root / 'val').rglob('*.JPEG'):
        path.unlink()
    assert prepare('imagenet', root, '--archives', tmp_path / 'a') == 0
    assert len(list((root / 'val').rglob('*.JPEG'))) == 6


def test_folders_of_macos_are_skipped(tmp_path):
    wanted = archives.coco(tmp_path / 'a')
    made = {k: v for k, v in wanted.items() if k.startswith('val2017')}
    archives.zipped(made | {'__MACOSX/val2017/._x.jpg': b'x'}, tmp_path / 'a' / 'val2017.zip')
    assert prepare('coco', tmp_path / 'r', '--archives', tmp_path / 'a') == 0
    assert archives.files(tmp_path / 'r') == dict(sorted(wanted.items()))


def test_check_accepts_the_layout(tmp_path, capsys):
    archives.imagenet(tmp_path / 'a')
    prepare('imagenet', tmp_path / 'r', '--archives', tmp_path / 'a')
    capsys.readouterr()
    # Three classes instead of a thousand: counts are wrong, and nothing else is.
    assert main(['data', 'check', 'imagenet', str(tmp_path / 'r'), '--json']) == 1
    causes = json.loads(capsys.readouterr().out)['causes']
    assert set(causes) <= {'counts', 'counts of classes', 'missing class folders'}


def test_tar_with_folders(tmp_path):
    wanted = archives.imagenet(tmp_path / 'a')
    inner = {}
    with tarfile.open(tmp_path / 'a/ILSVRC2012_img_train.tar') as archive:
        for member in archive.getmembers():
            inner[f'./{member.name}'] = archive.extractfile(member).read()
    folder = tarfile.TarInfo('./')
    folder.type = tarfile.DIRTYPE
    archives.tar({'./': folder} | inner, tmp_path / 'a/ILSVRC2012_img_train.tar')
    assert prepare('imagenet', tmp_path / 'r', '--archives', tmp_path / 'a') == 0
    assert archives.files(tmp_path / 'r') == dict(sorted(wanted.items()))
