"""A training of ResNet-50 that takes one step per line on standard input.

``training_step.py WAY BATCH SIZE DEVICE`` prints the seconds and the peak memory of each step.
Memory is counted beyond what the process used before the network was built. With ``--returned`` at
the end, freed memory goes back to the system immediately. The peak is then the memory in use,
without memory that an allocator happens to keep, but the steps take longer.
"""

from __future__ import annotations

import ctypes
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from authors_step import AuthorsTraining
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from rm_mm.compat import packaged_config
from rm_mm.run.environment import peak_memory_mb
from rm_mm.run.runner import ChannelsLastRunner, keep_freed_memory

CLASSES = 1000
#: Parameters of glibc's mallopt: map every block from 64 KB on, and trim the rest.
RETURNED = {-4: 1 << 20, -3: 1 << 16, -1: 1 << 16}
Batch = tuple[torch.Tensor, torch.Tensor]


def recipe_model(way: str, device: str) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Build a recipe's network for normalised batches, and return it with the options of SGD.

    The network and the process are prepared as the recipe's runner does it.
    """
    import mmpretrain.models  # noqa: F401

    init_default_scope('mmpretrain')
    method = {'plain': 'baseline'}.get(way, way)
    config = Config.fromfile(packaged_config(f'classification/r50_{method}_in1k.py'))
    preprocessor = dict(type='ClsDataPreprocessor', num_classes=CLASSES)
    model = MODELS.build({**config.model, 'data_preprocessor': preprocessor})
    assert config.runner_type == ChannelsLastRunner.__name__
    model = model.to(device, memory_format=torch.channels_last)
    if device == 'cpu':
        keep_freed_memory()
    options = dict(config.optim_wrapper.optimizer)
    assert options.pop('type') == 'SGD'
    return model.train(), options


def recipe_step(method: str, device: str, *, compiled: bool) -> Callable[[Batch], None]:
    """Return a function that takes one step with a recipe's network and optimiser."""
    model, options = recipe_model(method, device)
    if compiled:
        # mmengine does the same for `compile=True`.
        model.train_step = torch.compile(model.train_step)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), **options))

    def step(batch: Batch) -> None:
        images, labels = batch
        samples = [DataSample().set_gt_label(int(label)) for label in labels]
        model.train_step({'inputs': images, 'data_samples': samples}, wrapper)

    return step


def step_of(way: str, device: str) -> Callable[[Batch], None]:
    """Return a step function for ``plain``, ``rm``, ``rm compiled`` or ``authors``."""
    if way == 'authors':
        training = AuthorsTraining(CLASSES, torch.device(device), alpha=0.5, omega=0.5)
        return lambda batch: training.step(*batch)
    method, _, compiled = way.partition(' ')
    return recipe_step(method, device, compiled=bool(compiled))


def main() -> None:
    """Take one step per input line."""
    way, batch, size, device = sys.argv[1], *map(int, sys.argv[2:4]), sys.argv[4]
    before = _resident_mb()
    torch.manual_seed(0), np.random.seed(0)
    step = step_of(way, device)
    if sys.argv[5:]:
        # After the recipe's runner has set its own values.
        assert all(ctypes.CDLL(None).mallopt(*option) for option in RETURNED.items())
    for _ in sys.stdin:
        # New for every step, because the authors' code writes into the batch.
        images = torch.randn(batch, 3, size, size, device=device)
        labels = torch.randint(CLASSES, (batch,), device=device)
        _forget_peak(device)
        _wait(device)
        began = time.perf_counter()
        step((images, labels))
        _wait(device)
        took = time.perf_counter() - began
        if device == 'cpu':
            peak = peak_memory_mb() - before
        else:
            peak = torch.cuda.max_memory_allocated(device) / 2**20
        print(json.dumps({'seconds': took, 'peak_mb': peak}), flush=True)


def _forget_peak(device: str) -> None:
    """Reset the peak memory. See proc(5) for the number."""
    if device == 'cpu':
        Path('/proc/self/clear_refs').write_text('5', encoding='ascii')
    else:
        torch.cuda.reset_peak_memory_stats(device)


def _resident_mb() -> float:
    """Return the resident memory of this process."""
    with open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def _wait(device: str) -> None:
    if device != 'cpu':
        torch.cuda.synchronize(device)


if __name__ == '__main__':
    main()
