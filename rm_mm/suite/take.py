"""Having a folder to oneself, whatever a killed process left in it."""

from __future__ import annotations

import time
from pathlib import Path

from rm_mm.errors import StaleLockError
from rm_mm.files import hold
from rm_mm.suite.family import end, mark_of

#: How long a process that has been ended may take to close its files.
RELEASE_SECONDS = 20.0


def take(folder: Path, lock: str) -> int:
    """Keep others out of a folder, and end what a killed process left running in it here.

    Args:
        folder: Created if needed.
        lock: Name of the lock file in it.

    Returns:
        How many processes were ended.

    Raises:
        InputError: If another process is at work there.
    """
    try:
        hold(folder, lock, '--work-dir')
        return end([mark_of(folder)])
    except StaleLockError:
        left = end([mark_of(folder)])
    deadline = time.monotonic() + RELEASE_SECONDS
    while True:
        try:
            hold(folder, lock, '--work-dir')
            return left
        except StaleLockError:
            # A process that ends gives up its memory, and with it its mark, before its files.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
