"""The explanation in `mim download`, with a stand-in for mim's command."""

import subprocess
import sys

import pytest

from rm_mm.compat import config_scopes
from rm_mm.compat.config_scopes import NO_WEIGHTS

COMMAND = 'def {name}():\n    import rm_mm\n    return rm_mm.__version__\n'
#: mim runs the file of a command a second time, in a separate namespace.
RUN = """
import mim.commands.download
file = mim.commands.download.__file__
names = {{}}
exec(compile(open(file).read(), file, 'exec'), names)
print(names['{name}']() and 'done')
"""


@pytest.fixture
def output(tmp_path):
    def run(name, code=RUN):
        folder = tmp_path / 'mim' / 'commands'
        folder.mkdir(parents=True)
        for package in (folder.parent, folder):
            (package / '__init__.py').touch()
        (folder / 'download.py').write_text(COMMAND.format(name=name))
        done = subprocess.run(
            [sys.executable, '-c', code.format(name=name)],
            env={'PYTHONPATH': f'{tmp_path}:{config_scopes.PACKAGE.parent}'},
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_a_download_is_explained(output):
    assert output('_download_configs') == [NO_WEIGHTS, 'done']


def test_other_commands_of_mim_are_not(output):
    assert output('_download_dataset') == ['done']


def test_a_program_that_imports_both_is_not(output):
    code = 'import mim.commands.download, rm_mm; print("done")'
    assert output('_download_configs', code) == ['done']
