"""Where a run goes on."""

from __future__ import annotations

import re
from pathlib import Path

MARKER = 'last_checkpoint'
_NAME = re.compile(r'(epoch|iter)_(\d+)\.pth')


def latest_checkpoint(directory: Path) -> str | None:
    """The checkpoint that a run goes on from: what its marker names, or else the furthest.

    The marker is not written at once with the checkpoint, and names it from where the run was
    started; a folder that was moved, or a marker that was cut, is no reason to begin anew.

    Args:
        directory: Work directory of the run. The checkpoints may lie elsewhere.

    Returns:
        Its path, or its address as ``s3://…``; None if there is none.
    """
    if named := marked(directory):
        for path in (directory / Path(named).name, Path(named)):
            if path.exists():
                return str(path)
        if '://' in named:
            return named
    numbered = [
        (int(match[2]), path)
        for path in directory.glob('*.pth')
        if (match := _NAME.fullmatch(path.name))
    ]
    return str(max(numbered)[1]) if numbered else None


def reached(directory: Path) -> tuple[str, int] | None:
    """How far a run's checkpoints got, even if only its marker is left of them.

    Returns:
        ``epoch`` or ``iter``, and its number; None if nothing says.
    """
    match = _NAME.fullmatch(Path(latest_checkpoint(directory) or marked(directory)).name)
    return (match[1], int(match[2])) if match else None


def marked(directory: Path) -> str:
    """What the marker names, as it stands there; empty if there is none."""
    marker = directory / MARKER
    return marker.read_text(encoding='utf-8').strip() if marker.is_file() else ''
