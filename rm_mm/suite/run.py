"""Run the cells through the project's own commands."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rm_mm.atomic import write_text
from rm_mm.environment import config_digest, versions
from rm_mm.errors import RefusedError
from rm_mm.suite.cell_config import config_path, require_same, resolve
from rm_mm.suite.metrics import metric_of
from rm_mm.suite.plan import Cell
from rm_mm.suite.pretrained import export, export_to
from rm_mm.suite.processes import run_command, stop_commands
from rm_mm.suite.progress import Progress
from rm_mm.suite.records import Record, read_batch, read_curve, read_floor, read_record


@dataclass(frozen=True)
class Options:
    """What holds for all cells of a call.

    Attributes:
        gpus: Processes a run; 0 runs it in one, on whatever device there is.
        jobs: Cells at a time, which share the cores.
        scale: Length of every schedule as a fraction of the recipe's.
        data_root: Of the downstream data set, instead of the config's.
        data_fingerprint: Of the embedded images, for the records.
        batch_policy: For a run whose global batch is not the recipe's; None refuses it.
    """

    gpus: int = 0
    jobs: int = 1
    scale: float = 1.0
    data_root: str | None = None
    data_fingerprint: str | None = None
    batch_policy: str | None = None


@dataclass(frozen=True)
class Prepared:
    """A cell and its resolved config."""

    cell: Cell
    config: Any

    @property
    def trains(self) -> bool:
        """Whether it is more than the evaluation of an untrained network."""
        return not self.cell.pretrains or self.cell.backbone is not None


def prepare(cells: Sequence[Cell], options: Options) -> tuple[list[Prepared], list[Prepared]]:
    """Resolve every cell's config, before anything runs.

    Returns:
        The cells that are done, and those that are left.

    Raises:
        InputError: If a config does not parse, names no metric, or a run was begun with another.
        RefusedError: If a record is not one.
    """
    done, left = [], []
    for cell in cells:
        root = None if cell.pretrains else options.data_root
        config = resolve(cell, scale=options.scale, data_root=root)
        require_same(cell, config)
        metric_of(config)
        prepared = Prepared(cell, config)
        if cell.record.exists():
            read_record(cell.record)
            done.append(prepared)
        else:
            left.append(prepared)
    return done, left


def run(left: Sequence[Prepared], options: Options) -> list[str]:
    """Run cells, pretraining first; one that fails does not stop the others.

    Returns:
        For each failure, a paragraph that names it, with the last lines of its log.
    """
    progress = Progress([prepared.cell for prepared in left], options.jobs)
    pretraining: dict[Path, Future[str | None]] = {}
    attempts = []
    with ThreadPoolExecutor(options.jobs) as pool:
        try:
            # The pool starts them in this order, so that whatever a cell waits for is under way.
            for prepared in sorted(left, key=lambda item: not item.cell.pretrains):
                cell = prepared.cell
                needs = pretraining.get(cell.backbone) if cell.backbone else None
                attempt = pool.submit(_attempt, prepared, needs, options, progress)
                attempts.append(attempt)
                if cell.pretrains and cell.backbone:
                    pretraining[cell.backbone] = attempt
            return [failure for attempt in attempts if (failure := attempt.result())]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_commands()
            raise


def _attempt(
    prepared: Prepared, needs: Future[str | None] | None, options: Options, progress: Progress
) -> str | None:
    """Run one cell once its pretraining is done.

    Returns:
        What went wrong, or None.
    """
    cell = prepared.cell
    pretraining_failed = needs is not None and needs.result() is not None
    progress.start(cell)
    if pretraining_failed:
        progress.finish(cell, 'not run')
        return f'{cell.name}: not run, because its pretraining failed'
    try:
        record = _run_cell(prepared, options, progress)
    except (ValueError, OSError) as error:
        # A refusal, a full disk, a metric that is no number: the other cells go on.
        progress.finish(cell, 'failed')
        return f'{cell.name}: {error}'
    progress.finish(cell, f'best {record.best:.2f}, last {record.last:.2f}')
    return None


def _run_cell(prepared: Prepared, options: Options, progress: Progress) -> Record:
    cell, started = prepared.cell, time.monotonic()
    cell.directory.mkdir(parents=True, exist_ok=True)
    if cell.source and cell.backbone is not None and not cell.backbone.exists():
        export_to(cell.source, cell.backbone, cell.directory / 'export.log')
    path = config_path(cell)
    write_text(path, prepared.config.pretty_text)
    common = [str(path), '--work-dir', str(cell.directory)]
    if not prepared.trains:
        # `scratch`: the accuracy of the network as it is initialised, the floor of the column.
        arguments = ['test', common[0], 'none', *common[1:], '--out', str(_floor(cell))]
    else:
        policy = ['--batch-policy', options.batch_policy] if options.batch_policy else []
        arguments = ['train', *common, '--resume', *policy]
    taken = None if cell.pretrains else _sha256(cell.backbone)
    if taken:
        _require_same_backbone(cell, taken)
    run_command(
        _command(arguments, options.gpus),
        cell.directory / 'output.log',
        on_line=lambda line: progress.line(cell, line),
        threads=(os.cpu_count() or 1) // options.jobs if options.jobs > 1 else None,
    )
    if cell.pretrains and cell.backbone is not None:
        export(cell)
    taken = taken or _sha256(cell.backbone)
    record = _record(prepared, options, taken, time.monotonic() - started)
    record.write(cell.record)
    return record


def _require_same_backbone(cell: Cell, sha256: str) -> None:
    """Check that a run which goes on was begun with the backbone that is there now.

    Raises:
        RefusedError: If it was another: pretraining has been run again.
    """
    note = cell.directory / 'backbone.sha256'
    begun = (cell.directory / 'last_checkpoint').exists() and note.exists()
    if begun and (before := note.read_text(encoding='utf-8').strip()) != sha256:
        raise RefusedError(
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
    prepared: Prepared, options: Options, backbone_sha256: str | None, seconds: float
) -> Record:
    cell, config = prepared.cell, prepared.config
    metric = metric_of(config)
    if prepared.trains:
        curve = read_curve(cell.directory, metric)
    else:
        curve = read_floor(_floor(cell), metric)
    if not curve:
        raise RefusedError(f'no {metric.key} in the logs of {cell.directory}')
    best_step, best = max(curve, key=lambda point: point[1])
    # A figure that a config of the user's own inherited is of another run.
    expected = {} if Path(cell.config).is_absolute() else config.get('expected') or {}
    return Record(
        preset=cell.preset,
        task=cell.task,
        method=cell.method,
        seed=cell.seed,
        metric=metric.name,
        best=best,
        best_step=best_step,
        last=curve[-1][1],
        last_step=curve[-1][0],
        step_unit='iteration' if 'max_iters' in config.train_cfg else 'epoch',
        curve=[[step, value] for step, value in curve],
        published=expected.get('value'),
        source=expected.get('source'),
        config=cell.config,
        config_sha256=config_digest(config),
        schedule_scale=options.scale,
        backbone_sha256=backbone_sha256,
        data_fingerprint=options.data_fingerprint,
        seconds=round(seconds, 1),
        environment=versions(),
        column=cell.column,
        settings=list(cell.settings),
        batch=read_batch(cell.directory) if prepared.trains else None,
    )
