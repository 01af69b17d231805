"""Child processes: their output into a log, their end awaited, none left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from rm_mm.errors import RefusedError, StoppedError
from rm_mm.suite.lock import held

LOG_LINES = 12
#: Between asking a command to end and killing it.
GRACE_SECONDS = 10.0
SIGNALS = (signal.SIGTERM, signal.SIGHUP)

_running: set[subprocess.Popen[str]] = set()
_stopping = False
#: Held while a command is started, so that stopping meets it either registered or not begun.
_lock = threading.Lock()


def run_command(
    command: list[str],
    log: Path,
    on_line: Callable[[str], None] | None = None,
    threads: int | None = None,
) -> None:
    """Run a command to its end.

    Args:
        command: Program and arguments.
        log: Its output is appended here.
        on_line: Called with each line of it.
        threads: How many cores the command is to use; all if not given.

    Raises:
        RefusedError: If it fails, with the last lines of its output.
    """
    environment = dict(os.environ)
    if threads is not None:
        environment['OMP_NUM_THREADS'] = str(max(threads, 1))
    tail: deque[str] = deque(maxlen=LOG_LINES)
    with log.open('a', encoding='utf-8') as file:
        process = _start(command, environment)
        try:
            with process:
                assert process.stdout is not None, 'it was asked for'
                try:
                    for line in process.stdout:
                        file.write(line)
                        file.flush()
                        tail.append(line.rstrip())
                        if on_line:
                            on_line(line)
                except BaseException:
                    _end([process])
                    raise
        finally:
            _running.discard(process)
    if process.returncode:
        lines = '\n'.join(f'    {line}' for line in tail)
        raise RefusedError(f'exit code {process.returncode}; the end of {log}:\n{lines}')


def stop_commands() -> None:
    """End what is running: without its parent it would go on, unseen, in the same folders.

    Until the end of ``stopped_by_signals`` nothing more is started.
    """
    global _stopping
    with _lock:
        _stopping = True
        processes = list(_running)
    _end(processes)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Take SIGTERM and SIGHUP as Ctrl-C, and leave no command behind when anything is raised.

    Commands are in sessions of their own, which no signal to this process or from its terminal
    reaches. A signal that is ignored, as under ``nohup``, stays ignored. For the main thread.

    Raises:
        StoppedError: Out of the block, at a signal.
    """
    global _stopping

    def stop(number: int, _frame: FrameType | None) -> None:
        raise StoppedError(number)

    heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield
    except BaseException:
        stop_commands()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _stopping = False


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    with _lock:
        if _stopping:
            raise RefusedError('not run: the call was stopped')
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace',
            env=environment,
            start_new_session=True,
            pass_fds=held(),
        )
        _running.add(process)
    return process


def _end(processes: list[subprocess.Popen[str]]) -> None:
    """Ask commands and whatever they started to end, and kill what has not after a while."""
    groups = _groups(processes)
    try:
        # Only the commands themselves are asked: torchrun then ends its workers in its own order.
        for process in processes:
            _signal(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while any(_signal(group, 0) for group in groups) and time.monotonic() < deadline:
            time.sleep(0.05)
            groups |= _groups(processes)
            for process in processes:
                # A process is there until its parent has asked how it ended.
                process.poll()
    finally:
        # At a second signal too.
        for group in groups:
            _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    """Send a signal to a process group; return whether there is one."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def _groups(processes: list[subprocess.Popen[str]]) -> set[int]:
    """The groups of processes and their descendants: torchrun's workers have their own."""
    family = {process.pid for process in processes}
    groups, parents, size = set(family), {}, 0
    for path in Path('/proc').glob('[0-9]*/stat'):
        with suppress(OSError):
            # Behind the name, which may hold anything: state, parent, group.
            _, parent, group, *_ = path.read_text().rpartition(')')[2].split()
            parents[int(path.parent.name)] = int(parent), int(group)
    while len(family) > size:
        size = len(family)
        family |= {pid for pid, (parent, _) in parents.items() if parent in family}
    return groups | {parents[pid][1] for pid in family if pid in parents}
