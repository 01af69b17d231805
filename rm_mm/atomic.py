"""Files that are either whole or not there."""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


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
