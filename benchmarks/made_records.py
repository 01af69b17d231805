"""Generated records of a fictitious study, for timing reports."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

from rm_mm.names import METHODS
from rm_mm.records import Record, figures_of

#: Task, column, metric, unit of steps, number of classes with per-class figures.
COLUMNS = (
    ('classification', 'r50_in1k', 'top1_percent', 'epoch', 0),
    ('detection', 'atss_r50_coco', 'box_ap_percent', 'epoch', 80),
    ('detection', 'gfl_r50_coco', 'box_ap_percent', 'epoch', 80),
    ('segmentation', 'upernet_r50_ade20k', 'miou_percent', 'iteration', 150),
)
EVALUATIONS = 12


def made_record(method: str, seed: int, column: tuple[str, str, str, str, int]) -> Record:
    """Generate one record with a rising, noisy curve that depends only on the arguments."""
    task, name, metric, unit, classes = column
    draw = random.Random(f'{method} {seed} {name}')
    top = 40 + METHODS.index(method) + draw.gauss(0, 0.5)
    curve = [
        (step, round(top * (1 - 0.6**step) + draw.gauss(0, 0.2), 3))
        for step in range(1, EVALUATIONS + 1)
    ]
    return Record(
        preset='made',
        task=task,
        method=method,
        seed=seed,
        metric=metric,
        **figures_of(curve),
        step_unit=unit,
        published=None,
        source=None,
        config=f'{task}/{name}.py',
        config_sha256=f'{METHODS.index(method):064x}',
        schedule_scale=1.0,
        backbone_sha256=f'{METHODS.index(method):032x}{seed:032x}',
        data_fingerprint='d' * 64,
        seconds=3600.0,
        environment={'python': '3.11', 'device': 'cpu', 'versions': {'torch': '2.14.1'}},
        column=name,
        settings=['made'],
        seconds_an_iteration=0.4,
        memory_mb=900.0,
        checkpoint=f'{name}_{method}_{seed}/best.pth',
        config_diff={'randomness.seed': [0, seed]},
        per_class={
            f'class {number}': round(top + draw.gauss(0, 8), 2) for number in range(classes)
        },
    )


def write_records(folder: Path, count: int) -> None:
    """Write ``count`` records to the subfolder of ``folder`` that ``rm-mm report`` reads."""
    (folder / 'records').mkdir(parents=True)
    cells = ((seed, *rest) for seed in itertools.count() for rest in _row())
    for number, (seed, method, column) in enumerate(itertools.islice(cells, count)):
        made_record(method, seed, column).write(folder / 'records' / f'{number}.json')


def _row() -> itertools.product[tuple[str, tuple[str, str, str, str, int]]]:
    return itertools.product(METHODS, COLUMNS)
