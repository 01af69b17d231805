"""Paths that lead to records and logs."""

from pathlib import Path

import pytest

from rm_mm.cli import main
from rm_mm.errors import InputError
from rm_mm.reporting.sources import named_path


def test_a_method_before_a_path(tmp_path, monkeypatch):
    assert named_path('rm=a/b.log') == ('rm', Path('a/b.log'))
    assert named_path('lr=0.1/b.log') == (None, Path('lr=0.1/b.log'))
    assert named_path('a.log') == (None, Path('a.log'))
    monkeypatch.chdir(tmp_path)
    Path('b.log').touch()
    assert named_path('mine=b.log') == ('mine', Path('b.log'))
    with pytest.raises(InputError, match='cannot name a method'):
        named_path('my own=b.log')
    Path('lr=b.log').touch()
    assert named_path('lr=b.log') == (None, Path('lr=b.log'))


@pytest.mark.parametrize(
    ('path', 'word'), [('rm=', 'expected the path'), ('rm=no/such', 'does not exist')]
)
def test_a_missing_path(path, word, capsys):
    assert main(['report', path]) == 2
    assert word in capsys.readouterr().err
