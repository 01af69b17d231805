import os
import threading
import time

import pytest

from rm_mm.files import replacing, write_text


def interrupted(target):
    with replacing(target) as temporary:
        temporary.write_text('half')
        raise RuntimeError


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / 'a' / 'file.txt'
    write_text(target, 'old')
    with pytest.raises(RuntimeError):
        interrupted(target)
    assert target.read_text() == 'old'
    assert list(target.parent.iterdir()) == [target]


def test_a_link_stays_one(tmp_path):
    (tmp_path / 'there').mkdir()
    real, link = tmp_path / 'there' / 'real.txt', tmp_path / 'link.txt'
    real.write_text('old')
    link.symlink_to(real)
    write_text(link, 'new')
    assert link.is_symlink()
    assert real.read_text() == 'new'


def test_a_pipe_is_written_into_and_never_replaced(tmp_path):
    pipe = tmp_path / 'pipe'
    os.mkfifo(pipe)
    found = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    write_text(pipe, 'new')
    reader.join(10)
    assert found == ['new']
    with pytest.raises(FileExistsError), replacing(pipe):
        pass
    assert pipe.is_fifo()


def test_the_new_file_is_as_readable_as_any_other(tmp_path):
    old = os.umask(0o022)
    try:
        write_text(tmp_path / 'file.txt', 'new')
    finally:
        os.umask(old)
    assert (tmp_path / 'file.txt').stat().st_mode & 0o777 == 0o644


def test_threads_that_write_one_file_leave_one_whole_version(tmp_path, monkeypatch):
    target, beside = tmp_path / 'file.txt', tmp_path / 'beside'
    beside.mkdir()
    # Longer than a buffer, so that a version is written in several pieces.
    versions = {str(digit) * 20_000 for digit in range(4)}
    write_text(target, min(versions))
    modes, read = set(), set()

    def write(text):
        for _ in range(50):
            write_text(target, text)
            modes.add(target.stat().st_mode & 0o777)
            read.add(target.read_text())

    def create():
        for index in range(2000):
            (beside / str(index)).touch()

    def slow_umask(mask):
        previous = umask(mask)
        time.sleep(1e-3)
        return previous

    umask = os.umask
    old = umask(0o027)
    # The umask belongs to the process: changing it, however briefly, would affect other threads.
    monkeypatch.setattr(os, 'umask', slow_umask)
    try:
        threads = [threading.Thread(target=write, args=(text,)) for text in versions]
        threads.append(threading.Thread(target=create))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        umask(old)
    # 0o666 without the umask's 0o027, also for files that other threads create meanwhile.
    assert modes == {0o640}
    assert {path.stat().st_mode & 0o777 for path in beside.iterdir()} == {0o640}
    assert read <= versions
    assert sorted(path.name for path in tmp_path.iterdir()) == ['beside', 'file.txt']
