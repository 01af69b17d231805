"""Damaged, unsafe and missing archives: nothing incomplete is accepted, no file is lost."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from rm_mm.cli import main
from rm_mm.data.prepare import writing
from tests.data.prepare import archives


def prepare(name, tmp_path, *options):
    call = ['data', 'prepare', name, str(tmp_path / 'r'), '--archives', str(tmp_path / 'a')]
    return main([*call, *options])


@pytest.fixture
def error_line(capsys):
    """The one line on standard error, besides notes."""

    def read():
        lines = [x for x in capsys.readouterr().err.splitlines() if not x.startswith('note: ')]
        assert len(lines) == 1, lines
        assert lines[0].startswith('rm-mm data: ')
        return lines[0]

    return read


def test_all_missing_archives_are_named_at_once(tmp_path, error_line):
    (tmp_path / 'a').mkdir()
    assert prepare('imagenet', tmp_path) == 2
    message = error_line()
    for name in ('img_train.tar', 'img_val.tar', 'devkit_t12.tar.gz', 'image-net.org'):
        assert name in message
    assert not (tmp_path / 'r').exists()


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['custom'], 'no official archives'),
        (['imagenet', '--archives', 'nowhere'], 'no folder'),
        (['custom', '--subset', '2'], 'another folder'),
    ],
)
def test_invalid_calls(tmp_path, error_line, arguments, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'r').mkdir()
    assert main(['data', 'prepare', arguments[0], 'r', *arguments[1:]]) == 2
    assert words in error_line()
    assert list((tmp_path / 'r').iterdir()) == []


def cut(path, count):
    path.write_bytes(path.read_bytes()[:count])


def members_end(path):
    """Where the last member of a tar ends, before the marks of the end."""
    with tarfile.open(path) as archive:
        last = archive.getmembers()[-1]
    return last.offset_data + -(-last.size // 512) * 512


TRAIN, VAL = 'ILSVRC2012_img_train.tar', 'ILSVRC2012_img_val.tar'
DEVKIT = 'ILSVRC2012_devkit_t12.tar.gz'


@pytest.mark.parametrize('name', [TRAIN, VAL])
@pytest.mark.parametrize('where', ['in a member', 'at the end of a member', 'in a header'])
def test_truncated_tar_is_rejected(tmp_path, error_line, name, where):
    archives.imagenet(tmp_path / 'a')
    path = tmp_path / 'a' / name
    end = members_end(path)
    cut(path, {'in a member': end - 700, 'at the end of a member': end}.get(where, end + 100))
    assert prepare('imagenet', tmp_path) == 2
    assert f'{name} is truncated or damaged' in error_line()


def test_truncated_inner_tar_is_rejected_and_its_class_is_not_finished(tmp_path, error_line):
    wanted = archives.imagenet(tmp_path / 'a')
    images = {Path(k).name: v for k, v in wanted.items() if k.startswith('train/n01443537')}
    inner = {f'{w}.tar': archives.tar({f'{w}_0.JPEG': b'x'}) for w in archives.WNIDS}
    whole = archives.tar(images)
    archives.tar(inner | {'n01443537.tar': whole[:2000]}, tmp_path / 'a' / TRAIN)
    assert prepare('imagenet', tmp_path) == 2
    assert 'truncated or damaged' in error_line()
    journal = (tmp_path / 'r' / '.rm_mm_prepare.json').read_text()
    assert 'train/n01440764' in journal
    assert 'train/n01443537' not in journal


def test_gzip_with_a_wrong_checksum_is_rejected(tmp_path, error_line):
    archives.cifar10(tmp_path / 'a')
    path = tmp_path / 'a' / 'cifar-10-python.tar.gz'
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)
    assert prepare('cifar10', tmp_path) == 2
    assert 'truncated or damaged' in error_line()


def test_zip_member_with_a_wrong_checksum_is_rejected(tmp_path, error_line):
    archives.coco(tmp_path / 'a')
    path = tmp_path / 'a' / 'val2017.zip'
    with zipfile.ZipFile(path) as archive:
        first = archive.infolist()[0]
    content = bytearray(path.read_bytes())
    content[first.header_offset + 80] ^= 1
    path.write_bytes(content)
    assert prepare('coco', tmp_path) == 2
    assert 'val2017.zip is truncated or damaged' in error_line()
    assert list((tmp_path / 'r').rglob('*.rm_mm_part')) == []


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (
            lambda a: archives.devkit(a, truth=[1, 2, 3]),
            'labels the images 1 to 3: it holds 6 images',
        ),
        (lambda a: archives.devkit(a, truth=[1, 2, 3, 3, 2, 9]), 'label 9'),
        (lambda a: archives.devkit(a, truth=[1, 2, 3, 3, 2, 1001]), 'label 1001'),
        (
            lambda a: archives.tar({'d/data/meta.mat': b'x'}, a / DEVKIT, 'w:gz'),
            'lacks data/ILSVRC',
        ),
        (
            lambda a: archives.tar(
                {
                    'd/data/meta.mat': b'no matrix',
                    'd/data/ILSVRC2012_validation_ground_truth.txt': b'1\n',
                },
                a / DEVKIT,
                'w:gz',
            ),
            'cannot read data/meta.mat',
        ),
        (lambda a: archives.tar({'n1.txt': b'x'}, a / TRAIN), 'expected the tar of a class'),
    ],
)
def test_archives_that_do_not_match(tmp_path, error_line, change, words):
    archives.imagenet(tmp_path / 'a')
    change(tmp_path / 'a')
    assert prepare('imagenet', tmp_path) == 2
    assert words in error_line()
    assert not (tmp_path / 'r' / 'val').exists()


def link(kind):
    member = tarfile.TarInfo('cifar-10-batches-py/link')
    member.type, member.linkname = kind, '/etc/passwd'
    return {'cifar-10-batches-py/link': member}


@pytest.mark.parametrize(
    'members',
    [
        {'/abs/file': b'x'},
        {'cifar-10-batches-py/../../up': b'x'},
        {'cifar-10-batches-py/\x1b[2J': b'x'},
        {'C:\\file': b'x'},
        link(tarfile.SYMTYPE),
        link(tarfile.LNKTYPE),
        link(tarfile.CHRTYPE),
        link(tarfile.FIFOTYPE),
    ],
)
def test_unsafe_tar_members_are_rejected(tmp_path, error_line, members):
    (tmp_path / 'a').mkdir()
    archives.tar(members, tmp_path / 'a' / 'cifar-10-python.tar.gz', 'w:gz')
    assert prepare('cifar10', tmp_path) == 2
    message = error_line()
    assert 'cifar-10-python.tar.gz holds' in message
    assert message.isprintable()
    assert not (tmp_path / 'r').exists()
    assert not (tmp_path / 'up').exists()


@pytest.mark.parametrize(
    'name', ['../up.jpg', '/up.jpg', 'val2017/../../up.jpg', 'val2017\\up.jpg']
)
def test_unsafe_zip_members_are_rejected(tmp_path, error_line, name):
    archives.coco(tmp_path / 'a')
    archives.zipped({name: b'x'}, tmp_path / 'a' / 'val2017.zip')
    assert prepare('coco', tmp_path) == 2
    assert 'val2017.zip holds' in error_line()
    assert not (tmp_path / 'r').exists()


def test_link_in_a_zip_is_rejected(tmp_path, error_line):
    archives.coco(tmp_path / 'a')
    info = zipfile.ZipInfo('val2017/link')
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / 'a' / 'val2017.zip', 'w') as archive:
        archive.writestr(info, '/etc/passwd')
    assert prepare('coco', tmp_path) == 2
    assert 'no plain file' in error_line()


def test_duplicate_zip_member_is_rejected(tmp_path, error_line):
    archives.coco(tmp_path / 'a')
    with (
        pytest.warns(UserWarning, match='Duplicate'),
        zipfile.ZipFile(tmp_path / 'a' / 'val2017.zip', 'a') as archive,
    ):
        archive.writestr(archive.namelist()[0], b'other')
    assert prepare('coco', tmp_path) == 2
    assert 'twice' in error_line()


MAKERS = {
    'imagenet': archives.imagenet,
    'coco': archives.coco,
    'ade20k': archives.ade20k,
    'cifar10': archives.cifar10,
}


@pytest.mark.parametrize('options', [(), ('--subset', '900')])
@pytest.mark.parametrize('name', MAKERS)
def test_missing_space_is_found_before_anything_is_written(
    tmp_path, error_line, monkeypatch, name, options
):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(writing.shutil, 'disk_usage', lambda path: usage._replace(free=100))
    MAKERS[name](tmp_path / 'a')
    assert prepare(name, tmp_path, *options) == 2
    assert 'are free on its file system' in error_line()
    assert not (tmp_path / 'r').exists()


def test_subset_of_class_folders_needs_space(tmp_path, error_line, monkeypatch):
    archives.imagenet(tmp_path / 'whole')
    assert main(['data', 'prepare', 'imagenet', str(tmp_path / 'whole')]) == 0
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(writing.shutil, 'disk_usage', lambda path: usage._replace(free=100))
    call = ['data', 'prepare', 'imagenet', str(tmp_path / 'r'), '--subset', '2']
    assert main([*call, '--archives', str(tmp_path / 'whole')]) == 2
    assert 'are free on its file system' in error_line()
    assert not (tmp_path / 'r').exists()


def test_full_disk_is_reported_and_the_same_call_resumes(tmp_path):
    wanted = archives.imagenet(tmp_path / 'a')
    large = archives.picture(7, (80, 60))
    archives.tar(
        {'n01440764.tar': archives.tar({'n01440764_0.JPEG': large})}, tmp_path / 'a' / TRAIN
    )
    wanted = {k: v for k, v in wanted.items() if k.startswith('val')}
    wanted['train/n01440764/n01440764_0.JPEG'] = large
    call = [sys.executable, '-m', 'rm_mm.cli', 'data', 'prepare', 'imagenet', str(tmp_path / 'r')]
    call += ['--archives', str(tmp_path / 'a')]
    # Files of at most 4 blocks of 512 bytes: the images of val fit, the large one does not.
    assert len(large) > 2048
    limited = ['sh', '-c', 'ulimit -f 4; exec "$@"', 'sh', *call]
    done = subprocess.run(limited, capture_output=True, text=True)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith('rm-mm data: cannot write ')
    assert 'n01440764_0.JPEG: File too large' in last
    assert list((tmp_path / 'r').rglob('*.rm_mm_part')) == []
    subprocess.run(call, check=True, capture_output=True)
    assert archives.files(tmp_path / 'r') == dict(sorted(wanted.items()))


@pytest.mark.parametrize('kind', ['same size', 'other size', 'link'])
def test_other_file_is_kept(tmp_path, error_line, kind):
    wanted = archives.coco(tmp_path / 'a')
    name = 'val2017/000000000001.jpg'
    mine = tmp_path / 'r' / name
    mine.parent.mkdir(parents=True)
    content = bytes(len(wanted[name])) if kind == 'same size' else b'mine'
    if kind == 'link':
        (tmp_path / 'target').write_bytes(wanted[name])
        mine.symlink_to(tmp_path / 'target')
    else:
        mine.write_bytes(content)
    assert prepare('coco', tmp_path) == 1
    assert f'{name} exists and differs from' in error_line()
    assert mine.is_symlink() if kind == 'link' else mine.read_bytes() == content


def test_flat_val_is_reported_with_the_command_that_fixes_it(tmp_path, error_line):
    archives.imagenet(tmp_path / 'a')
    flat = tmp_path / 'r' / 'val' / 'ILSVRC2012_val_00000001.JPEG'
    flat.parent.mkdir(parents=True)
    flat.write_bytes(b'x')
    assert prepare('imagenet', tmp_path) == 2
    message = error_line()
    line = message.partition('class folder: ')[2].partition(' and repeat')[0]
    subprocess.run(line, shell=True, check=True)
    assert prepare('imagenet', tmp_path) == 0


def test_interrupted_call_resumes(tmp_path, monkeypatch, capsys):
    wanted = archives.imagenet(tmp_path / 'a')
    for stop_after in (2, 5, 4, 3):
        with archives.cut_after(monkeypatch, stop_after):
            assert prepare('imagenet', tmp_path) == 130
        assert 'the same call' in capsys.readouterr().err
    assert prepare('imagenet', tmp_path) == 0
    assert archives.files(tmp_path / 'r') == dict(sorted(wanted.items()))


def test_killed_call_resumes(tmp_path):
    wanted = archives.imagenet(tmp_path / 'a', each=40)
    call = [sys.executable, '-m', 'rm_mm.cli', 'data', 'prepare', 'imagenet', str(tmp_path / 'r')]
    call += ['--archives', str(tmp_path / 'a')]
    killed = 0
    for files_there in (1, 30, 60, 90, 124):
        process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while process.poll() is None:
            if len(list((tmp_path / 'r').rglob('*.JPEG'))) >= files_there:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.001)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        # Files of the layout are always complete.
        for path, content in archives.files(tmp_path / 'r').items():
            assert path.endswith(('.rm_mm_part', '.tmp')) or wanted[path] == content
    assert killed
    # Unfinished files of a killed call are removed.
    (tmp_path / 'r' / 'train' / 'x.JPEG.rm_mm_part').write_bytes(b'half')
    (tmp_path / 'r' / '..rm_mm_prepare.json.0123456789abcdef.tmp').write_bytes(b'half')
    (tmp_path / 'r' / 'mine.tmp').write_bytes(b'mine')
    subprocess.run(call, check=True, capture_output=True)
    assert archives.files(tmp_path / 'r') == dict(sorted({**wanted, 'mine.tmp': b'mine'}.items()))


def test_finished_part_without_a_file_is_laid_out_again(tmp_path):
    wanted = archives.imagenet(tmp_path / 'a')
    assert prepare('imagenet', tmp_path) == 0
    os.unlink(tmp_path / 'r' / next(iter(wanted)))
    assert prepare('imagenet', tmp_path) == 0
    assert archives.files(tmp_path / 'r') == dict(sorted(wanted.items()))


def test_concurrent_call_is_rejected(tmp_path, error_line):
    archives.coco(tmp_path / 'a')
    (tmp_path / 'r').mkdir()
    holder = (
        'import sys, pathlib, rm_mm.files\n'
        "rm_mm.files.hold(pathlib.Path(sys.argv[1]), sys.argv[2], 'x')\n"
        "print('held', flush=True)\n"
        'sys.stdin.read()'
    )
    command = [sys.executable, '-c', holder, str(tmp_path / 'r'), '.rm_mm_prepare.lock']
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b'held\n'
        assert prepare('coco', tmp_path) == 2
        assert f'process {process.pid}' in error_line()
        process.stdin.close()
    assert prepare('coco', tmp_path) == 0


@pytest.mark.parametrize('content', ['', '{}', '[1]', '{"schema_version": 1, "name": 3}'])
def test_invalid_journal(tmp_path, error_line, content):
    archives.coco(tmp_path / 'a')
    (tmp_path / 'r').mkdir()
    (tmp_path / 'r' / '.rm_mm_prepare.json').write_text(content)
    assert prepare('coco', tmp_path) == 2
    assert 'remove it to start again' in error_line()
