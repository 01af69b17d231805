"""Atomic writes, and locks that keep other processes out of a folder."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError, StaleLockError


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target`` that takes its place on success.

    The temporary file is flushed to disk before it is renamed, and removed if the block raises, so
    that ``target`` is never seen half-written.

    Args:
        target: The file to create or replace; links are followed. Its folder is created if needed.

    Raises:
        OSError: If the folder cannot be written, or the target is a folder, a device or a pipe.
    """
    target = target.resolve()
    if target.exists() and not target.is_file():
        raise FileExistsError(errno.EEXIST, 'Not a regular file', str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f'.{target.name}.{secrets.token_hex(8)}.tmp'
    # Files of tempfile are private; 0o666 leaves the mode to the umask, as for any new file.
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        yield temporary
        with temporary.open('rb') as written:
            os.fsync(written.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write ``text`` as UTF-8: atomically to a file, directly to a device or pipe."""
    if target.exists() and not (target.is_file() or target.is_dir()):
        target.write_text(text, encoding='utf-8')
        return
    with replacing(target) as temporary:
        temporary.write_text(text, encoding='utf-8')


def write_json(target: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically; NaN and infinity raise `ValueError`."""
    write_text(target, json.dumps(value, indent=2, allow_nan=False) + '\n')


# The descriptor of each lock file; open until the process ends, which releases the locks.
_held: dict[Path, int] = {}


def held() -> list[int]:
    """Return the file descriptors of the locks of this process, for its children to inherit."""
    return list(_held.values())


def held_folders() -> list[Path]:
    """Return the folders that this process has locked."""
    return [path.parent for path in _held]


def hold(folder: Path, name: str, option: str) -> None:
    """Lock a folder until this process and all children that inherit the lock have ended.

    The locks of the package filelock cannot be inherited; then a run that outlives a killed suite
    would not keep the next suite out.

    Args:
        folder: Created if needed. A second lock by the same process does nothing.
        name: Name of the lock file. The file stays, and locks nothing once its holders have ended.
        option: How the user named the folder, for the message.

    Raises:
        StaleLockError: If the processes that hold it were left by a call that ended, on this
            machine.
        InputError: If any other process holds it.
    """
    path = folder.resolve() / name
    if path in _held:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        holder = path.read_text(encoding='utf-8').split() or ['just starting']
        who = holder[0]
        if len(holder) == 3 and holder[2] != platform.node():
            who += f' of {holder[2]}'
        raise (StaleLockError if _has_ended(holder) else InputError)(
            f'{folder} is in use by another call (process {who}, or a run that it left): '
            f'wait for it, end it, or pass another {option}'
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f'{os.getpid()} {_start_time(os.getpid())} {platform.node()}\n'.encode())
    _held[path] = descriptor


def _has_ended(holder: list[str]) -> bool:
    """Return whether the holder that a lock file names was a process of this machine that ended."""
    if len(holder) != 3 or holder[2] != platform.node() or not holder[0].isdigit():
        return False
    return _start_time(int(holder[0])) != holder[1]


def _start_time(pid: int) -> str:
    """Return when a process started, in clock ticks; it tells apart processes with the same id."""
    try:
        stat = Path(f'/proc/{pid}/stat').read_text(encoding='utf-8', errors='replace')
    except OSError:
        return 'none'
    # The name of the process, in parentheses, may contain anything. The third field follows it.
    state, *fields = stat.rpartition(')')[2].split()
    return 'none' if state == 'Z' else fields[18]
