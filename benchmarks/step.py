"""Time and memory of a RecursiveMix step, compared with a plain step and the authors' step.

ResNet-50 is trained on the same normalised batches in three ways: the recipe's baseline, the
recipe's RecursiveMix, and the authors' formulation. Each runs in a separate process, as in
training, because processes differ in how much freed memory they keep. The processes take steps in
turn. Peak memory is measured in the same way, in processes that keep no freed memory.
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
#: Way and shape of each training, by name.
Trainings = Mapping[str, tuple[str, Shape]]


class Training:
    """A training in a separate process that takes a step on request.

    The first step is taken at the start and not measured: it allocates memory, and RecursiveMix
    has no history yet.

    Args:
        way: ``plain``, ``rm``, ``rm compiled`` or ``authors``.
        shape: Images per step, pixels per side, device.
        options: Options of ``training_step.py``.
    """

    def __init__(self, way: str, shape: Shape, *options: str) -> None:
        script = Path(__file__).with_name('training_step.py')
        call = [sys.executable, str(script), way, *map(str, shape), *options]
        self._process = subprocess.Popen(
            call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.step()

    def step(self) -> dict[str, float]:
        """Take the next step and return its ``seconds`` and ``peak_mb``."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write('\n')
        self._process.stdin.flush()
        # The libraries may print lines before the result.
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
    """Measure seconds per step of each training in turn, including the device's work."""
    return _measured('seconds', trainings, repetitions)


def memory_of(trainings: Trainings, repetitions: int) -> dict[str, list[float]]:
    """Measure the peak memory of a step of each training in turn, in MB."""
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
    """Return 0 if all bars are reached, and 1 if not."""
    options = parser(__doc__)
    options.add_argument('--batch', type=int, default=16, help='images per step (default 16)')
    options.add_argument('--size', type=int, default=224, help='pixels per side (default 224)')
    options.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    options.add_argument(
        '--compile', action='store_true', help='also time RecursiveMix with torch.compile'
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
