"""What a cell costs: from a published log, or from a probe."""

from __future__ import annotations

import copy
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rm_mm.recipe.batch import apply_batch_policy
from rm_mm.recipe.config import entries, type_name
from rm_mm.recipe.network import bare_model, build_network
from rm_mm.suite.cells import Options, Prepared
from rm_mm.suite.planning.gpus import speedup
from rm_mm.suite.planning.plan import Cell
from rm_mm.suite.planning.presets import Pace
from rm_mm.suite.planning.probe import Probe

#: Float32.
_BYTES = 4
#: Copies of the weights that an optimiser keeps beside them, by its name.
_STATES = {'SGD': 1, 'Adam': 2, 'AdamW': 2}
#: Numbers of the networks weighed so far: the cells of a column, and its seeds, mostly share one.
_weighed: dict[str, int] = {}


@dataclass(frozen=True)
class Cost:
    """Of one cell, its evaluations not counted.

    Attributes:
        seconds: Wall time of training.
        gpus: That take part; 0 is one process on a CPU.
        disk_bytes: Of the checkpoints that it keeps, and of the one that is being written.
    """

    seconds: float
    gpus: int
    disk_bytes: int

    @property
    def gpu_hours(self) -> float:
        """0 on a CPU."""
        return self.seconds * self.gpus / 3600


def from_log(item: Prepared, pace: Pace, options: Options, device: str) -> Cost:
    """Scale a published log to this call.

    As many GPU-hours as there, whatever the number of GPUs: less with a faster card, and with a
    shorter schedule.

    Args:
        item: The cell.
        pace: Of the published run.
        options: Of the call.
        device: Which card, as :data:`rm_mm.suite.planning.gpus.GPUS` has it.
    """
    gpu_seconds = pace.seconds * pace.gpus * options.scale / speedup(device, pace.device)
    gpus = options.gpus * options.nodes
    return Cost(gpu_seconds / gpus, gpus, _disk(item.config, checkpoint_bytes(item.config, gpus)))


def from_probe(item: Prepared, found: Probe, options: Options) -> Cost:
    """Multiply what a probe measured by the length of the schedule."""
    config = copy.deepcopy(item.config)
    apply_batch_policy(config, options.processes, options.batch_policy)
    loop = config.train_cfg
    iterations = loop.get('max_iters') or loop.max_epochs * found.iterations_an_epoch
    seconds = iterations * found.seconds_an_iteration
    return Cost(seconds, options.gpus, _disk(config, found.checkpoint_bytes))


def wall_seconds(cells: Sequence[tuple[Cell, Cost]], jobs: int) -> float:
    """How long cells take, so many at a time, each after the one whose backbone it takes."""
    free = [0.0] * min(jobs, max(len(cells), 1))
    ended: dict[Path, float] = {}
    last = 0.0
    for cell, cost in sorted(cells, key=lambda pair: not pair[0].pretrains):
        ready = ended.get(cell.backbone, 0.0) if cell.backbone else 0.0
        end = max(heapq.heappop(free), ready) + cost.seconds
        heapq.heappush(free, end)
        if cell.pretrains and cell.backbone:
            ended[cell.backbone] = end
        last = max(last, end)
    return last


def checkpoint_bytes(config: Any, processes: int) -> int:
    """Of one checkpoint: weights, the optimiser's state, and RecursiveMix's batch of each process.

    The network is built, without its weights being loaded.
    """
    states = _STATES.get(type_name(config.optim_wrapper.optimizer), 2)
    history = processes * _history_values(config)
    return _BYTES * (_weights(config) * (1 + states) + history)


def _weights(config: Any) -> int:
    """Numbers in the state dict of a config's network."""
    # Weights that are loaded are another file for each method and seed, and of one size.
    said = repr((config.get('default_scope'), bare_model(config)))
    if said not in _weighed:
        state = build_network(config).state_dict()
        _weighed[said] = sum(int(value.numel()) for value in state.values())
    return _weighed[said]


def _history_values(config: Any) -> int:
    """Values of the mixed batch that RecursiveMix keeps for exact resume; 0 without it."""
    augments = entries((config.model.get('train_cfg') or {}).get('augments'))
    if not any(type_name(augment) == 'RecursiveMix' for augment in augments):
        return 0
    sizes = [step.get('scale') or step.get('crop_size') for step in _pipeline(config)]
    size = next((size for size in reversed(sizes) if size), 0)
    height, width = (size, size) if isinstance(size, int) else size
    return int(config.train_dataloader.batch_size * 3 * height * width)


def _pipeline(config: Any) -> Sequence[Mapping[str, Any]]:
    return entries(config.train_dataloader.dataset.get('pipeline'))


def _disk(config: Any, checkpoint: int) -> int:
    """What a run keeps: its last checkpoints, the best, and the one being written."""
    hook = (config.get('default_hooks') or {}).get('checkpoint') or {}
    kept: int = hook.get('max_keep_ckpts', -1)
    if kept < 0:
        loop = config.train_cfg
        length = loop.get('max_epochs') or loop.get('max_iters') or 1
        interval: int = hook.get('interval', 1)
        kept = length // interval if interval > 0 else 1
    return checkpoint * (kept + int(bool(hook.get('save_best'))) + 1)
