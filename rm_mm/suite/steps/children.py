"""Child processes: their output goes to a log, and none is left behind."""

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
from rm_mm.suite.steps.devices import VARIABLE as VISIBLE_DEVICES
from rm_mm.suite.steps.process_tree import VARIABLE, end_processes, new_mark
from rm_mm.suite.steps.step import Step, command_line

#: Lines of a log that a message shows.
LOG_LINES = 12
SIGNALS = (signal.SIGTERM, signal.SIGHUP)

#: Running commands and their marks.
_running: dict[subprocess.Popen[str], str] = {}
_stopping = False
#: Signal that stopped the call.
_signalled: int | None = None
#: Held while a command is started, so that stopping finds it either registered or not started.
#: Reentrant: a signal handler may stop the commands meanwhile.
_lock = threading.RLock()


def run_in_child(
    step: Step,
    on_line: Callable[[str], None] | None = None,
    threads: int | None = None,
    devices: str | None = None,
) -> None:
    """Run a step in child processes to its end, as :func:`run_command` does."""
    run_command(command_line(step), step.log, on_line, threads, devices)


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
        log: File that the output is appended to.
        on_line: Called with each line of the output.
        threads: Cores that the command uses; all by default.
        devices: GPUs that it sees, as ``CUDA_VISIBLE_DEVICES`` names them; all by default.

    Raises:
        RejectedError: If it fails; with the last lines of its output.
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

        def end_rest() -> None:
            # What the command leaves keeps the pipe open, and would be waited for.
            process.wait()
            end_processes([mark])

        watch = threading.Thread(target=end_rest, daemon=True)
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
        output = f'the end of {log}:\n{lines}' if tail else 'it printed nothing'
        raise RejectedError(f'{_ending(process.returncode)}; {output}')


def _ending(code: int) -> str:
    if code > 0:
        return f'exit code {code}'
    names = {number.value: number.name for number in signal.Signals}
    return f'ended by {names.get(-code, f"signal {-code}")}'


def stop_commands() -> None:
    """End all running commands; without this process they would keep writing to its folders.

    Nothing is started any more until ``stopped_by_signals`` ends.
    """
    global _stopping
    with _lock:
        _stopping = True
        processes = dict(_running)
    _end(processes)


def is_stopping() -> bool:
    """Return whether commands are being ended, which may be why one failed."""
    return _stopping


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP like Ctrl-C, and end all commands if the block raises.

    Signals from the terminal do not reach commands, which have their own sessions. A signal that is
    ignored, as under ``nohup``, stays ignored. Outside the main thread, where Python allows no
    signal handlers, signals are left alone.

    Raises:
        StoppedError: In the block, at a signal.
    """
    global _stopping, _signalled

    def stop(number: int, _frame: FrameType | None) -> None:
        global _signalled
        _signalled = number
        raise _stopped_by(number)

    in_main_thread = threading.current_thread() is threading.main_thread()
    numbers = (*SIGNALS, signal.SIGINT) if in_main_thread else ()
    handled = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in handled}
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
    """Raise again what a signal raised, in case other code has swallowed it.

    mmengine formats a config at each checkpoint, inside a bare ``except``.
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


def _end(processes: dict[subprocess.Popen[str], str]) -> None:
    """Ask commands to end, and end everything that they started."""
    end_processes(
        processes.values(),
        first=[process.pid for process in processes],
        # A child stays in the process table until it is reaped.
        wait=lambda: [process.poll() for process in processes],
    )
