"""A closer look at a cell that is done: its checkpoint, config, classes and pictures."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rm_mm.compat.config_scopes import configs_root
from rm_mm.errors import RejectedError
from rm_mm.recipe.config import read_config
from rm_mm.recipe.metric import metric_of
from rm_mm.records import PICTURES
from rm_mm.run.resume.latest import latest_checkpoint
from rm_mm.suite.cell_config import config_path
from rm_mm.suite.cells import Prepared
from rm_mm.suite.config_diff import config_diff
from rm_mm.suite.planning.plan import Cell
from rm_mm.suite.pretrained import best_checkpoint
from rm_mm.suite.processes import is_stopping, require_unstopped

#: As the hook and the evaluation name them; they import torch.
MIXED_IMAGES = 'mixed_images'
PER_CLASS = 'per_class.json'
#: One that was killed is run once more.
_ATTEMPTS = 2


def pictures_of(cell: Cell) -> Path:
    """Where the pictures of a run are kept, beside its record."""
    return cell.record.parent.parent / PICTURES / cell.directory.name


def look_closer(prepared: Prepared, evaluate: Callable[[list[str]], None]) -> dict[str, Any]:
    """Gather what the page shows beside the figures.

    Args:
        prepared: A cell that has run.
        evaluate: Runs ``rm-mm`` with these arguments; not called for pretraining, which has neither
            boxes nor maps to show.

    Returns:
        Fields of its record.

    Raises:
        RejectedError: If the call was stopped. An evaluation that fails loses no result.
    """
    cell = prepared.cell
    recipe = read_config(configs_root() / cell.config)
    metric = metric_of(prepared.config)
    checkpoint = best_checkpoint(cell.directory, metric.key) or latest_checkpoint(cell.directory)
    work_dir = cell.directory.parent
    fields: dict[str, Any] = {'config_diff': config_diff(recipe, prepared.config, work_dir)}
    if checkpoint is None:
        return fields
    is_file = Path(checkpoint).exists()
    fields['checkpoint'] = os.path.relpath(checkpoint, work_dir) if is_file else str(checkpoint)
    folder = pictures_of(cell)
    if cell.pretrains:
        if (mixed := cell.directory / MIXED_IMAGES).is_dir():
            shutil.copytree(mixed, folder, dirs_exist_ok=True)
        return fields
    # In a folder of its own: the record is read from the logs of training.
    own = ['--work-dir', str(cell.directory / 'details'), '--details', str(folder)]
    for _ in range(_ATTEMPTS):
        try:
            evaluate(['test', str(config_path(cell)), str(checkpoint), *own])
            fields['per_class'] = json.loads((folder / PER_CLASS).read_text(encoding='utf-8'))
            break
        except Exception as error:  # In this process (--cluster debug) it may be of any kind.
            require_unstopped()
            if is_stopping():
                raise RejectedError('not run to its end: the call was stopped') from error
            _note(cell, f'no figures of classes, no pictures: {error}')
    return fields


def _note(cell: Cell, said: str) -> None:
    """Say it in the log of the cell, if there is still room for a word."""
    with suppress(OSError), (cell.directory / 'output.log').open('a', encoding='utf-8') as log:
        log.write(f'\n{said}\n')
