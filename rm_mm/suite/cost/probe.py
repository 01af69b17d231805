"""Measuring a few iterations of a cell on this machine."""

from __future__ import annotations

import copy
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rm_mm.errors import RejectedError
from rm_mm.logs.scalars import read_scalars
from rm_mm.recipe.batch import apply_batch_policy
from rm_mm.recipe.config import entries, save_config, type_name
from rm_mm.run.requests import TrainRequest
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.cell.result import read_environment
from rm_mm.suite.steps.children import run_in_child
from rm_mm.suite.steps.step import Step
from rm_mm.transfer.slot import empty

#: The first half is warm-up: memory, file system cache, cuDNN's choice of algorithms.
ITERATIONS = 12


@dataclass(frozen=True)
class Probe:
    """What a probe measured.

    Attributes:
        seconds_an_iteration: Median time, data loading included.
        iterations_an_epoch: Length of an epoch, with this batch and these processes.
        checkpoint_bytes: Size of one checkpoint.
        device: Device that it ran on.
        iterations: Number of iterations, warm-up included.
    """

    seconds_an_iteration: float
    iterations_an_epoch: int
    checkpoint_bytes: int
    device: str
    iterations: int


def probe_cell(item: PreparedCell, options: CellOptions) -> Probe:
    """Train a cell for a few iterations, on as many processes as later.

    It runs in a folder that is removed. Its backbone need not exist yet.

    Raises:
        RejectedError: If it does not train; with the end of its log.
    """
    with tempfile.TemporaryDirectory(prefix='rm-mm-probe-') as name:
        folder = Path(name)
        config = folder / 'probe.py'
        save_config(shortened(item, options), config)
        policy = options.batch_policy
        request = TrainRequest(
            config, resolved=True, work_dir=folder, validate=False, batch_policy=policy
        )
        run_in_child(Step(request, folder / 'output.log', options.gpus), threads=options.threads)
        times = [float(entry['time']) for entry in read_scalars(folder) if 'time' in entry]
        environment = read_environment(folder)
        checkpoints = [path.stat().st_size for path in folder.glob('*.pth')]
        if not times or not checkpoints:
            raise RejectedError(f'the probe of {item.cell.name} logged nothing: it has no estimate')
        return Probe(
            statistics.median(times[len(times) // 2 :]),
            int(environment['iterations_an_epoch']),
            max(checkpoints),
            str(environment['device']),
            len(times),
        )


def shortened(item: PreparedCell, options: CellOptions) -> Any:
    """Return the config of a cell, cut to a few iterations, whatever unit it counts in."""
    config = _short(item, ITERATIONS)
    # A batch policy changes how many there are.
    trial = copy.deepcopy(config)
    apply_batch_policy(trial, options.processes, options.batch_policy)
    wanted = max(1, round(ITERATIONS * ITERATIONS / trial.train_cfg.max_iters))
    return config if wanted == ITERATIONS else _short(item, wanted)


def _short(item: PreparedCell, iterations: int) -> Any:
    config = copy.deepcopy(item.config)
    if not item.cell.pretrains:
        # The weights do not matter for the speed, but frozen stages do, and `empty` unfreezes them.
        before = config.model.backbone
        kept = {key: before[key] for key in ('frozen_stages', 'norm_eval') if key in before}
        empty(config, item.cell.config)
        config.model.backbone.update(kept)
    never = iterations + 1
    config.train_cfg = dict(type='IterBasedTrainLoop', max_iters=iterations, val_interval=never)
    config.param_scheduler = None
    config.default_hooks = {
        **(config.get('default_hooks') or {}),
        'logger': {'type': 'LoggerHook', 'interval': 1},
        'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False, 'interval': iterations},
    }
    config.log_processor = {'by_epoch': False, 'window_size': 1}
    hooks = entries(config.get('custom_hooks'))
    config.custom_hooks = [hook for hook in hooks if type_name(hook) != 'VerifiedBackboneHook']
    return config
