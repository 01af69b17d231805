"""What a suite consists of: the configs behind each task, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rm_mm.errors import InputError


@dataclass(frozen=True)
class Task:
    """One column of the table.

    Attributes:
        name: ``classification``, ``detection`` or ``segmentation``.
        config: Path below ``configs/``, with ``{method}`` for the method.
        weight: Cost of one cell relative to the others of the preset, to estimate the time left
            before any of them has been measured.
    """

    name: str
    config: str
    weight: float


@dataclass(frozen=True)
class Preset:
    """A set of configs that belong in one table.

    Attributes:
        name: What ``--preset`` takes.
        work_dir: Where runs go if nothing else is said.
        methods: The rows that run if nothing else is said.
        tasks: By name; ``classification`` is the pretraining of the others.
        data: Root of the embedded images, for a preset that makes its own data.
    """

    name: str
    work_dir: Path
    methods: tuple[str, ...]
    tasks: Mapping[str, Task]
    data: Path | None = None

    def config_of(self, task: str, method: str) -> str:
        """The config of one cell, as a path below ``configs/``."""
        return self.tasks[task].config.format(method=method)


def _tasks(*tasks: Task) -> dict[str, Task]:
    return {task.name: task for task in tasks}


# The weights are seconds measured on two cores (mini) and on 8 GPUs in the authors' logs (paper).
PRESETS = {
    'mini': Preset(
        name='mini',
        work_dir=Path('work_dirs/mini'),
        methods=('scratch', 'baseline', 'rm'),
        data=Path('data/mini'),
        tasks=_tasks(
            Task('classification', 'classification/r18_{method}_mini.py', 150.0),
            Task('detection', 'detection/atss_r18_{method}_mini.py', 115.0),
            Task('segmentation', 'segmentation/upernet_r18_{method}_mini.py', 115.0),
        ),
    ),
    'paper': Preset(
        name='paper',
        work_dir=Path('work_dirs'),
        methods=('baseline', 'mixup', 'cutmix', 'rm'),
        tasks=_tasks(
            Task('classification', 'classification/r50_{method}_in1k.py', 250_000.0),
            Task('detection', 'detection/atss_r50_{method}_coco.py', 40_000.0),
            Task('segmentation', 'segmentation/upernet_r50_{method}_ade20k.py', 60_000.0),
        ),
    ),
}

#: What `run_transfer.sh` calls a task: (architecture, data set) to (preset, task).
TRANSFERS = {
    ('atss', 'coco'): ('paper', 'detection'),
    ('upernet', 'ade20k'): ('paper', 'segmentation'),
    ('atss', 'mini'): ('mini', 'detection'),
    ('upernet', 'mini'): ('mini', 'segmentation'),
}


def find_transfer(architecture: str, dataset: str) -> tuple[Preset, str]:
    """The preset and task behind ``run_transfer.sh ARCHITECTURE DATASET``.

    Raises:
        InputError: If there is none.
    """
    try:
        preset, task = TRANSFERS[architecture.lower(), dataset.lower()]
    except KeyError:
        known = ', '.join(' '.join(pair) for pair in TRANSFERS)
        raise InputError(
            f'no transfer {architecture!a} {dataset!a}: expected one of {known}'
        ) from None
    return PRESETS[preset], task
