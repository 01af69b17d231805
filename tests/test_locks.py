import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rm_mm.cli import main
from rm_mm.errors import InputError
from rm_mm.files import hold

ROOT = Path(__file__).parents[1]
HOLDER = """
import sys
from pathlib import Path
from rm_mm.files import hold
hold(Path(sys.argv[1]), 'suite.lock', '--work-dir')
print('held', flush=True)
sys.stdin.read()
"""


def test_a_lock_that_is_held_at_exit_is_no_resource_warning(tmp_path):
    holder = [sys.executable, '-W', 'error::ResourceWarning', '-c', HOLDER, tmp_path]
    done = subprocess.run(holder, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b'held\n', b'')


@pytest.mark.parametrize(
    'call', [['suite', '--preset', 'paper', '--tasks', 'detection'], ['transfer', 'atss', 'coco']]
)
def test_a_second_call_on_a_work_dir_is_rejected_and_names_the_first(tmp_path, capsys, call):
    work_dir = tmp_path / 'runs'
    holder = subprocess.Popen(
        [sys.executable, '-c', HOLDER, work_dir],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == 'held\n'
        call = [*call, '--gpus', '8', '--data-root', str(tmp_path / 'no')]
        assert main([*call, '--work-dir', str(work_dir)]) == 2
        message = capsys.readouterr().err
        assert message == (
            f'rm-mm {call[0]}: {work_dir} is in use by another call (process {holder.pid}, or a '
            'run that it left): wait for it, end it, or pass another --work-dir\n'
        )
        assert main([*call, '--work-dir', str(tmp_path / 'other')]) == 2
        assert 'in use' not in capsys.readouterr().err
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    # The lock is free however its holder ended, and one process may take it twice.
    hold(work_dir, 'suite.lock', '--work-dir')
    hold(work_dir, 'suite.lock', '--work-dir')


def test_a_run_that_a_killed_suite_left_still_holds_the_work_dir(tmp_path):
    code = """
import sys
import time
from pathlib import Path
from rm_mm.errors import InputError
from rm_mm.files import hold
from rm_mm.suite.steps.children import run_command
hold(Path(sys.argv[1]), 'suite.lock', '--work-dir')
sleep = 'import os, time; print(os.getpid(), flush=True); time.sleep(60)'
run_command([sys.executable, '-c', sleep], Path(sys.argv[1], 'log'), on_line=print)
"""
    suite = subprocess.Popen(
        [sys.executable, '-u', '-c', code, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    left = int(suite.stdout.readline())
    suite.kill()
    suite.wait()
    try:
        with pytest.raises(InputError, match='or a run that it left'):
            hold(tmp_path, 'suite.lock', '--work-dir')
    finally:
        os.kill(left, signal.SIGKILL)
        suite.stdout.close()
    for _ in range(100):
        try:
            hold(tmp_path, 'suite.lock', '--work-dir')
            break
        except InputError:
            time.sleep(0.05)
    else:
        pytest.fail('the lock outlived the run')


def test_a_holder_on_another_machine_is_named_with_it(tmp_path):
    code = HOLDER.replace('import sys', 'import platform, sys\nplatform.node = lambda: "node7"', 1)
    holder = subprocess.Popen(
        [sys.executable, '-c', code, tmp_path],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout.readline() == 'held\n'
        with pytest.raises(
            InputError, match=f'process {holder.pid} of node7, or a run that it left'
        ):
            hold(tmp_path, 'suite.lock', '--work-dir')
    finally:
        holder.kill()
        holder.communicate()
