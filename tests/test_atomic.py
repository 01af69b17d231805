import os

import pytest

from rm_mm.atomic import replacing, write_text


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


def test_the_new_file_is_as_readable_as_any_other(tmp_path):
    old = os.umask(0o022)
    try:
        write_text(tmp_path / 'file.txt', 'new')
    finally:
        os.umask(old)
    assert (tmp_path / 'file.txt').stat().st_mode & 0o777 == 0o644
