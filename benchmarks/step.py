"""What RecursiveMix costs a training step: against a plain step, and against its authors' own.

Three ways train ResNet-50 on the same normalised batches: the recipe's baseline, the recipe's
RecursiveMix, and the authors' formulation. Each has a process of its own, as in training, since
what a process keeps of freed memory differs; they take steps in turn. Peak memory is measured so,
too, in processes that keep nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType

import torch
from alternation import Bar, alternate, parser, report

WAYS = ('plain', 'rm', 'authors')
Shape = tuple[int, int, str]
#: A name, and the way and shape of what trains.
Trainings = Mapping[str, tuple[str, Shape]]


class Training:
    """A training in a process of its own, which waits until it is asked for a step.

    Its first step is taken at the start: that of RecursiveMix has no history yet, and the first of
    all allocates.

    Args:
        shape: Images a step, pixels a side, device.
        options: Of ``training_step.py``.
    """

    def __init__(self, way: str, shape: Shape, *options: str) -> None:
        script = Path(__file__).with_name('training_step.py')
        call = [sys.executable, str(script), way, *map(str, shape), *options]
        self._process = subprocess.Popen(
            call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.step()

    def step(self) -> dict[str, float]:
        """The next step's ``seconds`` and ``peak_mb``."""
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


def time_of(trainings: Trainings, repetitions: int) -> dict[str, list[float]]:
    """Seconds a step of each, the device's work included, in turn."""
    return _measured('seconds', trainings, repetitions)


def memory_of(trainings: Trainings, repetitions: int) -> dict[str, list[float]]:
    """Peak MB of a step of each, in turn."""
    return _measured('peak_mb', trainings, repetitions, '--returned')


def _measured(
    figure: str, trainings: Trainings, repetitions: int, *options: str
) -> dict[str, list[float]]:
    with ExitStack() as stack:
        started = {
            name: stack.enter_context(Training(*training, *options))
            for name, training in trainings.items()
        }

        def measure(name: str) -> float:
            return started[name].step()[figure]

        return alternate({name: partial(measure, name) for name in started}, repetitions)


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
    figures = time_of({way: (way, shape) for way in ways}, args.repetitions)
    good = report('step', 'seconds', figures, bars, target=args.json, facts=facts)

    facts['history_mb'] = args.batch * 3 * args.size**2 * 4 / 2**20
    memory = memory_of({way: (way, shape) for way in WAYS}, args.repetitions)
    memory['rm beyond its history'] = [peak - facts['history_mb'] for peak in memory.pop('rm')]
    target = args.json and args.json.with_stem(f'{args.json.stem}_memory')
    bars = [Bar('rm beyond its history', 'plain', 1.02)]
    reached = report('step memory', 'MB', memory, bars, target=target, facts=facts)
    return 0 if good and reached else 1


if __name__ == '__main__':
    sys.exit(main())
