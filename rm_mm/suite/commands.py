"""Child processes: their output into a log, their end awaited, none left behind."""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Callable
from pathlib import Path

from rm_mm.errors import RefusedError

LOG_LINES = 12

_running: set[subprocess.Popen[str]] = set()


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
    with (
        log.open('a', encoding='utf-8') as file,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace',
            env=environment,
        ) as process,
    ):
        _running.add(process)
        assert process.stdout is not None, 'it was asked for'
        for line in process.stdout:
            file.write(line)
            file.flush()
            tail.append(line.rstrip())
            if on_line:
                on_line(line)
    _running.discard(process)
    if process.returncode:
        lines = '\n'.join(f'    {line}' for line in tail)
        raise RefusedError(f'exit code {process.returncode}; the end of {log}:\n{lines}')


def stop_commands() -> None:
    """End what is running: without its parent it would go on, unseen, in the same folders."""
    for process in list(_running):
        process.terminate()
