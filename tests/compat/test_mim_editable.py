"""The hook of an editable install, with a stand-in for mim's look-up of packages."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rm_mm.compat import mim_editable

#: A package that imports its own utilities, as mim does.
MIM = {
    'mim/__init__.py': 'from mim.utils import get_installed_path\n',
    'mim/utils/__init__.py': 'def get_installed_path(package): return f"/elsewhere/{package}"\n',
    'mim/commands.py': 'from mim.utils import get_installed_path\n',
}


@pytest.fixture
def path(tmp_path):
    """A folder with the stand-in and the hook, like site-packages of an editable install."""
    for name, text in MIM.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / 'hook.py').write_bytes(Path(mim_editable.__file__).read_bytes())
    (tmp_path / 'checkout' / 'rm_mm' / '.mim').mkdir(parents=True)
    (tmp_path / 'checkout' / 'rm_mm' / '__init__.py').touch()
    return tmp_path


def start(path, code, *more):
    package = str(path / 'checkout' / 'rm_mm')
    return subprocess.run(
        [sys.executable, '-S', '-c', f'import hook; hook.install({package!r})\n{code}'],
        env={'PYTHONPATH': ':'.join(map(str, [path, *more, path / 'checkout']))},
        cwd=path, capture_output=True, text=True,
    )  # fmt: skip


def run(path, code, *more):
    done = start(path, code, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize('name', ['rm_mm', 'rm-mm', 'RM_MM'])
def test_mim_finds_the_package_in_the_checkout(path, name):
    code = f'print(mim.get_installed_path({name!r}), commands.get_installed_path({name!r}))'
    assert (
        run(path, f'import mim; from mim import commands; {code}')
        == [str(path / 'checkout' / 'rm_mm')] * 2
    )


def test_other_packages_are_found_as_before(path):
    assert run(path, 'import mim; print(mim.get_installed_path("mmdet"))') == ['/elsewhere/mmdet']


def test_start_up_is_light_and_the_finder_is_removed(path):
    loaded = run(path, 'import sys; print(*sys.modules)')
    # Python itself may have loaded other modules by then.
    assert not {'importlib.util', 'torch', 'wrapt', 'rm_mm', 'mim'} & set(loaded)
    code = 'import mim, sys; print([type(finder).__name__ for finder in sys.meta_path])'
    assert '_MimFinder' not in ''.join(run(path, code))


def test_errors_without_mim_are_unchanged(path):
    code = 'try: import mim.utils.nothing\nexcept ImportError as error: print(type(error).__name__)'
    assert run(path, code) == ['ModuleNotFoundError']
    shutil.rmtree(path / 'mim')
    assert run(path, 'try: import mim.utils\nexcept ImportError: print("none")') == ['none']


def test_mim_takes_the_package_that_python_would_import(path):
    (path / 'other' / 'rm_mm').mkdir(parents=True)
    (path / 'other' / 'rm_mm' / '__init__.py').touch()
    found = run(path, 'import mim; print(mim.get_installed_path("rm_mm"))', path / 'other')
    assert found == [str(path / 'other' / 'rm_mm')]


@pytest.mark.parametrize('gone', ['', 'rm_mm/.mim'])
def test_a_checkout_without_its_mim_folder_is_reported(path, gone):
    shutil.rmtree(path / 'checkout' / gone)
    assert run(path, 'print("starts")') == ['starts']
    done = start(path, 'import mim; mim.get_installed_path("rm_mm")')
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f'rm_mm was installed with -e from {path}/checkout/rm_mm, which has no .mim: reinstall it'
    )


def test_an_unrelated_mim_is_left_alone(path):
    (path / 'mim' / '__init__.py').write_text('')
    (path / 'mim' / 'utils' / '__init__.py').write_text('x = 1')
    assert run(path, 'import mim.utils; print(mim.utils.x)') == ['1']
