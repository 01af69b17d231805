"""A few iterations of a cell on this machine: its pace, its length, the size of its checkpoint."""

from __future__ import annotations

import copy
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rm_mm.errors import RejectedError
from rm_mm.files import write_text
from rm_mm.recipe.batch import apply_batch_policy
from rm_mm.recipe.config import entries, type_name
from rm_mm.suite.cell_run import _command as command_of
from rm_mm.suite.cells import Options, Prepared
from rm_mm.suite.processes import run_command
from rm_mm.suite.run_facts import read_entries, read_environment
from rm_mm.transfer.slot import empty

#: The first half warms up: memory, the file system's cache, cuDNN's choice of algorithms.
ITERATIONS = 12


@dataclass(frozen=True)
class Probe:
    """What was measured.

    Attributes:
        seconds_an_iteration: Median, with its data.
        iterations_an_epoch: Of the data set, at this batch and with these processes.
        checkpoint_bytes: Of one checkpoint, the optimiser's state and all else in it.
        device: On what.
        iterations: In how many it was measured, those that warm up included.
    """

    seconds_an_iteration: float
    iterations_an_epoch: int
    checkpoint_bytes: int
    device: str
    iterations: int


def probe(item: Prepared, options: Options) -> Probe:
    """Train a cell for a few iterations, in a folder that is removed.

    Args:
        item: The cell. Its backbone need not be there.
        options: Of the call: as many processes train as in the cell's own run.

    Raises:
        RejectedError: If it does not train, with the end of its log.
    """
    with tempfile.TemporaryDirectory(prefix='rm-mm-probe-') as name:
        folder = Path(name)
        config = folder / 'probe.py'
        write_text(config, shortened(item, options).pretty_text)
        policy = ['--batch-policy', options.batch_policy] if options.batch_policy else []
        words = ['train', str(config), '--work-dir', name, '--no-validate', *policy]
        run_command(command_of(words, options.gpus), folder / 'output.log', threads=options.threads)
        times = [float(entry['time']) for entry in read_entries(folder) if 'time' in entry]
        environment = read_environment(folder)
        checkpoints = [path.stat().st_size for path in folder.glob('*.pth')]
        if not times or not checkpoints:
            raise RejectedError(f'the probe of {item.cell.name} logged nothing: no estimate')
        return Probe(
            statistics.median(times[len(times) // 2 :]),
            int(environment['iterations_an_epoch']),
            max(checkpoints),
            str(environment['device']),
            len(times),
        )


def shortened(item: Prepared, options: Options) -> Any:
    """A cell's config, made to end after a few iterations, whatever it counts in."""
    config = _short(item, ITERATIONS)
    # What a batch policy makes of them.
    trial = copy.deepcopy(config)
    apply_batch_policy(trial, options.processes, options.batch_policy)
    wanted = max(1, round(ITERATIONS * ITERATIONS / trial.train_cfg.max_iters))
    return config if wanted == ITERATIONS else _short(item, wanted)


def _short(item: Prepared, iterations: int) -> Any:
    config = copy.deepcopy(item.config)
    if not item.cell.pretrains:
        # What is pretrained does not matter for the pace; that nothing is frozen without does.
        kept = {
            key: config.model.backbone[key]
            for key in ('frozen_stages', 'norm_eval')
            if key in config.model.backbone
        }
        empty(config, item.cell.config)
        config.model.backbone.update(kept)
    config.train_cfg = {
        'type': 'IterBasedTrainLoop', 'max_iters': iterations, 'val_interval': iterations + 1
    }  # fmt: skip
    config.param_scheduler = None
    config.default_hooks = {
        **(config.get('default_hooks') or {}),
        'logger': {'type': 'LoggerHook', 'interval': 1},
        'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False, 'interval': iterations},
    }
    config.log_processor = {'by_epoch': False, 'window_size': 1}
    config.custom_hooks = [
        hook
        for hook in entries(config.get('custom_hooks'))
        if type_name(hook) != 'VerifiedBackboneHook'
    ]
    return config
