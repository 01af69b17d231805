import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rm_mm import __version__
from rm_mm.cli import main

ROOT = Path(__file__).parents[1]
HEAVY = (
    'torch', 'numpy', 'mmengine', 'mmcv', 'mmpretrain', 'mmdet', 'mmseg', 'cv2', 'pydantic', 'rich',
    'jinja2', 'psutil',
)  # fmt: skip
COMMANDS = ('train', 'test', 'export', 'suite', 'transfer', 'report', 'fidelity', 'data', 'doctor')


def python(*arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, **options
    )


@pytest.mark.parametrize('command', ['', *COMMANDS])
def test_help_imports_nothing_heavy(command):
    code = (
        'import sys; from rm_mm.cli import main\n'
        f'try: main([{command!r}, "--help"] if {command!r} else ["--help"])\n'
        f'finally: print("loaded", [name for name in {HEAVY} if name in sys.modules])'
    )
    result = python('-c', code)
    assert result.returncode == 0
    assert 'usage: rm-mm' in result.stdout
    assert result.stdout.rstrip().endswith('loaded []')


@pytest.mark.parametrize(
    ('arguments', 'code', 'words'),
    [
        (['train', 'no/such.py'], 2, ['no config', 'no/such.py', 'expected']),
        (['report', 'nowhere'], 2, ['no records', 'nowhere does not exist']),
        (['transfer', 'yolo', 'coco'], 2, ['no transfer', 'atss coco']),
        (['export', 'nothing.pth', '-o', 'backbone.pth'], 2, ['nothing.pth']),
        (['export', 'http://x/y.pth', '-o', 'backbone.pth'], 2, ['expected a file, https://']),
        (['data', 'check', 'coco', 'nowhere'], 2, ['nowhere', 'cannot be checked']),
        (['data', 'prepare', 'coco', 'nowhere'], 2, ['nowhere', '--archives DIR']),
        (['suite', '--gpus', '-1', '--methods', 'rm'], 2, ['--gpus']),
        (['suite', '--preset', 'typo'], 2, ['expected mini, ', "'typo'"]),
        (['suite', '--plan', '--usd-per-gpu-hour', '-1'], 2, ['expected a price such as 2.5']),
        (['suite', '--plan', '--usd-per-gpu-hour', 'nan'], 2, ['expected a price such as 2.5']),
        (['suite', '--seeds', '-1'], 2, ['--seeds: expected numbers from 0', '-1']),
        (['suite', '--seeds', str(2**32)], 2, ['--seeds: expected numbers from 0']),
        (['suite', '--schedule-scale', '0'], 2, ['expected a number in (0, 1], got 0']),
        (['suite', '--schedule-scale', '2'], 2, ['expected a number in (0, 1], got 2']),
        (['suite', '--methods', 'mine=', '--tasks', ','], 2, ["'mine='", "found ''"]),
    ],
)
def test_mistakes_are_one_message_and_exit_2(arguments, code, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    message = capsys.readouterr().err
    assert message.startswith(f'rm-mm {arguments[0]}: ')
    assert 'Traceback' not in message
    for word in words:
        assert word in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    'arguments',
    [
        ['suite', '--seeds', '0,x'],
        ['suite', '--schedule-scale', 'half'],
        ['frobnicate'],
        [],
    ],
)
def test_wrong_calls_exit_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert 'rm-mm' in capsys.readouterr().err


def test_debug_shows_the_traceback():
    with pytest.raises(ValueError, match='no config'):
        main(['--debug', 'train', 'no/such.py'])


def test_mims_way_to_a_transfer_is_the_command():
    result = python('tools/run_transfer.py', 'yolo', 'coco')
    assert result.returncode == 2
    assert result.stderr.startswith('rm-mm transfer: no transfer')


@pytest.mark.parametrize('script', ['train', 'test'])
def test_scripts_are_the_commands(script):
    result = python(f'tools/{script}.py', 'no/such.py', *(['none'] if script == 'test' else []))
    assert result.returncode == 2
    assert result.stderr.startswith(f'rm-mm {script}: no config')


def test_missing_data_is_reported_once_and_exits_2(tmp_path):
    for call in (
        ['tools/dist_train.sh', 'configs/detection/atss_r50_rm_coco.py', '2'],
        ['tools/run_transfer.sh', 'atss', 'coco', '--work-dir', str(tmp_path)],
    ):
        call += ['--data-root', str(tmp_path / 'coco')]
        result = subprocess.run(
            ['bash', *call], capture_output=True, text=True, cwd=ROOT,
            env={'PATH': '/usr/bin:/bin', 'PYTHON': sys.executable},
        )  # fmt: skip
        assert result.returncode == 2, result.stderr
        for word in ('train2017: not there', 'instances_{train,val}2017.json', '--data-root DIR'):
            assert result.stderr.count(word) == 1, result.stderr


def test_scripts_without_rm_mm_say_what_to_do(tmp_path):
    # As from an installed .mim folder, without the environment that it belongs to.
    shutil.copytree(ROOT / 'tools', tmp_path / 'tools')
    lacking = tmp_path / 'python'
    lacking.write_text('#!/bin/sh\nexit 1\n')
    lacking.chmod(0o755)
    result = subprocess.run(
        ['bash', tmp_path / 'tools' / 'run_transfer.sh', 'atss', 'coco'],
        env={'PATH': '/usr/bin:/bin', 'PYTHON': str(lacking)}, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 2
    assert f'rm_mm is not installed for {lacking}' in result.stderr


def test_scripts_say_how_they_are_called():
    for script in ('dist_train.sh', 'dist_test.sh', 'slurm_train.sh'):
        # The environment may name a Python without rm_mm, as make's PYTHON does.
        environ = {'PATH': '/usr/bin:/bin', 'PYTHON': sys.executable}
        command = ['bash', f'tools/{script}']
        result = subprocess.run(command, capture_output=True, cwd=ROOT, env=environ)
        assert result.returncode == 2
        assert script.encode() in result.stderr


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(['--version'])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f'rm_mm {__version__}\n'
