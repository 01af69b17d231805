"""What RecursiveMix costs a training step: against a plain step, and against its authors' own.

Three ways train ResNet-50 on the same normalised batches: the recipe's baseline, the recipe's
RecursiveMix, and the authors' formulation. Time is taken in this process; peak memory in children,
one a measurement, beyond what they have before the network is built.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from alternation import Bar, alternate, parser, report
from authors_step import AuthorsTraining
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from rm_mm.compat import config_path
from rm_mm.environment import peak_memory_mb

CLASSES, STEPS_ALONE = 1000, 4
WAYS = ('plain', 'rm', 'authors')
Batch = tuple[torch.Tensor, torch.Tensor]


def recipe_model(method: str) -> tuple[torch.nn.Module, dict[str, Any]]:
    """A recipe's network, for batches that are normalised already, and SGD's options."""
    import mmpretrain.models  # noqa: F401

    init_default_scope('mmpretrain')
    config = Config.fromfile(config_path(f'classification/r50_{method}_in1k.py'))
    preprocessor = dict(type='ClsDataPreprocessor', num_classes=CLASSES)
    model = MODELS.build({**config.model, 'data_preprocessor': preprocessor})
    if config.get('runner_type') == 'ChannelsLastRunner':
        model = model.to(memory_format=torch.channels_last)
    options = dict(config.optim_wrapper.optimizer)
    assert options.pop('type') == 'SGD'
    return model, options


def recipe_step(
    method: str, device: torch.device, *, compiled: bool = False
) -> Callable[[Batch], None]:
    """A step of a recipe's network and optimiser."""
    model, options = recipe_model(method)
    model = model.to(device).train()
    if compiled:
        # What mmengine does of `compile=True`.
        model.forward = torch.compile(model.forward)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), **options))

    def step(batch: Batch) -> None:
        images, labels = batch
        samples = [DataSample().set_gt_label(int(label)) for label in labels]
        model.train_step({'inputs': images, 'data_samples': samples}, wrapper)

    return step


def step_of(way: str, device: torch.device) -> Callable[[Batch], None]:
    """A step of one of the ways."""
    torch.manual_seed(0)
    if way != 'authors':
        return recipe_step({'plain': 'baseline'}.get(way, way), device)
    training = AuthorsTraining(CLASSES, device, alpha=0.5, omega=0.5)
    return lambda batch: training.step(*batch)


def some_batch(args: argparse.Namespace, device: torch.device) -> Batch:
    """Made anew for every step: the authors' code writes into it."""
    images = torch.randn(args.batch, 3, args.size, args.size, device=device)
    return images, torch.randint(CLASSES, (args.batch,))


def seconds(step: Callable[[Batch], None], args: argparse.Namespace, device: torch.device) -> float:
    """Time of one step, the device's work included."""
    batch = some_batch(args, device)
    _wait(device)
    began = time.perf_counter()
    step(batch)
    _wait(device)
    return time.perf_counter() - began


def alone(way: str, args: argparse.Namespace, device: torch.device) -> dict[str, float]:
    """Peak memory of a few steps beyond what this process had before, and their median time."""
    before = _resident_mb()
    step = step_of(way, device)
    np.random.seed(0)
    # The first step of RecursiveMix has no history yet, and the first of all allocates.
    took = [seconds(step, args, device) for _ in range(STEPS_ALONE)][1:]
    if device.type == 'cuda':
        peak = torch.cuda.max_memory_allocated(device) / 2**20
    else:
        peak = peak_memory_mb() - before
    return {'peak_mb': peak, 'seconds': statistics.median(took)}


def in_a_process(way: str, batch: int, size: int, device: str) -> dict[str, float]:
    """The same in a process of its own."""
    call = [sys.executable, __file__, '--alone', way]
    call += ['--batch', str(batch), '--size', str(size), '--device', device]
    ended = subprocess.run(call, capture_output=True, text=True)
    if ended.returncode:
        sys.exit(ended.stderr)
    # The stack may say something of its own before.
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found


def peak_mb(way: str, args: argparse.Namespace) -> float:
    """Peak memory of a few steps."""
    return in_a_process(way, args.batch, args.size, args.device)['peak_mb']


def _resident_mb() -> float:
    """Memory that this process has now."""
    with open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def _wait(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def main() -> int:
    """Measure, and say whether the bars are reached."""
    options = parser(__doc__)
    options.add_argument('--batch', type=int, default=16, help='images a step (default 16)')
    options.add_argument('--size', type=int, default=224, help='pixels a side (default 224)')
    options.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    options.add_argument(
        '--compile', action='store_true', help='time RecursiveMix through torch.compile, too'
    )
    options.add_argument('--alone', choices=WAYS, help=argparse.SUPPRESS)
    args = options.parse_args()
    device = torch.device(args.device)
    if args.alone:
        print(json.dumps(alone(args.alone, args, device)))
        return 0
    facts = {'batch': args.batch, 'size': args.size, 'device': args.device}
    facts['threads'] = torch.get_num_threads()
    steps = {way: step_of(way, device) for way in WAYS}
    bars = [Bar('rm', 'plain', 1.02), Bar('rm', 'authors', 0.75)]
    if args.compile:
        torch.manual_seed(0)
        steps['rm compiled'] = recipe_step('rm', device, compiled=True)
        bars.append(Bar('rm compiled', 'authors', 0.75))
    # The first step of RecursiveMix has no history yet.
    for step in steps.values():
        step(some_batch(args, device))
    ways = {way: partial(seconds, step, args, device) for way, step in steps.items()}
    figures = alternate(ways, args.repetitions)
    good = report('step', 'seconds', figures, bars, target=args.json, facts=facts)
    steps.clear(), ways.clear()

    history = args.batch * 3 * args.size**2 * 4 / 2**20
    peaks = {way: partial(peak_mb, way, args) for way in WAYS}
    peaks['rm beyond its history'] = lambda: peak_mb('rm', args) - history
    del peaks['rm']
    memory = alternate(peaks, args.repetitions)
    target = args.json and args.json.with_stem(f'{args.json.stem}_memory')
    bars = [Bar('rm beyond its history', 'plain', 1.02)]
    facts['history_mb'] = history
    return (
        0 if report('step memory', 'MB', memory, bars, target=target, facts=facts) and good else 1
    )


if __name__ == '__main__':
    sys.exit(main())
