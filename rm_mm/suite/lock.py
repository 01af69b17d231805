"""One call at a time in a work directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TextIO

from rm_mm.errors import InputError

NAME = 'suite.lock'

_held: dict[Path, TextIO] = {}


def held() -> list[int]:
    """File descriptors of the locks that this process holds, for its children to inherit."""
    return [file.fileno() for file in _held.values()]


def hold(work_dir: Path) -> None:
    """Keep other processes out of a work directory until this one ends, however it does.

    Args:
        work_dir: Created if needed; the lock file in it stays, and means nothing by itself.

    Raises:
        InputError: If another process holds it.
    """
    path = work_dir.resolve() / NAME
    if path in _held:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open('a+', encoding='utf-8')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with file:
            file.seek(0)
            holder = file.read().strip() or 'just starting'
        # A run inherits the lock, so that one whose suite was killed still holds it.
        raise InputError(
            f'{work_dir} is in use by another call (process {holder}, or a run that it left): wait '
            'for it, end it, or say another --work-dir'
        ) from None
    file.truncate(0)
    file.write(f'{os.getpid()}\n')
    file.flush()
    _held[path] = file
