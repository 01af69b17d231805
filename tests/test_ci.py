"""`.ci/run` works in a copy of the checkout. Tested in a small repository with a fake `make`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / '.ci' / 'run'

MAKE = """#!/bin/sh
echo "make $* in $PWD: $(ls -A | sort | tr '\\n' ' ')" >> "$LOG"
git status --short >> "$LOG"
venv=.venv
for word; do case $word in STACK=*) venv=.venv-${word#*=};; VENV=*) venv=${word#*=};; esac; done
mkdir -p $venv/bin work_dirs
for tool in python rm-mm; do
    printf '#!/bin/sh\\necho %s "$@" >> "$LOG"\\n' $venv/$tool > $venv/bin/$tool
    chmod +x $venv/bin/$tool
done
[ "$1" != "$FAILING" ]
"""


@pytest.fixture
def checkout(tmp_path):
    """A repository with a changed file, a deleted file, a new file, and files that git ignores."""
    root = tmp_path / 'checkout'
    (root / '.ci').mkdir(parents=True)
    shutil.copy(SCRIPT, root / '.ci' / 'run')
    (root / '.gitignore').write_text('.venv*/\nwork_dirs/\n/data/\n')
    for name in ('changed', 'deleted'):
        (root / name).write_text('old')
    for command in (
        ['init', '--quiet'],
        ['add', '.'],
        ['-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '-m', 'Begin'],
    ):
        subprocess.run(['git', *command], cwd=root, check=True)
    (root / 'changed').write_text('new')
    (root / 'deleted').unlink()
    (root / 'new').touch()
    for name in ('.venv', 'work_dirs', 'data'):
        (root / name).mkdir()
        (root / name / 'mine').touch()
    return root


def contents(root):
    return sorted(
        str(path.relative_to(root)) for path in root.rglob('*') if '.git' not in path.parts
    )


@pytest.mark.parametrize('failing', ['', 'test'])
def test_runs_in_a_copy_and_leaves_the_checkout_alone(checkout, tmp_path, failing):
    tools, temporary, log = tmp_path / 'tools', tmp_path / 'tmp', tmp_path / 'log'
    tools.mkdir()
    temporary.mkdir()
    (tools / 'make').write_text(MAKE)
    (tools / 'make').chmod(0o755)
    # Without Slurm, let the script believe that it could be installed.
    (tools / 'apt-get').write_text('#!/bin/sh\n')
    (tools / 'apt-get').chmod(0o755)
    # Otherwise a machine without a browser would download one.
    (tools / 'chromium').symlink_to('/bin/true')
    for version in ('3.10', '3.12'):
        (tools / f'python{version}').symlink_to(sys.executable)
    before = contents(checkout)
    result = subprocess.run(
        [checkout / '.ci' / 'run'],
        capture_output=True,
        text=True,
        env={
            'PATH': f'{tools}:{os.environ["PATH"]}',
            'TMPDIR': str(temporary),
            'LOG': str(log),
            'FAILING': failing,
        },
    )
    assert result.returncode == (1 if failing else 0), result.stderr
    assert contents(checkout) == before
    assert list(temporary.iterdir()) == []

    lines = log.read_text().splitlines()
    # The copy contains uncommitted work, but neither the environment nor the results.
    assert lines[0].startswith(f'make lint in {temporary}')
    assert lines[0].endswith(': .ci .git .gitignore changed new ')
    assert lines[1:4] == [' M changed', ' D deleted', '?? new']
    if not failing:
        made = [line.split(' in ')[0] for line in lines if line.startswith('make ')]
        assert made[:4] == ['make lint', 'make test', 'make test-slow', 'make mini-short']
        root = os.geteuid() == 0
        assert not root or made.pop(4) == 'make test-slurm'
        assert made.pop(4) == 'make test-browser'
        assert made[4] == 'make test-short STACK=upstream'
        # Only one environment exists at a time. Only installed Pythons are used.
        environments = [
            [word for word in line.split(': ')[1].split() if word.startswith('.venv')]
            for line in lines
            if line.startswith('make ')
        ]
        assert environments == [[], *[['.venv']] * (4 + root), *[[]] * (len(made) - 4)]
        assert sum('.venv-upstream/python -m pytest -m slow' in line for line in lines) == 2
        assert made[5:] == [
            f'make test-python PYTHON={tools}/python{version} VENV=.venv-{version}'
            for version in ('3.10', '3.12')
        ]
        for version in ('3.10', '3.12'):
            assert f'.venv-{version}/python -m pip check' in lines
