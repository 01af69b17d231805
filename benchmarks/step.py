"""What RecursiveMix costs a training step: against a plain step, and against its authors' own.

Three ways train ResNet-50 on the same normalised batches: the recipe's baseline, the recipe's
RecursiveMix, and the authors' formulation. Each has a process of its own, as in training, since
what a process keeps of freed memory differs; they take steps in turn. Peak memory is that of a few
steps, in processes that are started for it and keep nothing.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType

import torch
from alternation import Bar, alternate, parser, report

STEPS_ALONE = 4
WAYS = ('plain', 'rm', 'authors')


class Training:
    """A training in a process of its own, which waits until it is asked for a step.

    Its first step is taken at the start: that of RecursiveMix has no history yet, and the first of
    all allocates.
    """

    def __init__(self, way: str, batch: int, size: int, device: str, *options: str) -> None:
        script = Path(__file__).with_name('training_step.py')
        call = [sys.executable, str(script), way, str(batch), str(size), device, *options]
        self._process = subprocess.Popen(
            call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.step()

    def step(self) -> dict[str, float]:
        """The next step's ``seconds``, and ``peak_mb`` of all until now."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write('\n')
        self._process.stdin.flush()
        # The stack may say something of its own before.
        for line in self._process.stdout:
            if line.startswith('{'):
                found: dict[str, float] = json.loads(line)
                return found
        sys.exit(f'{" ".join(map(str, self._process.args))}: ended without a step')

    def seconds(self) -> float:
        """Time of the next step, the device's work included."""
        return self.step()['seconds']

    def __enter__(self) -> Training:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()


def in_a_process(way: str, batch: int, size: int, device: str, *options: str) -> dict[str, float]:
    """Peak memory of a few steps, and their median time."""
    with Training(way, batch, size, device, *options) as training:
        steps = [training.step() for _ in range(STEPS_ALONE - 1)]
    took = [step['seconds'] for step in steps]
    return {'seconds': statistics.median(took), 'peak_mb': steps[-1]['peak_mb']}


def time_of(
    ways: Sequence[str], shape: tuple[int, int, str], repetitions: int
) -> dict[str, list[float]]:
    """Seconds a step of each way, in turn."""
    with ExitStack() as stack:
        trainings = {way: stack.enter_context(Training(way, *shape)) for way in ways}
        return alternate({way: each.seconds for way, each in trainings.items()}, repetitions)


def memory_of(
    shape: tuple[int, int, str], history: float, repetitions: int
) -> dict[str, list[float]]:
    """Peak MB of each way; RecursiveMix's less that of its history."""

    def peak(way: str, less: float = 0.0) -> float:
        return in_a_process(way, *shape, '--returned')['peak_mb'] - less

    ways = {'plain': partial(peak, 'plain'), 'authors': partial(peak, 'authors')}
    return alternate({**ways, 'rm beyond its history': partial(peak, 'rm', history)}, repetitions)


def main() -> int:
    """Measure, and say whether the bars are reached."""
    options = parser(__doc__)
    options.add_argument('--batch', type=int, default=16, help='images a step (default 16)')
    options.add_argument('--size', type=int, default=224, help='pixels a side (default 224)')
    options.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    options.add_argument(
        '--compile', action='store_true', help='time RecursiveMix through torch.compile, too'
    )
    args = options.parse_args()
    shape = (args.batch, args.size, args.device)
    facts = {'batch': args.batch, 'size': args.size, 'device': args.device}
    facts['threads'] = torch.get_num_threads()
    ways, bars = [*WAYS], [Bar('rm', 'plain', 1.02), Bar('rm', 'authors', 0.75)]
    if args.compile:
        ways.append('rm compiled')
        bars.append(Bar('rm compiled', 'authors', 0.75))
    figures = time_of(ways, shape, args.repetitions)
    good = report('step', 'seconds', figures, bars, target=args.json, facts=facts)

    facts['history_mb'] = args.batch * 3 * args.size**2 * 4 / 2**20
    memory = memory_of(shape, facts['history_mb'], args.repetitions)
    target = args.json and args.json.with_stem(f'{args.json.stem}_memory')
    bars = [Bar('rm beyond its history', 'plain', 1.02)]
    reached = report('step memory', 'MB', memory, bars, target=target, facts=facts)
    return 0 if good and reached else 1


if __name__ == '__main__':
    sys.exit(main())
