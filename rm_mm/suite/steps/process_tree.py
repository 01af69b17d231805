"""The processes that a command started, directly or through others.

torchrun gives each worker a session of its own, and a worker whose torchrun was killed gets another
parent, so neither sessions nor parents lead to all of them. But all keep the environment that they
were started with, which holds a mark.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

VARIABLE = 'RM_MM_FAMILY'
#: Time between asking processes to end and killing them.
GRACE_SECONDS = 10.0
_KILLING_SECONDS = 5.0


def folder_mark(folder: Path) -> str:
    """Return the common prefix of the marks of all commands that work in a folder."""
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]


def new_mark(folder: Path | None) -> str:
    """Return the mark of one command, which works in ``folder`` if that is known."""
    return f'{folder_mark(folder) if folder else "-"}.{secrets.token_hex(8)}'


def members(mark: str) -> set[int]:
    """Return the living processes whose mark starts with ``mark``, without this one."""
    found = set()
    for process in psutil.process_iter():
        # The environment of other users' processes, and of those that just ended, is unreadable.
        with suppress(psutil.Error, OSError):
            if process.environ().get(VARIABLE, '').startswith(mark):
                found.add(process.pid)
    return found - {os.getpid()}


def end_processes(
    marks: Iterable[str], first: Iterable[int] = (), wait: Callable[[], object] = int
) -> int:
    """Ask processes to end, and kill those that have not ended after a while.

    Args:
        marks: Marks of the processes.
        first: Processes to ask; all of them by default. torchrun, asked alone, ends its workers in
            order.
        wait: Called repeatedly while waiting, to reap children.

    Returns:
        The number of processes found.
    """
    marks = list(marks)

    def alive() -> set[int]:
        return set().union(*map(members, marks))

    present = alive()
    try:
        for pid in list(first) or present:
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while alive() and time.monotonic() < deadline:
            time.sleep(0.05)
            wait()
    finally:
        # After a second signal, too; includes processes that were being started meanwhile. A
        # process that waits for a disk ends only once it has been served.
        deadline = time.monotonic() + _KILLING_SECONDS
        while (remaining := alive()) and time.monotonic() < deadline:
            for pid in remaining:
                _signal(pid, signal.SIGKILL)
            wait()
            time.sleep(0.02)
    return len(present)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
