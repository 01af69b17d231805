"""Which checkpoint a call goes on from, and whether it may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError
from rm_mm.run.resume.latest import MARKER, latest_checkpoint, marked


def go_on(config: Any, checkpoint: str | None, batch: str) -> None:
    """Have a run go on: from a checkpoint that the call names, or from its own last one.

    Without one of its own it begins, with the weights that its config names, if it does.

    Args:
        config: Changed in place.
        checkpoint: As the call has it; None for a config that says ``resume = True`` itself.
        batch: What the run is going to be trained with.

    Raises:
        InputError: If its last checkpoint is not there any more, or it was begun with another
            batch than it would go on with.
    """
    work_dir = Path(config.work_dir)
    latest = latest_checkpoint(work_dir)
    if checkpoint not in (None, 'auto'):
        config.load_from, config.resume = checkpoint, True
    elif checkpoint == 'auto' or not config.get('load_from'):
        if latest is None and marked(work_dir):
            raise InputError(
                f'{work_dir / MARKER} names {marked(work_dir)}, which is not there: put it back, '
                'or remove that file to train anew'
            )
        config.load_from, config.resume = latest or config.get('load_from'), latest is not None
    environment = work_dir / 'environment.json'
    if latest is None or not environment.exists():
        return
    before = json.loads(environment.read_text(encoding='utf-8')).get('batch', batch)
    if before != batch:
        raise InputError(
            f'{work_dir} was begun with {before}, this call has {batch}: resume with as many '
            'processes and the same --batch-policy, or train anew in another --work-dir'
        )
