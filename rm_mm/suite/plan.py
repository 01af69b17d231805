"""From a preset to the cells that have to run, in an order in which they can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rm_mm.errors import InputError
from rm_mm.suite.presets import Preset

PRETRAINING = 'classification'


@dataclass(frozen=True)
class Cell:
    """One run of one config, and one record.

    Attributes:
        preset: Name of the preset it belongs to.
        task: Task name.
        method: Method name.
        seed: Of every generator in the run.
        config: Path below ``configs/``.
        directory: Where the run keeps its logs and checkpoints.
        record: The file that says that the cell is done.
        backbone: The export that a pretraining run leaves, or that a downstream run takes; None
            where there is no pretraining.
        weight: Relative cost.
    """

    preset: str
    task: str
    method: str
    seed: int
    config: str
    directory: Path
    record: Path
    backbone: Path | None
    weight: float

    @property
    def name(self) -> str:
        """What people call it."""
        return f'{self.task} {self.method}' + (f' seed {self.seed}' if self.seed else '')

    @property
    def pretrains(self) -> bool:
        """Whether its result is a backbone."""
        return self.task == PRETRAINING


def run_directory(work_dir: Path, config: str, seed: int) -> Path:
    """Where a run of a config goes: what `tools/dist_train.sh` uses too, for seed 0."""
    return work_dir / (Path(config).stem + (f'_seed{seed}' if seed else ''))


def plan(
    preset: Preset,
    methods: Sequence[str],
    tasks: Sequence[str],
    seeds: Sequence[int],
    work_dir: Path,
) -> list[Cell]:
    """All cells, each after the one whose backbone it takes.

    Pretraining is part of the plan whenever a task needs its backbone, asked for or not.

    Raises:
        InputError: If the preset has no config for a method.
    """
    cells = []
    for seed in seeds:
        for method in methods:
            pretraining = run_directory(work_dir, preset.config_of(PRETRAINING, method), seed)
            backbone = None if method == 'scratch' else pretraining / 'backbone.pth'
            for name, task in preset.tasks.items():
                if name not in tasks and (name != PRETRAINING or backbone is None):
                    continue
                config = preset.config_of(name, method)
                cells.append(
                    Cell(
                        preset=preset.name,
                        task=name,
                        method=method,
                        seed=seed,
                        config=config,
                        directory=run_directory(work_dir, config, seed),
                        record=work_dir / 'records' / f'{name}-{method}-seed{seed}.json',
                        backbone=backbone,
                        weight=task.weight,
                    )
                )
    _require_configs(preset, cells)
    return sorted(cells, key=lambda cell: (cell.seed, not cell.pretrains))


def _require_configs(preset: Preset, cells: Sequence[Cell]) -> None:
    from rm_mm.compat.config_scopes import configs_root

    root = configs_root()
    absent = dict.fromkeys(cell.method for cell in cells if not (root / cell.config).is_file())
    if absent:
        raise InputError(
            f'preset {preset.name} has no configs for {", ".join(absent)}: '
            f'expected of {", ".join(preset.methods)}'
        )
