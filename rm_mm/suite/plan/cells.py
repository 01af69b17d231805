"""The cells of a study: one run and one record each, ordered by what they depend on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rm_mm.compat.config_scopes import configs_root
from rm_mm.errors import InputError
from rm_mm.suite.plan.presets import PRETRAINING, Preset, Task, Variant


@dataclass(frozen=True)
class Cell:
    """One run of one config, and one record.

    Attributes:
        preset: Name of the preset.
        task: Kind of the task.
        label: Name of the task in ``--tasks``: its kind, or the name of a custom task.
        column: Name of the column, such as ``atss_r50_coco``.
        method: Name of the method.
        row: Method, plus a suffix if the method has several rows.
        settings: Settings that the row belongs to.
        seed: Seed of every generator in the run.
        config: Path below ``configs/``, or absolute.
        custom: Whether method or task is custom, so that the paper has no figure for it.
        directory: Work directory of the run.
        record: File of the record; the cell is done once it exists.
        backbone: Export that a pretraining run leaves, or that a downstream run takes; None
            without pretraining.
        source: Published weights or custom checkpoint that ``backbone`` is exported from, if no
            run of the suite leaves it.
        network: Config whose backbone a custom checkpoint has to fill.
        weight: Cost relative to the other cells.
    """

    preset: str
    task: str
    label: str
    column: str
    method: str
    row: str
    settings: tuple[str, ...]
    seed: int
    config: str
    custom: bool
    directory: Path
    record: Path
    backbone: Path | None
    source: str | None
    network: str | None
    weight: float

    @property
    def name(self) -> str:
        """Name for messages, such as ``detection rm seed 1``."""
        row = self.row.replace('_', ' ')
        return f'{self.label} {row}' + (f' seed {self.seed}' if self.seed else '')

    @property
    def run_name(self) -> str:
        """Name of the run and of its folder, which identifies the cell in a work directory."""
        return self.directory.name

    @property
    def pretrains(self) -> bool:
        """Whether its result is a backbone."""
        return self.task == PRETRAINING

    @property
    def trains(self) -> bool:
        """Whether anything is trained, rather than an untrained network evaluated."""
        return not self.pretrains or self.backbone is not None

    @property
    def pretraining(self) -> str | None:
        """Name of the run of the suite whose backbone it takes, if there is one."""
        taken = None if self.pretrains or self.source else self.backbone
        return taken.parent.name if taken else None

    @property
    def custom_file(self) -> str | None:
        """Custom checkpoint behind the backbone, if it is a local file."""
        is_file = self.source and self.network and '://' not in self.source
        return self.source if is_file else None

    @property
    def work_dir(self) -> Path:
        """Work directory of the suite."""
        return self.directory.parent

    @property
    def saved_config(self) -> Path:
        """File that keeps the resolved config once the run has begun."""
        return self.work_dir / 'configs' / f'{self.run_name}.py'

    @property
    def log(self) -> Path:
        """File for the output of the run."""
        return self.directory / 'output.log'

    @property
    def untrained_metrics(self) -> Path:
        """File for the metrics of a cell that trains nothing."""
        return self.directory / 'metrics.json'


def plan_cells(
    preset: Preset,
    methods: Sequence[str],
    tasks: Sequence[str],
    seeds: Sequence[int],
    work_dir: Path,
    settings: Sequence[str] = (),
) -> list[Cell]:
    """Plan all cells, each after the one whose backbone it takes.

    Pretraining is part of the plan whenever a task needs its backbone.

    Args:
        preset: Preset, custom methods and tasks included.
        methods: Names of the rows.
        tasks: Names of the columns, as in the preset.
        seeds: Seeds of each cell.
        work_dir: Folder for runs and records.
        settings: Settings to run. A task that has none of them runs all of its own.

    Raises:
        InputError: If the preset has no config for a method, or two cells would share a folder.
    """
    cells: dict[Path, Cell] = {}
    labels = [label for label in preset.tasks if label in tasks]
    for seed, method, label in itertools.product(seeds, methods, labels):
        for variant in _variants(preset, preset.tasks[label], method, settings):
            for cell in _with_pretraining(preset, label, method, variant, seed, work_dir):
                if (other := cells.setdefault(cell.directory, cell)) != cell:
                    raise InputError(
                        f'{other.name} and {cell.name} would both be run in {cell.directory}: '
                        'rename the custom method or task'
                    )
    _require_configs(preset, list(cells.values()))
    return sorted(cells.values(), key=lambda cell: (cell.seed, not cell.pretrains))


def _variants(preset: Preset, task: Task, method: str, settings: Sequence[str]) -> list[Variant]:
    """Return the rows of a method in a column; a custom checkpoint has none under pretraining."""
    source = preset.custom.get(method, '.py')
    if source.endswith('.py'):
        return task.variants(method, [s for s in settings if s in task.settings] or task.settings)
    return [] if task.kind == PRETRAINING else [Variant(method, task.settings, source)]


def _with_pretraining(
    preset: Preset, label: str, method: str, variant: Variant, seed: int, work_dir: Path
) -> list[Cell]:
    """Return one cell, after its pretraining if the suite runs that."""
    pretraining, custom_method = preset.tasks[PRETRAINING], method in preset.custom

    def folder(name: str) -> Path:
        # For seed 0 it is the folder that tools/dist_train.sh uses, too.
        return work_dir / (name + (f'_seed{seed}' if seed else ''))

    def cell(label: str, row: Variant) -> Cell:
        task = preset.tasks[label]
        directory = folder(task.run_name(row.name))
        return Cell(
            preset=preset.name,
            task=task.kind,
            label=label,
            column=task.name,
            method=method,
            row=row.name,
            settings=row.settings,
            seed=seed,
            config=_config_of(preset, task, row.name),
            custom=custom_method or Path(task.config).is_absolute(),
            directory=directory,
            record=work_dir / 'records' / f'{directory.name}.json',
            backbone=backbone,
            source=row.source,
            network=_config_of(preset, pretraining, 'baseline') if custom_method else None,
            weight=task.weight,
        )

    if variant.source:
        # All seeds share one export.
        name = f'{method}_checkpoint' if custom_method else _source_directory(variant.source)
        backbone: Path | None = work_dir / name / 'backbone.pth'
    elif method == 'scratch':
        backbone = None
    else:
        backbone = folder(pretraining.run_name(method)) / 'backbone.pth'
    last = cell(label, variant)
    if last.pretraining is None:
        return [last]
    return [cell(PRETRAINING, Variant(method, pretraining.settings)), last]


def _config_of(preset: Preset, task: Task, row: str) -> str:
    """Return the config of a row; downstream, a custom method takes the baseline's."""
    if row not in preset.custom:
        return task.config_of(row)
    return preset.custom[row] if task.kind == PRETRAINING else task.config_of('baseline')


def _source_directory(source: str) -> str:
    """Return the folder for the export of published weights, as the leaf configs name it."""
    origin, _, network = source.partition('://')
    return f'{network.replace("resnet", "r")}_{origin}'


def _require_configs(preset: Preset, cells: Sequence[Cell]) -> None:
    root = configs_root()
    absent = dict.fromkeys(cell.method for cell in cells if not (root / cell.config).is_file())
    if absent:
        raise InputError(
            f'preset {preset.name} has no configs for {", ".join(absent)}: expected some of '
            f'{", ".join(preset.methods)}'
        )
