"""Running one cell: its steps in order, then its record."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from rm_mm.errors import RejectedError
from rm_mm.files import write_text
from rm_mm.names import MIXED_IMAGES, PER_CLASS
from rm_mm.recipe.config import read_saved_config, save_config
from rm_mm.recipe.metric import metric_of
from rm_mm.records import PICTURES, Record
from rm_mm.run.outcome import best_checkpoint
from rm_mm.run.requests import UNTRAINED, TestRequest, TrainRequest
from rm_mm.run.resume.latest import latest_checkpoint
from rm_mm.suite.cell.config import config_diff, read_recipe
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.cell.result import build_record
from rm_mm.suite.plan.cells import Cell
from rm_mm.suite.steps.children import is_stopping, require_unstopped
from rm_mm.suite.steps.step import Execute, Step
from rm_mm.transfer.export import ExportRequest

#: An evaluation that was killed is run once more.
_ATTEMPTS = 2


def run_cell(prepared: PreparedCell, options: CellOptions, execute: Execute) -> Record:
    """Run the steps of a cell with ``execute``, and write its record.

    Raises:
        RejectedError: If a step fails, or the run was begun with another backbone.
    """
    cell, started = prepared.cell, time.monotonic()
    cell.directory.mkdir(parents=True, exist_ok=True)
    if cell.source and cell.backbone is not None and not cell.backbone.exists():
        # Published weights, or a custom checkpoint.
        request = ExportRequest(cell.source, cell.backbone, config=cell.network)
        execute(Step(request, cell.directory / 'export.log'))
    save_config(prepared.config, cell.saved_config)
    taken = None if cell.pretrains else _sha256(cell.backbone)
    if taken:
        _require_same_backbone(cell, taken)
    execute(run_step(prepared, options))
    if cell.pretrains and cell.backbone is not None:
        execute(export_step(cell))
    sha256 = taken or _sha256(cell.backbone)
    seconds = time.monotonic() - started
    details = collect_details(prepared, options, execute)
    record = build_record(prepared, options, sha256, seconds, details)
    record.write(cell.record)
    return record


def run_step(prepared: PreparedCell, options: CellOptions) -> Step:
    """Return the training of a cell, or the evaluation of an untrained network."""
    cell, config, folder = prepared.cell, prepared.cell.saved_config, prepared.cell.directory
    request: TrainRequest | TestRequest
    if cell.trains:
        policy = options.batch_policy
        request = TrainRequest(
            config, resolved=True, work_dir=folder, resume='auto', batch_policy=policy
        )
    else:
        # `scratch`: the accuracy of the network as initialised is the floor of the column.
        out = cell.untrained_metrics
        request = TestRequest(config, UNTRAINED, resolved=True, work_dir=folder, out=out)
    return Step(request, cell.log, options.gpus, options.nodes)


def export_step(cell: Cell) -> Step:
    """Return the export of a pretraining run's best checkpoint.

    Raises:
        RejectedError: If the run left none.
    """
    config = cell.saved_config
    metric = metric_of(read_saved_config(config)).key if config.exists() else None
    checkpoint = best_checkpoint(cell.directory, metric)
    if checkpoint is None:
        raise RejectedError(f'no best checkpoint in {cell.directory}: expected best_*.pth')
    assert cell.backbone is not None, 'a pretraining run leaves one'
    return Step(ExportRequest(checkpoint, cell.backbone), cell.directory / 'export.log')


def collect_details(
    prepared: PreparedCell, options: CellOptions, execute: Execute
) -> dict[str, Any]:
    """Collect the checkpoint, config changes, per-class figures and pictures of a finished run.

    A downstream cell is evaluated once more for this. If that fails, no result is lost: the record
    has no per-class figures, and the log says why.

    Returns:
        Fields of the record.

    Raises:
        RejectedError: If the call was stopped.
    """
    cell = prepared.cell
    best = best_checkpoint(cell.directory, prepared.metric.key)
    checkpoint = best or latest_checkpoint(cell.directory)
    difference = config_diff(read_recipe(cell), prepared.config, cell.work_dir)
    fields: dict[str, Any] = {'config_diff': difference}
    if checkpoint is None:
        return fields
    is_file = Path(checkpoint).exists()
    fields['checkpoint'] = (
        os.path.relpath(checkpoint, cell.work_dir) if is_file else str(checkpoint)
    )
    folder = cell.work_dir / PICTURES / cell.run_name
    if cell.pretrains:
        if (mixed := cell.directory / MIXED_IMAGES).is_dir():
            shutil.copytree(mixed, folder, dirs_exist_ok=True)
        return fields
    # In a folder of its own: the record is read from the logs of training.
    own = cell.directory / 'details'
    request = TestRequest(
        cell.saved_config, checkpoint, resolved=True, work_dir=own, details=folder
    )
    step = Step(request, cell.log, options.gpus)
    for _ in range(_ATTEMPTS):
        try:
            execute(step)
            fields['per_class'] = json.loads((folder / PER_CLASS).read_text(encoding='utf-8'))
            break
        except Exception as error:  # In this process (--cluster debug) it may be any exception.
            require_unstopped()
            if is_stopping():
                raise RejectedError('not run to its end: the call was stopped') from error
            # The disk may be full.
            with suppress(OSError), cell.log.open('a', encoding='utf-8') as log:
                log.write(f'\nno per-class figures, no pictures: {error}\n')
    return fields


def _require_same_backbone(cell: Cell, sha256: str) -> None:
    """Check that pretraining has not been run again since the run was begun."""
    note = cell.directory / 'backbone.sha256'
    begun = latest_checkpoint(cell.directory) is not None and note.exists()
    if begun and (before := note.read_text(encoding='utf-8').strip()) != sha256:
        raise RejectedError(
            f'{cell.directory} was begun with another {cell.backbone}: expected sha256 {before}, '
            f'found {sha256}. Remove that folder to train again'
        )
    write_text(note, sha256 + '\n')


def _sha256(backbone: Path | None) -> str | None:
    return hashlib.sha256(backbone.read_bytes()).hexdigest() if backbone else None
