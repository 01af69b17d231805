"""One call at a time in a folder."""

from __future__ import annotations

import fcntl
import os
import platform
from pathlib import Path
from typing import TextIO

from rm_mm.errors import InputError, LeftBehindError

_held: dict[Path, TextIO] = {}


def held() -> list[int]:
    """File descriptors of the locks that this process holds, for its children to inherit."""
    return [file.fileno() for file in _held.values()]


def held_folders() -> list[Path]:
    """The folders that this process keeps others out of."""
    return [path.parent for path in _held]


def hold(folder: Path, name: str, option: str) -> None:
    """Keep other processes out of a folder until this one ends, however it does.

    Args:
        folder: Created if needed; the lock file in it stays, and means nothing by itself.
        name: Of that file.
        option: What on the command line names the folder.

    Raises:
        LeftBehindError: If processes hold it that a call left which is gone, on this machine.
        InputError: If another process holds it.
    """
    path = folder.resolve() / name
    if path in _held:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open('a+', encoding='utf-8')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with file:
            file.seek(0)
            holder = file.read().split() or ['just starting']
        # A child inherits the lock, so that one whose suite was killed still holds it.
        kind = LeftBehindError if _is_gone(holder) else InputError
        who = holder[0]
        if len(holder) == 3 and holder[2] != platform.node():
            who += f' of {holder[2]}'
        raise kind(
            f'{folder} is in use by another call (process {who}, or a run that it left): '
            f'wait for it, end it, or say another {option}'
        ) from None
    file.truncate(0)
    file.write(f'{os.getpid()} {_birth(os.getpid())} {platform.node()}\n')
    file.flush()
    _held[path] = file


def _is_gone(holder: list[str]) -> bool:
    """Whether a holder, as the lock file names it, was of this machine and has ended."""
    if len(holder) != 3 or holder[2] != platform.node() or not holder[0].isdigit():
        return False
    return _birth(int(holder[0])) != holder[1]


def _birth(pid: int) -> str:
    """When a process began, in the kernel's clock, which tells two of one number apart."""
    try:
        stat = Path(f'/proc/{pid}/stat').read_text(encoding='utf-8', errors='replace')
    except OSError:
        return 'none'
    # Behind the name, which may hold anything, from the third field on.
    state, *fields = stat.rpartition(')')[2].split()
    return 'none' if state == 'Z' else fields[18]
