"""Locking a work directory, and ending what a killed call left running in it."""

from __future__ import annotations

import time
from pathlib import Path

from rm_mm.errors import StaleLockError
from rm_mm.files import hold
from rm_mm.suite.steps.process_tree import end_processes, folder_mark

#: Time for an ended process to close its files.
RELEASE_SECONDS = 20.0


def lock_folder(folder: Path, lock: str) -> int:
    """Lock a folder with a file until this process ends; the folder is created if needed.

    What a killed call left running in it is ended.

    Returns:
        The number of ended processes.

    Raises:
        InputError: If another call is using the folder.
    """
    try:
        hold(folder, lock, '--work-dir')
        return end_processes([folder_mark(folder)])
    except StaleLockError:
        ended = end_processes([folder_mark(folder)])
    deadline = time.monotonic() + RELEASE_SECONDS
    while True:
        try:
            hold(folder, lock, '--work-dir')
            return ended
        except StaleLockError:
            # An ending process releases its memory, and with it its mark, before its files.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
