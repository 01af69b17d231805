"""A disk that runs full, sooner or later, under a suite: the next call goes on."""

import os
import shutil
import subprocess

import pytest

from tests.suite.launch.stand_in import install
from tests.suite.test_kills import COMMAND, records, start

#: Of the whole disk, in kB.
DISK = 400


@pytest.fixture
def disk(tmp_path):
    """A file system of its own, small."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', f'size={DISK}k', 'rm_mm', str(folder)]
    if not shutil.which('mount') or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip('mounting a file system takes root')
    yield folder
    subprocess.run(['umount', '-l', str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_loses_nothing_and_repeats_nothing(disk, tmp_path):
    install(tmp_path, COMMAND.replace('0.15', '0.01'))
    suite = start(tmp_path, tmp_path / 'whole')
    said, _ = suite.communicate(timeout=120)
    assert suite.returncode == 0, said
    whole = records(tmp_path / 'whole')

    before, told = {}, ''
    # Room for nothing at all, for a part, and for nearly everything.
    for room in (0, 40, 90, 150):
        ballast = disk / 'ballast'
        ballast.unlink(missing_ok=True)
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        ballast.write_bytes(b'\0' * max(free - room * 1024, 0))
        suite = start(tmp_path, disk / 'runs')
        said, _ = suite.communicate(timeout=120)
        assert 'Traceback (most recent call last)' not in said.split('the end of')[0]
        told += said
        after = records(disk / 'runs')
        # What is there is whole, and what was there is as it was.
        assert all(whole[name] == record for name, record in after.items())
        assert {name: after.get(name) for name in before} == before
        before = after
    assert 'No space left on device' in told
    ballast.unlink()
    suite = start(tmp_path, disk / 'runs')
    said, _ = suite.communicate(timeout=120)
    assert suite.returncode == 0, said
    assert records(disk / 'runs') == whole
    assert not list((disk / 'runs' / 'records').glob('.*'))
