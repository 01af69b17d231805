"""Write one file of a data set: whole, never over another, never outside of its root."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from rm_mm.errors import InputError, RejectedError, printable

_CHUNK_BYTES = 1 << 20
#: How a file is called until it is whole; of a call that was killed it stays, and is removed by the
#: next.
SUFFIX = '.rm_mm_part'
# The same of what `rm_mm.files` writes here.
_ATOMIC = re.compile(r'\.(\.rm_mm_prepare|rm_mm_subset|instances_\w+)\.json\.[0-9a-f]{16}\.tmp')


def safe_path(member: str, archive: Path) -> PurePosixPath:
    """The path of a member of an archive, below the root.

    Raises:
        InputError: If it leads out of the root, or no file system should have it.
    """
    path = PurePosixPath(member)
    bad = (
        not member
        or '\\' in member
        or path.is_absolute()
        or '..' in path.parts
        or re.match(r'[A-Za-z]:', member)
        or not member.isprintable()
        or member.endswith(SUFFIX)
    )
    if bad:
        raise InputError(
            f'{printable(archive)} holds {printable(member)}, a name that leads elsewhere or '
            'cannot be one of a data set: nothing more of it is laid out'
        )
    return path


def write_file(target: Path, source: BinaryIO, size: int, archive: Path) -> bool:
    """Write what is read, unless the same is there.

    Args:
        target: Where to; its folder is created.
        source: What to copy.
        size: Bytes that there are to be.
        archive: For a message.

    Returns:
        Whether it was written: False if the same file was there.

    Raises:
        RejectedError: If another file is there, which is left.
        InputError: If there are more or fewer bytes than declared.
    """
    if os.path.lexists(target):
        if not _same(target, source, size, archive):
            raise RejectedError(
                f'{printable(target)} is there and is not what {printable(archive)} holds: it is '
                'left as it is; move it away and call again'
            )
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + SUFFIX)
    try:
        with _said_of(target), temporary.open('wb') as file:
            copied = 0
            for chunk in _chunks(source, archive):
                copied += len(chunk)
                if copied > size:
                    break
                file.write(chunk)
        if copied != size:
            raise InputError(
                f'{printable(archive)} is damaged: {printable(target.name)} has {copied} bytes or '
                f'more where {size} are declared; download it again'
            )
        temporary.rename(target)
    finally:
        temporary.unlink(missing_ok=True)
    return True


@contextmanager
def _said_of(target: Path) -> Iterator[None]:
    """Say which file a full disk stopped; Python does not."""
    try:
        yield
    except OSError as error:
        # Of a damaged archive that is read inside.
        if error.errno is None:
            raise
        raise InputError(
            f'cannot write {printable(target)}: {error.strerror}; what is whole stays, and the '
            'same call goes on from here'
        ) from error


def remove_leftovers(folder: Path) -> None:
    """Remove what a call that was killed had begun to write."""
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.endswith(SUFFIX) or _ATOMIC.fullmatch(name):
                os.unlink(os.path.join(parent, name))


def require_space(root: Path, needed: int, option: str = 'ROOT') -> None:
    """Check that a file system has room.

    Args:
        root: Where, or what is going to be there.
        needed: Bytes.
        option: What of the command line names it.

    Raises:
        InputError: If it has not.
    """
    there = next(parent for parent in (root, *root.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise InputError(
            f'{printable(root)} needs {_gigabytes(needed)}, {_gigabytes(free)} are free on its '
            f'file system: make room, or choose another {option}; nothing was written'
        )


def _gigabytes(count: int) -> str:
    return f'{count / 1e9:.1f} GB'


def _chunks(source: BinaryIO, archive: Path) -> Iterator[bytes]:
    while True:
        try:
            chunk = source.read(_CHUNK_BYTES)
        except OSError as error:
            # A damaged archive raises these too, without a number.
            if error.errno is None:
                raise
            raise InputError(f'cannot read {printable(archive)}: {error.strerror}') from error
        if not chunk:
            return
        yield chunk


def _same(target: Path, source: BinaryIO, size: int, archive: Path) -> bool:
    if target.is_symlink() or not target.is_file() or target.stat().st_size != size:
        return False
    with target.open('rb') as file:
        return all(file.read(len(chunk)) == chunk for chunk in _chunks(source, archive))
