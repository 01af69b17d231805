"""The word that `mim download` gets, against stand-ins for mim's command."""

import subprocess
import sys

import pytest

from rm_mm.compat import config_scopes
from rm_mm.compat.mim_download import WORD

COMMAND = 'def {name}():\n    import rm_mm\n    return rm_mm.__version__\n'
#: As mim runs a command: its file once more, in a namespace of its own.
RUN = """
import mim.commands.download
file = mim.commands.download.__file__
names = {{}}
exec(compile(open(file).read(), file, 'exec'), names)
print(names['{name}']() and 'done')
"""


@pytest.fixture
def said(tmp_path):
    def run(name, code=RUN):
        folder = tmp_path / 'mim' / 'commands'
        folder.mkdir(parents=True)
        for package in (folder.parent, folder):
            (package / '__init__.py').touch()
        (folder / 'download.py').write_text(COMMAND.format(name=name))
        done = subprocess.run(
            [sys.executable, '-c', code.format(name=name)],
            env={'PYTHONPATH': f'{tmp_path}:{config_scopes._PACKAGE.parent}'},
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_a_download_is_told(said):
    assert said('_download_configs') == [WORD, 'done']


def test_nothing_else_that_mim_does_is(said):
    assert said('_download_dataset') == ['done']


def test_nor_is_a_program_that_uses_both(said):
    code = 'import mim.commands.download, rm_mm; print("done")'
    assert said('_download_configs', code) == ['done']
