"""The checkpoint from which a run resumes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError

#: File in a work directory that names the last checkpoint, written by mmengine.
MARKER = 'last_checkpoint'
_NAME = re.compile(r'(epoch|iter)_(\d+)\.pth')


def latest_checkpoint(directory: Path) -> str | None:
    """Return the checkpoint that the marker of a run names, or else the furthest one.

    The marker is written after the checkpoint and names it relative to where the run was started.
    Therefore a truncated marker or a moved directory does not lose the checkpoint.

    Returns:
        A path, or an address such as ``s3://…``; None if there is none.
    """
    if named := marked(directory):
        for path in (directory / Path(named).name, Path(named)):
            if path.exists():
                return str(path)
        if '://' in named:
            return named
    matches = {path: _NAME.fullmatch(path.name) for path in directory.glob('*.pth')}
    numbered = [(int(match[2]), path) for path, match in matches.items() if match]
    return str(max(numbered)[1]) if numbered else None


def reached(directory: Path) -> tuple[str, int] | None:
    """Return how far the checkpoints of a run got, even if only the marker remains.

    Returns:
        ``epoch`` or ``iter``, and its number; None if unknown.
    """
    match = _NAME.fullmatch(Path(latest_checkpoint(directory) or marked(directory)).name)
    return (match[1], int(match[2])) if match else None


def marked(directory: Path) -> str:
    """Return what the marker of a run names; empty if there is none."""
    marker = directory / MARKER
    return marker.read_text(encoding='utf-8').strip() if marker.is_file() else ''


def set_resume(config: Any, checkpoint: str | None, batch: str) -> None:
    """Set a config to resume from a given checkpoint, or from the last one of its own run.

    A run without a checkpoint starts from the beginning, with ``load_from`` if the config has it.

    Args:
        config: Changed in place.
        checkpoint: A path or address, ``'auto'`` for the run's last checkpoint, or None if the
            config itself sets ``resume = True``.
        batch: Description of the batch that the run will be trained with.

    Raises:
        InputError: If the run's last checkpoint is missing, or if the run was begun with another
            batch.
    """
    work_dir = Path(config.work_dir)
    latest = latest_checkpoint(work_dir)
    if checkpoint not in (None, 'auto'):
        config.load_from, config.resume = checkpoint, True
    elif checkpoint == 'auto' or not config.get('load_from'):
        if latest is None and marked(work_dir):
            raise InputError(
                f'{work_dir / MARKER} names {marked(work_dir)}, which does not exist: restore it, '
                'or remove that file to train from the beginning'
            )
        config.load_from, config.resume = latest or config.get('load_from'), latest is not None
    environment = work_dir / 'environment.json'
    if latest is None or not environment.exists():
        return
    try:
        before = json.loads(environment.read_text(encoding='utf-8')).get('batch', batch)
    except ValueError as error:
        raise InputError(
            f'{environment} is damaged ({error}): restore it, or remove it to resume without '
            'comparing the batch'
        ) from error
    if before != batch:
        raise InputError(
            f'{work_dir} was begun with {before}, this call has {batch}: resume with the same '
            'number of processes and --batch-policy, or train in another --work-dir'
        )
