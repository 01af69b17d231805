"""Having a folder to oneself, whatever a killed process left in it."""

from __future__ import annotations

from pathlib import Path

from rm_mm.errors import LeftBehindError
from rm_mm.lock import hold
from rm_mm.suite.family import end, mark_of


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
    except LeftBehindError:
        left = end([mark_of(folder)])
        hold(folder, lock, '--work-dir')
        return left
