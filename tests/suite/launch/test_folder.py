"""A folder whose call was killed is taken over, however long its processes take to let go."""

import subprocess
import sys
import time

import pytest

from rm_mm.errors import InputError, StaleLockError
from rm_mm.suite.launch import folder as folder_module
from rm_mm.suite.launch.folder import lock_folder

# It has the lock and no mark: so looks a process that is ending to whoever reads its environment.
HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], 'a+')
fcntl.flock(file, fcntl.LOCK_EX)
print('held', flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def held(tmp_path):
    """A folder that a process holds for a while, in the name of one that is gone."""
    import platform

    lock = tmp_path / 'suite.lock'
    lock.write_text(f'{2**22 + 1} 1 {platform.node()}\n')
    started = []

    def hold(seconds):
        call = [sys.executable, '-c', HOLDER, str(lock), str(seconds)]
        process = subprocess.Popen(call, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b'held\n'
        return tmp_path

    yield hold
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_it_waits_for_what_is_ending(held):
    folder = held(1.0)
    began = time.monotonic()
    assert lock_folder(folder, 'suite.lock') == 0
    assert time.monotonic() - began > 0.5


def test_it_does_not_wait_for_ever(held, monkeypatch):
    monkeypatch.setattr(folder_module, 'RELEASE_SECONDS', 0.2)
    with pytest.raises(StaleLockError, match='is in use by another call'):
        lock_folder(held(30), 'suite.lock')


def test_a_call_that_is_at_work_is_not_waited_for(held, monkeypatch):
    folder = held(30)
    (folder / 'suite.lock').write_text('77 1 elsewhere\n')
    monkeypatch.setattr(folder_module, 'end_processes', None)
    with pytest.raises(InputError, match='process 77 of elsewhere'):
        lock_folder(folder, 'suite.lock')
