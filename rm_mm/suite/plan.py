"""From a preset to the cells that have to run, in an order in which they can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rm_mm.errors import InputError
from rm_mm.suite.presets import Preset, Task, Variant

PRETRAINING = 'classification'


@dataclass(frozen=True)
class Cell:
    """One run of one config, and one record.

    Attributes:
        preset: Name of the preset it belongs to.
        task: Kind of the task.
        column: Name of the task, such as ``atss_r50_coco``.
        method: Method name.
        row: The method, and what sets this row apart from its others.
        settings: Which settings the row belongs to.
        seed: Of every generator in the run.
        config: Path below ``configs/``, or from the root.
        directory: Where the run keeps its logs and checkpoints.
        record: The file that says that the cell is done.
        backbone: The export that a pretraining run leaves, or that a downstream run takes; None
            where there is no pretraining.
        source: Published weights behind ``backbone``, where that is no pretraining of ours.
        weight: Relative cost.
    """

    preset: str
    task: str
    column: str
    method: str
    row: str
    settings: tuple[str, ...]
    seed: int
    config: str
    directory: Path
    record: Path
    backbone: Path | None
    source: str | None
    weight: float

    @property
    def name(self) -> str:
        """What people call it."""
        row = self.row.replace('_', ' ')
        return f'{self.task} {row}' + (f' seed {self.seed}' if self.seed else '')

    @property
    def pretrains(self) -> bool:
        """Whether its result is a backbone."""
        return self.task == PRETRAINING


def run_directory(work_dir: Path, name: str, seed: int) -> Path:
    """Where a run goes: what `tools/dist_train.sh` uses too, for seed 0."""
    return work_dir / (name + (f'_seed{seed}' if seed else ''))


def plan(
    preset: Preset,
    methods: Sequence[str],
    tasks: Sequence[str],
    seeds: Sequence[int],
    work_dir: Path,
    settings: Sequence[str] | None = None,
) -> list[Cell]:
    """All cells, each after the one whose backbone it takes.

    Pretraining is part of the plan whenever a task needs its backbone, asked for or not.

    Args:
        preset: What there is to choose from.
        methods: Rows.
        tasks: Kinds of tasks, columns.
        seeds: How often each.
        work_dir: Where everything goes.
        settings: Which of the preset's; all if not given.

    Raises:
        InputError: If the preset has no config for a method.
    """
    wanted = settings or preset.settings
    cells: dict[Path, Cell] = {}
    for seed in seeds:
        for method in methods:
            for kind in (kind for kind in preset.tasks if kind in tasks):
                for variant in preset.tasks[kind].variants(method, wanted):
                    for cell in _with_pretraining(preset, kind, method, variant, seed, work_dir):
                        cells.setdefault(cell.directory, cell)
    _require_configs(preset, list(cells.values()))
    return sorted(cells.values(), key=lambda cell: (cell.seed, not cell.pretrains))


def _with_pretraining(
    preset: Preset, kind: str, method: str, variant: Variant, seed: int, work_dir: Path
) -> list[Cell]:
    """One cell, after the one whose backbone it takes if there is such a one."""

    def cell(task: Task, row: Variant) -> Cell:
        directory = run_directory(work_dir, task.run_name(row.name), seed)
        return Cell(
            preset=preset.name,
            task=task.kind,
            column=task.name,
            method=method,
            row=row.name,
            settings=row.settings,
            seed=seed,
            config=task.config_of(row.name),
            directory=directory,
            record=work_dir / 'records' / f'{directory.name}.json',
            backbone=backbone,
            source=row.source,
            weight=task.weight,
        )

    pretraining = preset.tasks[PRETRAINING]
    own = run_directory(work_dir, pretraining.run_name(method), seed) / 'backbone.pth'
    backbone = None if method == 'scratch' else own
    if variant.source:
        backbone = work_dir / _source_directory(variant.source) / 'backbone.pth'
    last = cell(preset.tasks[kind], variant)
    if last.pretrains or variant.source or backbone is None:
        return [last]
    return [cell(pretraining, Variant(method, pretraining.settings)), last]


def _source_directory(source: str) -> str:
    """Where the export of published weights goes: ``r50_torchvision``, as the leaves have it."""
    origin, _, network = source.partition('://')
    return f'{network.replace("resnet", "r")}_{origin}'


def _require_configs(preset: Preset, cells: Sequence[Cell]) -> None:
    from rm_mm.compat.config_scopes import configs_root

    root = configs_root()
    absent = dict.fromkeys(cell.method for cell in cells if not (root / cell.config).is_file())
    if absent:
        raise InputError(
            f'preset {preset.name} has no configs for {", ".join(absent)}: '
            f'expected of {", ".join(preset.methods)}'
        )
