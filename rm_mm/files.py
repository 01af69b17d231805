"""Atomic writes, and one process at a time in a folder."""

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
from typing import Any, TextIO

from rm_mm.errors import InputError, StaleLockError


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target`` that takes its place on success.

    The temporary file is flushed to disk before it is renamed, and removed if the block raises, so
    that ``target`` is never seen half-written.

    Args:
        target: The file to create or replace; of a link, what it leads to. Its folder is created
            if needed.

    Raises:
        OSError: If the folder cannot be written, or the target is a folder, a device or a pipe.
    """
    target = target.resolve()
    if target.exists() and not target.is_file():
        raise FileExistsError(errno.EEXIST, 'Not a regular file', str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f'.{target.name}.{secrets.token_hex(8)}.tmp'
    # Not tempfile, whose files are private: 0o666 leaves the mode to the umask, as of any new file.
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        yield temporary
        with temporary.open('rb') as written:
            os.fsync(written.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically; into a device or a pipe, as ``/dev/stdout``, just so."""
    if target.exists() and not (target.is_file() or target.is_dir()):
        target.write_text(text, encoding='utf-8')
        return
    with replacing(target) as temporary:
        temporary.write_text(text, encoding='utf-8')


def write_json(target: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically.

    Raises:
        ValueError: If the value holds NaN or infinity, which JSON has no word for.
    """
    write_text(target, json.dumps(value, indent=2, allow_nan=False) + '\n')


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
        StaleLockError: If processes hold it that a call left which is gone, on this machine.
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
        kind = StaleLockError if _is_gone(holder) else InputError
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
