"""Cost of a cell, from a published log or from a probe."""

from __future__ import annotations

import copy
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rm_mm.recipe.batch import apply_batch_policy
from rm_mm.recipe.config import entries, type_name
from rm_mm.recipe.network import bare_model, build_network
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.cost.gpus import speedup
from rm_mm.suite.cost.probe import Probe
from rm_mm.suite.plan.cells import Cell
from rm_mm.suite.plan.presets import Pace

#: Bytes of a float32.
_BYTES = 4
#: Copies of the weights that each optimiser keeps as its state.
_STATES = {'SGD': 1, 'Adam': 2, 'AdamW': 2}
#: Values in the state dict of each network built so far; most cells of a column share one.
_sizes: dict[str, int] = {}


@dataclass(frozen=True)
class Cost:
    """Cost of one cell, without its evaluations.

    Attributes:
        seconds: Wall time of training.
        gpus: Number of GPUs; 0 for one process on a CPU.
        disk_bytes: Size of the checkpoints that it keeps, plus one being written.
    """

    seconds: float
    gpus: int
    disk_bytes: int

    @property
    def gpu_hours(self) -> float:
        """GPU-hours; 0 on a CPU."""
        return self.seconds * self.gpus / 3600


def from_log(item: PreparedCell, pace: Pace, options: CellOptions, device: str) -> Cost:
    """Scale the training time of a published log to this call, on the GPU ``device``.

    The number of GPU-hours does not depend on the number of GPUs. A faster card or a shorter
    schedule reduces it.
    """
    gpu_seconds = pace.seconds * pace.gpus * options.scale / speedup(device, pace.device)
    gpus = options.gpus * options.nodes
    return Cost(gpu_seconds / gpus, gpus, _disk(item.config, checkpoint_bytes(item.config, gpus)))


def from_probe(item: PreparedCell, found: Probe, options: CellOptions) -> Cost:
    """Multiply the time per iteration that a probe measured by the length of the schedule."""
    config = copy.deepcopy(item.config)
    apply_batch_policy(config, options.processes, options.batch_policy)
    loop = config.train_cfg
    iterations = loop.get('max_iters') or loop.max_epochs * found.iterations_an_epoch
    seconds = iterations * found.seconds_an_iteration
    return Cost(seconds, options.gpus, _disk(config, found.checkpoint_bytes))


def wall_seconds(cells: Sequence[tuple[Cell, Cost]], jobs: int) -> float:
    """Estimate the wall time of cells, ``jobs`` at a time, each after its pretraining."""
    free = [0.0] * min(jobs, max(len(cells), 1))
    ended: dict[str | None, float] = {}
    for cell, cost in sorted(cells, key=lambda pair: not pair[0].pretrains):
        end = max(heapq.heappop(free), ended.get(cell.pretraining, 0.0)) + cost.seconds
        heapq.heappush(free, end)
        if cell.pretrains:
            ended[cell.run_name] = end
    return max(free)


def checkpoint_bytes(config: Any, processes: int) -> int:
    """Estimate the size of one checkpoint: weights, optimiser state, and RecursiveMix's history.

    The network is built for this, without loading weights.
    """
    states = _STATES.get(type_name(config.optim_wrapper.optimizer), 2)
    # Without initial weights: those are another file for each method and seed, of the same size.
    key = repr((config.get('default_scope'), bare_model(config)))
    if key not in _sizes:
        state = build_network(config).state_dict()
        _sizes[key] = sum(int(value.numel()) for value in state.values())
    return _BYTES * (_sizes[key] * (1 + states) + processes * _history_values(config))


def _history_values(config: Any) -> int:
    """Return the size of the mixed batch that RecursiveMix saves for exact resume; 0 without it."""
    augments = entries((config.model.get('train_cfg') or {}).get('augments'))
    if not any(type_name(augment) == 'RecursiveMix' for augment in augments):
        return 0
    pipeline = entries(config.train_dataloader.dataset.get('pipeline'))
    sizes = [step.get('scale') or step.get('crop_size') for step in pipeline]
    size = next((size for size in reversed(sizes) if size), 0)
    height, width = (size, size) if isinstance(size, int) else size
    return int(config.train_dataloader.batch_size * 3 * height * width)


def _disk(config: Any, checkpoint: int) -> int:
    """Return the disk space of a run: last checkpoints, the best one, and one being written."""
    hook = (config.get('default_hooks') or {}).get('checkpoint') or {}
    kept: int = hook.get('max_keep_ckpts', -1)
    if kept < 0:
        loop = config.train_cfg
        length = loop.get('max_epochs') or loop.get('max_iters') or 1
        interval: int = hook.get('interval', 1)
        kept = length // interval if interval > 0 else 1
    return checkpoint * (kept + int(bool(hook.get('save_best'))) + 1)
