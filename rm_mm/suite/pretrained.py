"""What a pretraining run leaves: its checkpoints, and the backbone that is exported from them."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

from rm_mm.errors import RejectedError
from rm_mm.recipe.config import read_config
from rm_mm.recipe.metric import metric_of
from rm_mm.run.resume.latest import reached
from rm_mm.suite.cell_config import config_path
from rm_mm.suite.planning.plan import Cell
from rm_mm.suite.processes import Execute, run_command


def best_checkpoint(directory: Path, metric: str | None = None) -> Path | None:
    """The checkpoint of a run's best validation.

    Args:
        directory: Work directory of the run.
        metric: The figure that counts, as the log spells it, if it is known: a run may keep the
            best of several.
    """
    found = sorted(directory.glob('best_*.pth'), key=lambda path: path.stat().st_mtime)
    start = f'best_{metric.replace("/", "_")}_' if metric else ''
    own = [path for path in found if path.name.startswith(start)]
    return (own or found)[-1] if found else None


def unfinished(directory: Path) -> str | None:
    """How far a run got that has not come to its end, such as ``epoch 12 of 300``.

    Its last checkpoint says how far. How long is in ``environment.json`` or, of a run
    that another tool trained, in the config beside it, to which an evaluation may write its own.

    Returns:
        None if the run is over, or the folder does not say.
    """
    if (how_far := reached(directory)) is None:
        return None
    unit, number = how_far
    length = _length(directory, f'max_{unit}s')
    return f'{unit} {number} of {length}' if number < length else None


def _length(directory: Path, key: str) -> int:
    """How long a run was to be; 0 if its folder does not say."""
    environment = directory / 'environment.json'
    if environment.is_file():
        # One that was damaged does not say.
        with suppress(ValueError, KeyError, TypeError):
            return int(json.loads(environment.read_text(encoding='utf-8'))['length'][key])
    configs = sorted(directory.glob('*.py'), key=lambda path: path.stat().st_mtime)
    return int(read_config(configs[-1]).train_cfg.get(key) or 0) if configs else 0


def export(cell: Cell, execute: Execute | None = None) -> None:
    """Export and verify the backbone of a pretraining run, from its best checkpoint.

    Args:
        cell: The run.
        execute: How a command is run, if not in a process of its own.

    Raises:
        RejectedError: If it left none, or the export was refused.
    """
    config = config_path(cell)
    metric = metric_of(read_config(config)).key if config.exists() else None
    checkpoint = best_checkpoint(cell.directory, metric)
    if checkpoint is None:
        raise RejectedError(f'no best checkpoint in {cell.directory}: expected best_*.pth')
    assert cell.backbone is not None, 'a pretraining run leaves one'
    export_to(str(checkpoint), cell.backbone, cell.directory / 'export.log', execute=execute)


def export_to(
    checkpoint: str,
    backbone: Path,
    log: Path,
    network: str | None = None,
    execute: Execute | None = None,
) -> None:
    """``rm-mm export``, in a process of its own unless ``execute`` has another way.

    Args:
        checkpoint: A file or an address.
        backbone: Where to write it.
        log: Its output is appended here.
        network: The config whose backbone it has to fill.
        execute: Runs the command, if not a process of its own.

    Raises:
        RejectedError: If it was refused.
    """
    words = ['export', checkpoint, '-o', str(backbone), *(['--config', network] if network else [])]
    (execute or run_command)([sys.executable, '-m', 'rm_mm.cli', *words], log)
