import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

STEPS = ('build_wheel', 'build_sdist', 'build_editable')
ROOT = Path(__file__).parents[2]
NOT_COPIED = shutil.ignore_patterns(
    '.git', '.venv*', '.*_cache', '__pycache__', 'work_dirs', '*.egg-info', '.mim'
)


def call(command, *, cwd, rc=0, env=None):
    """Run a command and return its output and errors together."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert rc is None or done.returncode == rc, f'{command}: {done.returncode}\n{done.stdout}'
    return done.stdout


def copy_checkout(target):
    """Copy the checkout, so that no build touches the one under test."""

    def ignored(folder, names):
        top = {'data'} if Path(folder) == ROOT else set()
        return {*NOT_COPIED(folder, names), *top} & set(names)

    shutil.copytree(ROOT, target, ignore=ignored)
    return target


def make_environment(target):
    """A virtual environment that sees the packages of this one and installs only rm_mm."""
    venv.create(target, with_pip=False, symlinks=True)
    (packages,) = target.glob('lib/python*/site-packages')
    here = [folder for folder in site.getsitepackages() if Path(folder).is_dir()]
    (packages / 'outer.pth').write_text('\n'.join(here))
    return target / 'bin' / 'python'


@pytest.fixture(scope='session')
def built(tmp_path_factory):
    """A wheel, the wheel of an editable install, and a source distribution of the checkout."""
    checkout = copy_checkout(tmp_path_factory.mktemp('checkout') / 'rm_mm')
    before = listing(checkout)
    target = tmp_path_factory.mktemp('dist')
    hook = (
        'import sys; from setuptools import build_meta as b; print(getattr(b, sys.argv[1])({!r}))'
    )
    output = ''
    # Whether bytecode is written depends on the machine, and setuptools prints a warning about it.
    env = {name: value for name, value in os.environ.items() if name != 'PYTHONDONTWRITEBYTECODE'}
    for step in STEPS:
        folder = target / step
        folder.mkdir()
        output += call(
            [sys.executable, '-c', hook.format(str(folder)), step], cwd=checkout, env=env
        )
    # Only the links of an editable install, which git ignores.
    added = {path for path in listing(checkout) if path not in before}
    assert all(path.startswith('rm_mm/.mim') for path in added), added
    return {
        'checkout': checkout,
        'output': output,
        **{step: next((target / step).iterdir()) for step in STEPS},
    }


def listing(folder):
    """Return all paths below a folder, without following links."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob('*'))
