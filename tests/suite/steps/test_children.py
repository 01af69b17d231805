"""A signal to the suite leaves no process behind. Real processes, none of which sees a GPU."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rm_mm.errors import RejectedError
from rm_mm.suite.launch.folder import lock_folder
from rm_mm.suite.steps import children as processes
from rm_mm.suite.steps import process_tree

ROOT = Path(__file__).parents[3]

#: As torchrun: starts a process in a session of its own; that one has no ear for SIGTERM.
CHILD = """
import os, signal, subprocess, sys, time
from pathlib import Path
worker = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(120)'
process = subprocess.Popen([sys.executable, '-c', worker], start_new_session=True)
time.sleep(0.3)
folder = Path(sys.argv[1])
(folder / f'{os.getpid()}.tmp').write_text(f'{os.getpid()} {process.pid}')
(folder / f'{os.getpid()}.tmp').rename(folder / f'{os.getpid()}.pids')
process.wait()
"""

#: Runs two cells, or one command, each of which sleeps.
SUITE = """
import signal, sys
from functools import partial
from pathlib import Path
# Whoever runs the tests may ignore these, as nohup does.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from rm_mm.errors import reported
from rm_mm.recipe.config import read_config
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from tests.suite.cells import prepare_cells
from rm_mm.suite.launch import local
from rm_mm.suite.plan.cells import plan_cells
from rm_mm.suite.plan.presets import PRESETS
from rm_mm.suite.steps import process_tree
from rm_mm.suite.steps.children import run_command, stopped_by_signals

child, folder, what = sys.argv[1:4]
sleeping = [sys.executable, '-c', child, folder]
process_tree.GRACE_SECONDS = 0.3
local.run_in_child = lambda step, *_: run_command(sleeping, step.log)

def run_cells():
    methods, tasks = ('baseline', 'rm'), ('classification',)
    cells = plan_cells(PRESETS['mini'], methods, tasks, (0,), Path(folder))
    local.run_in_children(prepare_cells(cells, CellOptions())[1], CellOptions(jobs=2))

with reported('suite', hint='; the same call continues from here') as outcome, stopped_by_signals():
    run_cells() if what == 'cells' else run_command(sleeping, Path(folder, 'log'))
sys.exit(outcome.exit_code)
"""


def alive(pid):
    try:
        state = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
    except OSError:
        return False
    # In a container nobody may ask how an orphan ended.
    return state != 'Z'


def wait_until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


@pytest.mark.parametrize(
    ('number', 'code', 'what', 'children'),
    [
        (signal.SIGTERM, 143, 'cells', 2),
        (signal.SIGTERM, 143, 'command', 1),
        (signal.SIGINT, 130, 'command', 1),
        (signal.SIGHUP, 129, 'cells', 2),
    ],
)
def test_a_signal_ends_every_process(tmp_path, what, children, number, code):
    suite = subprocess.Popen(
        [sys.executable, '-c', SUITE, CHILD, tmp_path, what],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    pids = []
    try:
        wait_until(lambda: len(list(tmp_path.glob('*.pids'))) == children)
        pids = [int(pid) for file in tmp_path.glob('*.pids') for pid in file.read_text().split()]
        assert len(pids) == 2 * children
        assert all(map(alive, pids))
        suite.send_signal(number)
        _, errors = suite.communicate(timeout=30)
        assert suite.returncode == code
        assert 'stopped; the same call continues from here' in errors
        assert 'Traceback' not in errors
        wait_until(lambda: not any(map(alive, pids)), seconds=2.0)
    finally:
        for pid in [suite.pid, *pids]:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        suite.communicate()


def test_a_command_that_is_only_just_starting_is_ended_and_no_other_begins(tmp_path, monkeypatch):
    started = threading.Event()

    def slow_popen(*arguments, **options):
        process = Popen(*arguments, **options)
        started.set()
        time.sleep(0.5)
        return process

    Popen = subprocess.Popen  # noqa: N806
    monkeypatch.setattr(processes.subprocess, 'Popen', slow_popen)
    monkeypatch.setattr(processes, '_stopping', False)
    sleeping = [sys.executable, '-c', 'import time; time.sleep(20)']
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(processes.run_command, sleeping, tmp_path / 'log')
        assert started.wait(10)
        processes.stop_commands()
        with pytest.raises(RejectedError, match='ended by SIGTERM'):
            attempt.result()
    assert time.monotonic() - begun < 15
    assert not processes._running
    with pytest.raises(RejectedError, match='the call was stopped'):
        processes.run_command(sleeping, tmp_path / 'log')


def test_a_command_whose_lines_cannot_be_handled_is_ended(tmp_path):
    code = 'import time; print(1, flush=True); time.sleep(20)'
    begun = time.monotonic()
    with pytest.raises(ValueError, match="'x'"):
        processes.run_command([sys.executable, '-c', code], tmp_path / 'log', lambda _: int('x'))
    assert time.monotonic() - begun < 15
    assert not processes._running


@pytest.mark.parametrize('code', ['kill -9 $$', 'exit 0'])
def test_what_a_command_leaves_is_ended_with_it(tmp_path, code):
    begun = time.monotonic()
    # As torchrun's workers, with its output and without its descriptors.
    command = ['bash', '-c', f'setsid sleep 60 & echo $!; {code}']
    lines = []
    if 'kill' in code:
        with pytest.raises(RejectedError, match='ended by SIGKILL'):
            processes.run_command(command, tmp_path / 'log', lines.append)
    else:
        processes.run_command(command, tmp_path / 'log', lines.append)
    assert time.monotonic() - begun < 15
    wait_until(lambda: not alive(int(lines[0])), seconds=2.0)


def test_the_next_call_ends_workers_that_hold_no_lock(tmp_path):
    environment = os.environ | {process_tree.VARIABLE: process_tree.new_mark(tmp_path)}
    worker = subprocess.Popen(['sleep', '60'], env=environment)
    other = subprocess.Popen(
        ['sleep', '60'],
        env=os.environ | {process_tree.VARIABLE: process_tree.new_mark(tmp_path / 'other')},
    )
    try:
        threading.Thread(target=worker.wait, daemon=True).start()
        assert lock_folder(tmp_path, 'suite.lock') == 1
        assert not alive(worker.pid)
        assert alive(other.pid)
    finally:
        for process in (worker, other):
            process.kill()
            process.wait()


def test_a_command_sees_the_gpus_that_it_was_dealt(tmp_path, monkeypatch):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '5,6')
    echo = ['bash', '-c', 'echo $CUDA_VISIBLE_DEVICES']
    lines = []
    processes.run_command(echo, tmp_path / 'log', lines.append, devices='6')
    processes.run_command(echo, tmp_path / 'log', lines.append)
    assert lines == ['6\n', '5,6\n']
