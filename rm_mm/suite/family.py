"""The processes that a command started, and theirs, wherever they went.

torchrun gives each worker a session of its own, and a worker whose torchrun was killed has another
parent. What all of them keep is the environment that they were started with: it holds a mark.
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

VARIABLE = 'RM_MM_FAMILY'
#: Between asking to end and killing.
GRACE_SECONDS = 10.0
_KILLING_SECONDS = 5.0


def mark_of(folder: Path) -> str:
    """What the marks of all commands begin with that work in a folder."""
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]


def new_mark(folder: Path | None) -> str:
    """A mark for one command, which works in a folder if that is known."""
    return f'{mark_of(folder) if folder else "-"}.{secrets.token_hex(8)}'


def members(mark: str) -> set[int]:
    """The processes alive whose mark begins so, without this one."""
    wanted = f'{VARIABLE}={mark}'.encode()
    found = set()
    for path in Path('/proc').glob('[0-9]*/environ'):
        # Of other people's processes, and of those that just ended, nothing is told.
        with suppress(OSError):
            if any(entry.startswith(wanted) for entry in path.read_bytes().split(b'\0')):
                found.add(int(path.parent.name))
    return found - {os.getpid()}


def end(marks: Iterable[str], asked: Iterable[int] = (), wait: Callable[[], object] = int) -> int:
    """Ask processes to end, and kill what has not after a while.

    Args:
        marks: Of those that have to be gone.
        asked: Those to ask; all of them if none is named. torchrun, asked alone, ends its workers
            in its own order.
        wait: Called while waiting, to take up how children ended.

    Returns:
        How many there were.
    """
    marks = list(marks)

    def alive() -> set[int]:
        return set().union(*map(members, marks))

    present = alive()
    try:
        for pid in list(asked) or present:
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while alive() and time.monotonic() < deadline:
            time.sleep(0.05)
            wait()
    finally:
        # At a second signal too; and what was only being started when the others were counted.
        # A process that waits for a disk does not end before it has it.
        deadline = time.monotonic() + _KILLING_SECONDS
        while (left := alive()) and time.monotonic() < deadline:
            for pid in left:
                _signal(pid, signal.SIGKILL)
            wait()
            time.sleep(0.02)
    return len(present)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
