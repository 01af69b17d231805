"""Write one file of a data set: completely or not at all, and never over another file."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rm_mm.errors import InputError, RejectedError, printable

_CHUNK_BYTES = 1 << 20
#: Suffix of an unfinished file. If a call is killed, the next one removes what it left.
PART_SUFFIX = '.rm_mm_part'
# Unfinished files of rm_mm.files in the folders of a preparation.
_ATOMIC = re.compile(r'\.(\.rm_mm_prepare|rm_mm_subset|instances_\w+)\.json\.[0-9a-f]{16}\.tmp')


def write_file(target: Path, content: BinaryIO, size: int, source: Path) -> bool:
    """Write a file, and create its folder, unless the same file exists.

    Messages name the source of the content, which must have ``size`` bytes.

    Returns:
        Whether the file was written.

    Raises:
        RejectedError: If another file exists there. It is kept.
        InputError: If the content has another size, or cannot be read or written.
    """
    if os.path.lexists(target):
        if not _is_same(target, content, size, source):
            raise RejectedError(
                f'{printable(target)} exists and differs from the file in {printable(source)}: it '
                'was kept. Move it away and repeat the call'
            )
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + PART_SUFFIX)
    copied = 0
    try:
        with temporary.open('wb') as file:
            for chunk in _chunks(content, source):
                copied += len(chunk)
                if copied > size:
                    break
                file.write(chunk)
        if copied != size:
            raise InputError(
                f'{printable(source)} is damaged: {printable(target.name)} has at least {copied} '
                f'bytes, expected {size}. Download it again'
            )
        temporary.rename(target)
    except OSError as error:
        # A damaged archive raises some without a number.
        if error.errno is None:
            raise
        raise InputError(
            f'cannot write {printable(target)}: {error.strerror}. Finished files are kept; repeat '
            'the call to resume'
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _chunks(content: BinaryIO, source: Path) -> Iterator[bytes]:
    while True:
        try:
            chunk = content.read(_CHUNK_BYTES)
        except OSError as error:
            if error.errno is None:
                raise
            raise InputError(f'cannot read {printable(source)}: {error.strerror}') from error
        if not chunk:
            return
        yield chunk


def _is_same(target: Path, content: BinaryIO, size: int, source: Path) -> bool:
    if target.is_symlink() or not target.is_file() or target.stat().st_size != size:
        return False
    with target.open('rb') as file:
        return all(file.read(len(chunk)) == chunk for chunk in _chunks(content, source))


def remove_leftovers(folder: Path) -> None:
    """Remove the unfinished files of a call that was killed."""
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.endswith(PART_SUFFIX) or _ATOMIC.fullmatch(name):
                os.unlink(os.path.join(parent, name))


def require_space(root: Path, needed: int, option: str = 'ROOT') -> None:
    """Check that the file system of a folder, which may not exist yet, has ``needed`` bytes.

    Raises:
        InputError: If it has not; ``option`` is the one that names the folder.
    """
    existing = next(parent for parent in (root, *root.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise InputError(
            f'{printable(root)} needs {needed / 1e9:.1f} GB, but only {free / 1e9:.1f} GB are free '
            f'on its file system: free some space or choose another {option}. Nothing was written'
        )
