"""One cell: its command, and its record."""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path
from typing import Any

from rm_mm.data.sources import datasets, reads_embedded
from rm_mm.errors import RejectedError
from rm_mm.files import write_text
from rm_mm.recipe.metric import metric_of
from rm_mm.records import Record, figures_of, require_sound
from rm_mm.run.environment import config_digest, versions
from rm_mm.run.resume.latest import latest_checkpoint
from rm_mm.suite.cell_config import config_path
from rm_mm.suite.cells import Options, Prepared
from rm_mm.suite.closer import look_closer
from rm_mm.suite.planning.plan import Cell
from rm_mm.suite.pretrained import export, export_to
from rm_mm.suite.processes import Execute, run_command
from rm_mm.suite.progress import Progress
from rm_mm.suite.run_facts import (
    facts_of,
    read_batch,
    read_curve,
    read_environment,
    read_floor,
    read_pace,
)


def run_cell(
    prepared: Prepared,
    options: Options,
    progress: Progress,
    devices: str | None,
    execute: Execute | None = None,
) -> Record:
    """Run one cell to its end, and write its record.

    Args:
        prepared: The cell.
        options: Of the call.
        progress: Told each line of its log.
        devices: Which GPUs it has for itself, if it does not see all.
        execute: How its commands are run, if not in processes of their own.

    Raises:
        RejectedError: If its command fails, or it is not what it was begun as.
    """
    cell, started = prepared.cell, time.monotonic()
    cell.directory.mkdir(parents=True, exist_ok=True)
    if cell.source and cell.backbone is not None and not cell.backbone.exists():
        log = cell.directory / 'export.log'
        export_to(cell.source, cell.backbone, log, cell.network, execute)
    write_text(config_path(cell), prepared.config.pretty_text)
    taken = None if cell.pretrains else _sha256(cell.backbone)
    if taken:
        _require_same_backbone(cell, taken)

    def run(command: list[str]) -> None:
        (execute or run_command)(
            command,
            cell.directory / 'output.log',
            on_line=lambda line: progress.line(cell, line),
            threads=options.threads,
            devices=devices,
        )

    run(command_of(prepared, options))
    if cell.pretrains and cell.backbone is not None:
        export(cell, execute)
    taken = taken or _sha256(cell.backbone)
    seconds = time.monotonic() - started
    seen = look_closer(prepared, lambda words: run(_command(words, options.gpus)))
    record = _record(prepared, options, taken, seconds, seen)
    record.write(cell.record)
    return record


def command_of(prepared: Prepared, options: Options) -> list[str]:
    """The command of a cell, on this node if it takes several."""
    cell = prepared.cell
    common = [str(config_path(cell)), '--work-dir', str(cell.directory)]
    if not prepared.trains:
        # `scratch`: the accuracy of the network as it is initialised, the floor of the column.
        arguments = ['test', common[0], 'none', *common[1:], '--out', str(_floor(cell))]
    else:
        policy = ['--batch-policy', options.batch_policy] if options.batch_policy else []
        arguments = ['train', *common, '--resume', *policy]
    if options.nodes > 1:
        from rm_mm.suite.cluster.several_nodes import command

        return command(arguments, options)
    return _command(arguments, options.gpus)


def _require_same_backbone(cell: Cell, sha256: str) -> None:
    """Check that a run which goes on was begun with the backbone that is there now.

    Raises:
        RejectedError: If it was another: pretraining has been run again.
    """
    note = cell.directory / 'backbone.sha256'
    begun = latest_checkpoint(cell.directory) is not None and note.exists()
    if begun and (before := note.read_text(encoding='utf-8').strip()) != sha256:
        raise RejectedError(
            f'{cell.directory} was begun with another {cell.backbone}: expected sha256 {before}, '
            f'found {sha256}. Remove that folder to train anew'
        )
    write_text(note, sha256 + '\n')


def _floor(cell: Cell) -> Path:
    return cell.directory / 'metrics.json'


def _command(arguments: list[str], gpus: int) -> list[str]:
    if not gpus:
        return [sys.executable, '-m', 'rm_mm.cli', *arguments]
    distributed = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', str(gpus)]
    return [sys.executable, *distributed, '-m', 'rm_mm.cli', *arguments, '--launcher', 'pytorch']


def _sha256(backbone: Path | None) -> str | None:
    return hashlib.sha256(backbone.read_bytes()).hexdigest() if backbone else None


def _record(
    prepared: Prepared,
    options: Options,
    backbone_sha256: str | None,
    seconds: float,
    details: dict[str, Any],
) -> Record:
    cell, config = prepared.cell, prepared.config
    metric = metric_of(config)
    if prepared.trains:
        curve = read_curve(cell.directory, metric)
    else:
        curve = read_floor(_floor(cell), metric)
    if not curve:
        raise RejectedError(
            f'no {metric.key} in the logs of {cell.directory}: no evaluation came to a figure. '
            'mmdetection gives none where nothing at all is detected, as after too short a schedule'
        )
    # A figure that a config of the user's own inherited is of another run.
    expected = {} if cell.own else config.get('expected') or {}
    # A part of them is another set: its fingerprint is the run's own.
    whole = not any(dataset.get('indices') for dataset in datasets(config))
    embedded = options.data_fingerprint if whole and reads_embedded(config) else None
    environment = read_environment(cell.directory)
    seconds_an_iteration, memory_mb = read_pace(cell.directory)
    record = Record(
        preset=cell.preset,
        task=cell.task,
        method=cell.method,
        seed=cell.seed,
        metric=metric.name,
        step_unit='iteration' if 'max_iters' in config.train_cfg else 'epoch',
        **figures_of(curve),
        published=expected.get('value'),
        source=expected.get('source'),
        config=cell.config,
        config_sha256=config_digest(config),
        schedule_scale=options.scale,
        backbone_sha256=backbone_sha256,
        data_fingerprint=embedded or environment.get('data_fingerprint'),
        seconds=round(seconds, 1),
        environment=facts_of(environment) or versions(),
        column=cell.column,
        settings=list(cell.settings),
        batch=read_batch(environment) if prepared.trains else None,
        seconds_an_iteration=seconds_an_iteration,
        memory_mb=memory_mb,
        **details,
    )
    try:
        require_sound(record)
    except ValueError as error:
        raise RejectedError(f'{cell.directory} left what is no result: {error}') from error
    return record
