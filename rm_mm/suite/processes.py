"""Child processes: their output into a log, their end awaited, none left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rm_mm.errors import RejectedError, StoppedError
from rm_mm.files import held, held_folders
from rm_mm.suite.devices import VARIABLE as VISIBLE_DEVICES
from rm_mm.suite.family import VARIABLE, end, new_mark

#: As ``run_command``.
Execute = Callable[..., None]

LOG_LINES = 12
SIGNALS = (signal.SIGTERM, signal.SIGHUP)

#: Each with its mark.
_running: dict[subprocess.Popen[str], str] = {}
_stopping = False
#: The signal that the call was stopped by.
_signalled: int | None = None
#: Held while a command is started, so that stopping meets it either registered or not begun.
#: A signal may come meanwhile, and its handler stop the commands.
_lock = threading.RLock()


def run_command(
    command: list[str],
    log: Path,
    on_line: Callable[[str], None] | None = None,
    threads: int | None = None,
    devices: str | None = None,
) -> None:
    """Run a command to its end.

    Args:
        command: Program and arguments.
        log: Its output is appended here.
        on_line: Called with each line of it.
        threads: How many cores the command is to use; all if not given.
        devices: Which GPUs it sees; all that this process does if not given.

    Raises:
        RejectedError: If it fails, with the last lines of its output.
    """
    environment = dict(os.environ)
    if threads is not None:
        environment['OMP_NUM_THREADS'] = str(max(threads, 1))
    if devices is not None:
        environment[VISIBLE_DEVICES] = devices
    tail: deque[str] = deque(maxlen=LOG_LINES)
    with log.open('a', encoding='utf-8') as file:
        process = _start(command, environment)
        mark = _running[process]
        # What it started keeps the pipe open, and would be waited for.
        watch = threading.Thread(target=_end_with, args=(process, mark), daemon=True)
        watch.start()
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
                    _end({process: mark})
                    raise
        finally:
            watch.join()
            _running.pop(process, None)
    if process.returncode:
        lines = '\n'.join(f'    {line}' for line in tail)
        said = f'the end of {log}:\n{lines}' if tail else 'it printed nothing'
        raise RejectedError(f'{_ending(process.returncode)}; {said}')


def _ending(code: int) -> str:
    if code > 0:
        return f'exit code {code}'
    known = {number.value: number.name for number in signal.Signals}
    return f'ended by {known.get(-code, f"signal {-code}")}'


def stop_commands() -> None:
    """End what is running: without its parent it would go on, unseen, in the same folders.

    Until the end of ``stopped_by_signals`` nothing more is started.
    """
    global _stopping
    with _lock:
        _stopping = True
        processes = dict(_running)
    _end(processes)


def is_stopping() -> bool:
    """Whether commands are being ended, so that one that failed may have been."""
    return _stopping


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Take SIGTERM and SIGHUP as Ctrl-C, and leave no command behind when anything is raised.

    Commands are in sessions of their own, which no signal to this process or from its terminal
    reaches. A signal that is ignored, as under ``nohup``, stays ignored. For the main thread.

    Raises:
        StoppedError: Out of the block, at a signal.
    """
    global _stopping, _signalled

    def stop(number: int, _frame: FrameType | None) -> None:
        global _signalled
        _signalled = number
        raise _stopped_by(number)

    heeded = [
        number
        for number in (*SIGNALS, signal.SIGINT)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]
    before = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield
    except BaseException:
        stop_commands()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _stopping, _signalled = False, None


def require_unstopped() -> None:
    """Raise anew what a signal raised, should somebody's code have taken it for an error.

    mmengine formats a config at each checkpoint, within a bare ``except``.

    Raises:
        StoppedError: Or KeyboardInterrupt, if there was a signal.
    """
    if _signalled is not None:
        raise _stopped_by(_signalled)


def _stopped_by(number: int) -> KeyboardInterrupt:
    return KeyboardInterrupt() if number == signal.SIGINT else StoppedError(number)


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    with _lock:
        if _stopping:
            raise RejectedError('not run: the call was stopped')
        folders = held_folders()
        mark = new_mark(folders[0] if folders else None)
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace',
            env=environment | {VARIABLE: mark},
            start_new_session=True,
            pass_fds=held(),
        )
        _running[process] = mark
    return process


def _end_with(process: subprocess.Popen[str], mark: str) -> None:
    """End what a command has left as soon as it has ended itself, however that was."""
    process.wait()
    end([mark])


def _end(processes: dict[subprocess.Popen[str], str]) -> None:
    """Ask commands to end, and see to it that whatever they started does."""
    end(
        processes.values(),
        asked=[process.pid for process in processes],
        # A process is there until its parent has asked how it ended.
        wait=lambda: [process.poll() for process in processes],
    )
