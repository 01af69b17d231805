"""Intact archives with wrong contents: no image silently gets into a wrong class."""

import json
import zipfile

import pytest

from rm_mm.cli import main
from rm_mm.data.prepare.archives import open_archive
from rm_mm.data.prepare.writing import write_file
from rm_mm.errors import InputError
from tests.data.prepare import archives

TRAIN, VAL = 'ILSVRC2012_img_train.tar', 'ILSVRC2012_img_val.tar'


def prepare(name, tmp_path, *options):
    call = ['data', 'prepare', name, str(tmp_path / 'r'), '--archives', str(tmp_path / 'a')]
    return main([*call, *options])


def error_line(capsys):
    return [x for x in capsys.readouterr().err.splitlines() if not x.startswith('note: ')][-1]


def val_named(tmp_path, names):
    archives.tar({name: archives.picture(i) for i, name in enumerate(names)}, tmp_path / 'a' / VAL)


@pytest.mark.parametrize(
    ('names', 'words'),
    [
        ([f'ILSVRC2012_val_{i}.JPEG' for i in range(1, 7)], 'expected names such as'),
        ([f'ILSVRC2012_val_{i:08}.JPEG' for i in range(2, 8)], 'not each of these numbers once'),
        ([f'ILSVRC2012_val_{i:08}.JPEG' for i in (1, 2, 2, 4, 5, 6)], 'labels the images 1 to 6'),
        ([f'ILSVRC2012_val_{i:08}.JPEG' for i in (1, 2, 4, 5, 6)] + ['._x.JPEG'], 'expected names'),
    ],
)
def test_validation_images_with_unknown_labels(tmp_path, capsys, names, words):
    archives.imagenet(tmp_path / 'a')
    val_named(tmp_path, names)
    assert prepare('imagenet', tmp_path) == 2
    assert words in error_line(capsys)
    assert not (tmp_path / 'r' / 'val').exists()


def test_images_sorted_by_a_wrong_devkit_are_found(tmp_path, capsys):
    wanted = archives.imagenet(tmp_path / 'a')
    archives.devkit(tmp_path / 'a', truth=archives.TRUTH[1:] + archives.TRUTH[:1])
    assert prepare('imagenet', tmp_path) == 0
    archives.devkit(tmp_path / 'a')
    capsys.readouterr()
    assert prepare('imagenet', tmp_path) == 1
    message = error_line(capsys)
    assert 'according to the devkit' in message
    (tmp_path / 'r' / 'val').rename(tmp_path / 'away')
    assert prepare('imagenet', tmp_path) == 0
    assert archives.files(tmp_path / 'r') == dict(sorted(wanted.items()))


def test_image_moved_to_another_class_is_found(tmp_path, capsys):
    archives.imagenet(tmp_path / 'a')
    assert prepare('imagenet', tmp_path) == 0
    image = next((tmp_path / 'r' / 'val' / 'n01440764').iterdir())
    image.rename(tmp_path / 'r' / 'val' / 'n01443537' / image.name)
    capsys.readouterr()
    assert prepare('imagenet', tmp_path) == 1
    assert f'n01443537/{image.name} belongs to the class n01440764' in error_line(capsys)


def test_repaired_archive_is_laid_out_again(tmp_path, capsys):
    archives.imagenet(tmp_path / 'a')
    good = (tmp_path / 'a' / TRAIN).read_bytes()
    bad = bytearray(good)
    # In the pixels of the first image, behind two headers.
    bad[512 + 512 + 400] ^= 1
    (tmp_path / 'a' / TRAIN).write_bytes(bad)
    assert prepare('imagenet', tmp_path) == 0
    (tmp_path / 'a' / TRAIN).write_bytes(good)
    capsys.readouterr()
    assert prepare('imagenet', tmp_path) == 1
    assert 'exists and differs from' in error_line(capsys)


@pytest.mark.parametrize('count', [1, 4, 5])
@pytest.mark.parametrize(
    ('name', 'root', 'counts'),
    [
        ('imagenet', '.', {'train': 3, 'val': 3}),
        ('ade20k', 'ADEChallengeData2016', {'training': 4, 'validation': 4}),
    ],
)
def test_an_interrupted_subset_next_to_its_archives_resumes(
    tmp_path, monkeypatch, count, name, root, counts
):
    getattr(archives, name)(tmp_path / 'r')
    call = ['data', 'prepare', name, str(tmp_path / 'r'), '--subset', '1']
    with archives.cut_after(monkeypatch, count):
        assert main(call) == 130
    assert main(call) == 0
    stamp = json.loads((tmp_path / 'r' / root / 'rm_mm_subset.json').read_text())
    assert stamp['counts'] == counts


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda whole: whole[: len(whole) // 2] + bytes(2**21), 'continues after its end mark'),
        (lambda whole: whole + b'more' * 256, 'continues after its end mark'),
        (lambda whole: bytes(20480), 'holds no classes'),
    ],
)
def test_tar_with_a_wrong_end(tmp_path, capsys, change, words):
    archives.imagenet(tmp_path / 'a')
    path = tmp_path / 'a' / TRAIN
    path.write_bytes(change(path.read_bytes()))
    assert prepare('imagenet', tmp_path) == 2
    message = error_line(capsys)
    assert words in message or 'truncated or damaged' in message


@pytest.mark.parametrize(
    ('classes', 'words'),
    [
        ({'n01440764.tar': {'n01443537_1.JPEG': b'x'}}, 'an image of another class'),
        ({'n01440764.tar': {}}, 'is empty'),
        ({'n01440764.tar': {'n01440764_1.JPEG': b''}}, 'n01440764_1.JPEG is empty'),
        ({'a/n01440764.tar': {'x.JPEG': b'x'}, 'b/n01440764.tar': {'y.JPEG': b'y'}}, 'twice'),
    ],
)
def test_invalid_classes(tmp_path, capsys, classes, words):
    archives.imagenet(tmp_path / 'a')
    archives.tar({k: archives.tar(v) for k, v in classes.items()}, tmp_path / 'a' / TRAIN)
    assert prepare('imagenet', tmp_path) == 2
    assert words in error_line(capsys)


def test_interrupted_split_needs_its_archive(tmp_path, capsys, monkeypatch):
    for name, archive in (('imagenet', TRAIN), ('coco', 'train2017.zip')):
        getattr(archives, name)(tmp_path / name / 'a')
        with archives.cut_after(monkeypatch, 3):
            assert prepare(name, tmp_path / name) == 130
        (tmp_path / name / 'a' / archive).unlink()
        capsys.readouterr()
        assert prepare(name, tmp_path / name) == 2
        assert archive in error_line(capsys)


@pytest.mark.parametrize('name', ['imagenet', 'coco', 'ade20k', 'cifar10'])
def test_incomplete_data_set_is_rejected_as_source_of_a_subset(tmp_path, capsys, monkeypatch, name):
    getattr(archives, name)(tmp_path / 'a')
    with archives.cut_after(monkeypatch, 3):
        assert prepare(name, tmp_path) == 130
    call = ['data', 'prepare', name, str(tmp_path / 'small'), '--archives', str(tmp_path / 'r')]
    capsys.readouterr()
    assert main([*call, '--subset', '1']) == 2
    assert 'is incomplete' in error_line(capsys)
    assert not (tmp_path / 'small').exists()
    assert prepare(name, tmp_path) == 0
    assert main([*call, '--subset', '1']) == 0


def test_zip_with_an_incomplete_directory_is_rejected(tmp_path, capsys):
    archives.coco(tmp_path / 'a')
    path = tmp_path / 'a' / 'train2017.zip'
    content = bytearray(path.read_bytes())
    # The length of the comment of the first entry of the directory, which then covers the others.
    at = content.find(b'PK\x01\x02')
    content[at + 32 : at + 34] = (300).to_bytes(2, 'little')
    path.write_bytes(content)
    assert prepare('coco', tmp_path) == 2
    assert 'train2017.zip is truncated or damaged' in error_line(capsys)


def test_zip_marks_inside_an_image_are_ignored(tmp_path):
    path = tmp_path / 'x.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('image.jpg', b'PK\x06\x06' + bytes(60))
    with open_archive(path) as members:
        assert [member.name for member in members] == ['image.jpg']


def test_zip_with_more_than_65535_members(tmp_path):
    # COCO's training images are 118,287.
    path = tmp_path / 'x.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        for number in range(2**16 + 1):
            archive.writestr(str(number), b'')
    with open_archive(path) as members:
        assert len(list(members)) == 2**16 + 1


@pytest.mark.parametrize('subset', [[], ['--subset', '1']])
def test_zip_with_an_extra_top_folder(tmp_path, capsys, subset):
    layout = archives.ade20k(tmp_path / 'a')
    moved = {f'foo/ADEChallengeData2016/{k}': v for k, v in layout.items()}
    archives.zipped(moved, tmp_path / 'a' / 'ADEChallengeData2016.zip')
    assert prepare('ade20k', tmp_path, *subset) == 2
    assert not (tmp_path / 'r').exists()
    layout = archives.coco(tmp_path / 'a')
    archives.zipped({f'coco/{k}': v for k, v in layout.items()}, tmp_path / 'a' / 'val2017.zip')
    assert prepare('coco', tmp_path, *subset) == 2


def coco_with(tmp_path, change):
    layout = archives.coco(tmp_path / 'a')
    name = 'annotations/instances_train2017.json'
    content = json.loads(layout[name])
    change(content)
    layout[name] = json.dumps(content).encode()
    archives.zipped(
        {k: v for k, v in layout.items() if k.startswith('annotations')},
        tmp_path / 'a' / 'annotations_trainval2017.zip',
    )


@pytest.mark.parametrize(
    'change',
    [
        lambda c: c['images'][0].update(file_name='../../evil.jpg'),
        lambda c: c['images'][0].update(file_name='/evil.jpg'),
        lambda c: c['images'][0].update(file_name='\ud800.jpg'),
        lambda c: c['images'][0].update(file_name=5),
        lambda c: c['annotations'][0].update(category_id=[1]),
        lambda c: c['annotations'][0].update(category_id=None),
    ],
)
def test_unsafe_or_malformed_annotations(tmp_path, capsys, change):
    coco_with(tmp_path, change)
    assert prepare('coco', tmp_path, '--subset', '2') == 2
    assert 'annotations_trainval2017.zip' in error_line(capsys)
    assert not list(tmp_path.glob('evil*'))


def test_other_annotations_are_not_overwritten(tmp_path, capsys):
    archives.coco(tmp_path / 'a')
    assert prepare('coco', tmp_path, '--subset', '2') == 0
    mine = tmp_path / 'r' / 'annotations/instances_val2017.json'
    mine.write_text('{"mine": 1}')
    assert prepare('coco', tmp_path, '--subset', '2') == 1
    assert mine.read_text() == '{"mine": 1}'


def test_the_damaged_archive_is_named(tmp_path, capsys):
    archives.coco(tmp_path / 'a')
    path = tmp_path / 'a' / 'val2017.zip'
    content = bytearray(path.read_bytes())
    content[110] ^= 1
    path.write_bytes(content)
    assert prepare('coco', tmp_path, '--subset', '5') == 2
    assert 'val2017.zip is truncated or damaged' in error_line(capsys).replace('trainval2017', '')


@pytest.mark.parametrize(
    'entry',
    ['"parts": {"a": {"files": 3}}', '"parts": {"a": 3}', '"parts": []', '"archives": []'],
)
def test_malformed_journal(tmp_path, capsys, entry):
    archives.coco(tmp_path / 'a')
    (tmp_path / 'r').mkdir()
    text = f'{{"schema_version": 1, "name": "coco", "subset": null, {entry}}}'
    (tmp_path / 'r' / '.rm_mm_prepare.json').write_text(text)
    assert prepare('coco', tmp_path) == 2
    assert 'remove it to start again' in error_line(capsys)


def test_ade20k_in_the_folder_itself(tmp_path, monkeypatch):
    wanted = archives.ade20k(tmp_path / 'a')
    (tmp_path / 'ADEChallengeData2016').mkdir()
    monkeypatch.chdir(tmp_path / 'ADEChallengeData2016')
    assert main(['data', 'prepare', 'ade20k', '.', '--archives', str(tmp_path / 'a')]) == 0
    found = archives.files(tmp_path / 'ADEChallengeData2016')
    assert found == dict(sorted(wanted.items()))


def test_duplicate_image_with_other_content(tmp_path, capsys):
    archives.imagenet(tmp_path / 'a')
    images = [('n01440764_1.JPEG', b'one'), ('n01440764_1.JPEG', b'two')]
    inner = archives.tar(dict(images[:1]))[:1024] + archives.tar(dict(images[1:]))
    archives.tar({'n01440764.tar': inner}, tmp_path / 'a' / TRAIN)
    assert prepare('imagenet', tmp_path) == 1
    assert 'exists and differs from' in error_line(capsys)


def test_archive_of_batches_without_a_folder_leaves_nothing(tmp_path, capsys):
    members = archives.cifar10(tmp_path / 'a')
    flat = {name.rpartition('/')[2]: content for name, content in members.items()}
    archives.tar(flat, tmp_path / 'a' / 'cifar-10-python.tar.gz', 'w:gz')
    assert prepare('cifar10', tmp_path) == 2
    assert 'expected all of it in cifar-10-batches-py/, found data_batch_1' in error_line(capsys)
    assert not (tmp_path / 'r').exists()


def test_file_named_like_a_leftover_is_kept(tmp_path):
    archives.imagenet(tmp_path / 'a')
    theirs = tmp_path / 'r' / 'notes.rm_mm_part'
    theirs.parent.mkdir()
    theirs.write_text('mine')
    assert prepare('imagenet', tmp_path) == 0
    assert theirs.read_text() == 'mine'


def test_read_error_is_not_reported_as_a_full_disk(tmp_path):
    class Broken:
        def read(self, count):
            raise OSError(5, 'Input/output error')

    with pytest.raises(InputError, match=r'^cannot read .*a\.tar: Input/output error$'):
        write_file(tmp_path / 'x', Broken(), 3, tmp_path / 'a.tar')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('place', ['root', '--archives'])
@pytest.mark.parametrize('path', ['~no_such_user/x', 'loop'])
def test_invalid_path_is_one_line(tmp_path, capsys, monkeypatch, place, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'loop').symlink_to('loop')
    call = ['prepare', 'coco', path] if place == 'root' else ['prepare', 'coco', 'r', place, path]
    with pytest.raises(SystemExit) as end:
        main(['data', *call])
    assert end.value.code == 2
    assert f"cannot be a path: '{path}'" in error_line(capsys)
