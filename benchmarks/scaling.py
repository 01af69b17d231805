"""Measure how cost grows with batch, image size, processes, workers and records.

All figures are written as JSON, and ``plot_scaling.py`` draws them. There are no bars to reach.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from alternation import alternate, parser, report
from made_records import write_records
from photographs import add_images, photographs
from startup import report_call, seconds
from step import memory_of, time_of

BATCH, SIZE = 16, 224
WAYS = ('plain', 'rm')
BATCHES, SIZES = (4, 8, 16, 32), (96, 160, 224, 288)
RECORDS = (10, 100, 300, 1000, 3000)
PASSES = 4
Figures = dict[str, list[float]]


def of_steps(repetitions: int, shapes: Sequence[tuple[int, int]], key: str) -> tuple[Figures, ...]:
    """Measure time and memory of a step, plain and RecursiveMix, for each (batch, size)."""
    trainings = {
        f'{way} {shape[key == "size"]}': (way, (*shape, 'cpu')) for shape in shapes for way in WAYS
    }
    return time_of(trainings, repetitions), memory_of(trainings, repetitions)


def of_processes(repetitions: int) -> Figures:
    """Measure images per second with one and two processes, and with one and two threads."""
    ways = {
        '1 process, 1 thread': (1, 1, BATCH // 2),
        '1 process, 2 threads': (1, 2, BATCH),
        '2 processes, 1 thread each': (2, 1, BATCH // 2),
    }
    return alternate(
        {
            f'{method}, {name}': partial(_distributed, method, *way)
            for name, way in ways.items()
            for method in WAYS
        },
        repetitions,
    )


def _distributed(method: str, processes: int, threads: int, batch: int) -> float:
    script = str(Path(__file__).with_name('distributed_step.py'))
    call = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    call += [f'--nproc_per_node={processes}', script, method]
    call += [str(threads), str(batch), str(SIZE)]
    return processes * batch / float(_output(call).split()[-1])


def of_workers(repetitions: int, images: Path) -> Figures:
    """Measure images per second that arrive in an otherwise idle main process."""
    paths = photographs(images) * PASSES
    workers = range(len(os.sched_getaffinity(0)) + 1)
    return alternate({f'{n} workers': partial(_loaded, paths, n) for n in workers}, repetitions)


def _loaded(paths: Sequence[str], workers: int) -> float:
    import torch
    from loader import recipe_pipeline
    from mmengine.dataset import default_collate

    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(
        Loaded(paths, recipe_pipeline()),
        batch_size=BATCH,
        num_workers=workers,
        collate_fn=default_collate,
        persistent_workers=workers > 0,
    )
    # The first pass starts the workers.
    for _ in loader:
        pass
    began = time.perf_counter()
    for _ in loader:
        pass
    return len(paths) / (time.perf_counter() - began)


class Loaded:
    """A data set that loads photographs through a pipeline."""

    def __init__(self, paths: Sequence[str], pipeline: Callable[[str], Any]) -> None:
        self.paths, self.pipeline = paths, pipeline

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Any:
        return self.pipeline(self.paths[index])


def of_records(repetitions: int) -> Figures:
    """Measure the seconds of a report in all formats."""
    with tempfile.TemporaryDirectory() as root:
        ways = {}
        for count in RECORDS:
            folder = Path(root, str(count))
            write_records(folder, count)
            ways[f'{count} records'] = partial(seconds, report_call(folder))
        return alternate(ways, repetitions)


def _output(call: Sequence[str]) -> str:
    ended = subprocess.run(call, capture_output=True, text=True)
    if ended.returncode:
        sys.exit(f'{" ".join(call)}: {ended.stderr}')
    return ended.stdout


def main() -> int:
    """Measure one kind after another and write each as soon as it is finished."""
    options = parser(__doc__)
    add_images(options)
    options.add_argument(
        '--out', type=Path, default=Path('docs/performance'), help='folder for the JSON files'
    )
    options.add_argument(
        '--only',
        choices=('batch', 'size', 'processes', 'workers', 'records'),
        help='measure only this (default: all)',
    )
    args = options.parse_args()
    photographs(args.images)

    def wanted(name: str) -> bool:
        return args.only in (None, name)

    def keep(name: str, unit: str, figures: Figures) -> None:
        args.out.mkdir(parents=True, exist_ok=True)
        report(name, unit, figures, [], target=args.out / f'{name}.json')

    for key, shapes in (
        ('batch', [(batch, SIZE) for batch in BATCHES]),
        ('size', [(BATCH, size) for size in SIZES]),
    ):
        if wanted(key):
            took, peaks = of_steps(args.repetitions, shapes, key)
            keep(f'step_time_by_{key}', 'seconds', took)
            keep(f'step_memory_by_{key}', 'MB', peaks)
    if wanted('processes'):
        keep('processes', 'images/s', of_processes(args.repetitions))
    if wanted('workers'):
        keep('workers', 'images/s', of_workers(args.repetitions, args.images))
    if wanted('records'):
        keep('report_by_records', 'seconds', of_records(args.repetitions))
    return 0


if __name__ == '__main__':
    sys.exit(main())
