"""Running one cell: its steps in order, then its record."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from rm_mm.errors import RejectedError
from rm_mm.files import write_text
from rm_mm.recipe.config import read_saved_config, save_config
from rm_mm.recipe.metric import metric_of
from rm_mm.records import PICTURES, Record
from rm_mm.run.outcome import best_checkpoint
from rm_mm.run.requests import UNTRAINED, TestRequest, TrainRequest
from rm_mm.run.resume.latest import latest_checkpoint
from rm_mm.suite.cell.config import config_diff, read_recipe, saved_config
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.cell.result import build_record, untrained_metrics
from rm_mm.suite.plan.cells import Cell
from rm_mm.suite.steps.children import is_stopping, require_unstopped
from rm_mm.suite.steps.step import Execute, Step
from rm_mm.transfer.export import ExportRequest

#: Names that the hook and the evaluation use; their modules import torch.
MIXED_IMAGES = 'mixed_images'
PER_CLASS = 'per_class.json'
#: An evaluation that was killed is run once more.
_ATTEMPTS = 2


def run_cell(prepared: PreparedCell, options: CellOptions, execute: Execute) -> Record:
    """Run the steps of a cell, and write its record.

    Args:
        prepared: The cell.
        options: Options of the call.
        execute: Runs one step to its end.

    Raises:
        RejectedError: If a step fails, or the run was begun with another backbone.
    """
    cell, started = prepared.cell, time.monotonic()
    cell.directory.mkdir(parents=True, exist_ok=True)
    for step in source_steps(cell):
        execute(step)
    save_config(prepared.config, saved_config(cell))
    backbone_sha256 = None if cell.pretrains else _sha256(cell.backbone)
    if backbone_sha256:
        _require_same_backbone(cell, backbone_sha256)
    execute(run_step(prepared, options))
    if cell.pretrains and cell.backbone is not None:
        execute(export_step(cell))
    backbone_sha256 = backbone_sha256 or _sha256(cell.backbone)
    seconds = time.monotonic() - started
    details = collect_details(prepared, options, execute)
    record = build_record(prepared, options, backbone_sha256, seconds, details)
    record.write(cell.record)
    return record


def source_steps(cell: Cell) -> Iterator[Step]:
    """Yield the export of published weights or of a custom checkpoint, if it is still missing."""
    if cell.source and cell.backbone is not None and not cell.backbone.exists():
        request = ExportRequest(cell.source, cell.backbone, config=cell.network)
        yield Step(request, cell.directory / 'export.log')


def run_step(prepared: PreparedCell, options: CellOptions) -> Step:
    """Return the training of a cell, or the evaluation of an untrained network."""
    cell = prepared.cell
    config, work_dir = saved_config(cell), cell.directory
    request: TrainRequest | TestRequest
    if prepared.trains:
        request = TrainRequest(
            config,
            resolved=True,
            work_dir=work_dir,
            resume='auto',
            batch_policy=options.batch_policy,
        )
    else:
        # `scratch`: the accuracy of the network as initialised is the floor of the column.
        out = untrained_metrics(cell)
        request = TestRequest(config, UNTRAINED, resolved=True, work_dir=work_dir, out=out)
    return Step(request, cell.directory / 'output.log', options.gpus, options.nodes)


def export_step(cell: Cell) -> Step:
    """Return the export of a pretraining run's best checkpoint.

    Raises:
        RejectedError: If the run left none.
    """
    config = saved_config(cell)
    metric = metric_of(read_saved_config(config)).key if config.exists() else None
    checkpoint = best_checkpoint(cell.directory, metric)
    if checkpoint is None:
        raise RejectedError(f'no best checkpoint in {cell.directory}: expected best_*.pth')
    assert cell.backbone is not None, 'a pretraining run leaves one'
    return Step(ExportRequest(checkpoint, cell.backbone), cell.directory / 'export.log')


def pictures_folder(cell: Cell) -> Path:
    """Return the folder for the pictures of a run, next to its record."""
    return cell.record.parent.parent / PICTURES / cell.directory.name


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
    work_dir = cell.directory.parent
    metric = metric_of(prepared.config)
    checkpoint = best_checkpoint(cell.directory, metric.key) or latest_checkpoint(cell.directory)
    fields: dict[str, Any] = {
        'config_diff': config_diff(read_recipe(cell), prepared.config, work_dir)
    }
    if checkpoint is None:
        return fields
    is_file = Path(checkpoint).exists()
    fields['checkpoint'] = os.path.relpath(checkpoint, work_dir) if is_file else str(checkpoint)
    folder = pictures_folder(cell)
    if cell.pretrains:
        if (mixed := cell.directory / MIXED_IMAGES).is_dir():
            shutil.copytree(mixed, folder, dirs_exist_ok=True)
        return fields
    # In a folder of its own: the record is read from the logs of training.
    request = TestRequest(
        saved_config(cell),
        checkpoint,
        resolved=True,
        work_dir=cell.directory / 'details',
        details=folder,
    )
    step = Step(request, cell.directory / 'output.log', options.gpus)
    for _ in range(_ATTEMPTS):
        try:
            execute(step)
            fields['per_class'] = json.loads((folder / PER_CLASS).read_text(encoding='utf-8'))
            break
        except Exception as error:  # In this process (--cluster debug) it may be any exception.
            require_unstopped()
            if is_stopping():
                raise RejectedError('not run to its end: the call was stopped') from error
            _append_to_log(cell, f'no per-class figures, no pictures: {error}')
    return fields


def _append_to_log(cell: Cell, message: str) -> None:
    # The disk may be full.
    with suppress(OSError), (cell.directory / 'output.log').open('a', encoding='utf-8') as log:
        log.write(f'\n{message}\n')


def _require_same_backbone(cell: Cell, sha256: str) -> None:
    """Check that a run that resumes was begun with the backbone that is there now.

    Raises:
        RejectedError: If pretraining has been run again since.
    """
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
