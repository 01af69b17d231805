"""From a preset to the cells that have to run, in an order in which they can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rm_mm.errors import InputError
from rm_mm.suite.planning.presets import Preset, Task, Variant

PRETRAINING = 'classification'


@dataclass(frozen=True)
class Cell:
    """One run of one config, and one record.

    Attributes:
        preset: Name of the preset it belongs to.
        task: Kind of the task.
        label: What ``--tasks`` calls the task: its kind, or its own name if it is the user's.
        column: Name of the task, such as ``atss_r50_coco``.
        method: Method name.
        row: The method, and what sets this row apart from its others.
        settings: Which settings the row belongs to.
        seed: Of every generator in the run.
        config: Path below ``configs/``, or from the root.
        own: Whether it is the user's: no figure of the paper's is of it.
        directory: Where the run keeps its logs and checkpoints.
        record: The file that says that the cell is done.
        backbone: The export that a pretraining run leaves, or that a downstream run takes; None
            where there is no pretraining.
        source: Weights behind ``backbone``, where that is no pretraining of ours: published, or a
            checkpoint of the user's.
        network: Config of the network that the user's checkpoint has to fill.
        weight: Relative cost.
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
    own: bool
    directory: Path
    record: Path
    backbone: Path | None
    source: str | None
    network: str | None
    weight: float

    @property
    def name(self) -> str:
        """What people call it."""
        row = self.row.replace('_', ' ')
        return f'{self.label} {row}' + (f' seed {self.seed}' if self.seed else '')

    @property
    def pretrains(self) -> bool:
        """Whether its result is a backbone."""
        return self.task == PRETRAINING

    @property
    def trains(self) -> bool:
        """Whether it is more than the evaluation of an untrained network."""
        return not self.pretrains or self.backbone is not None

    @property
    def own_file(self) -> str | None:
        """The user's checkpoint behind its backbone, if that need not be fetched."""
        is_file = self.source and self.network and '://' not in self.source
        return self.source if is_file else None


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
        tasks: Columns, by their names in the preset.
        seeds: How often each.
        work_dir: Where everything goes.
        settings: Which of a task's; all if not given, or if it has none of these.

    Raises:
        InputError: If the preset has no config for a method.
    """
    cells: dict[Path, Cell] = {}
    for seed in seeds:
        for method in methods:
            for label in (label for label in preset.tasks if label in tasks):
                offered = preset.tasks[label].settings
                wanted = [s for s in settings or () if s in offered] or offered
                for variant in _variants(preset, label, method, wanted):
                    for cell in _with_pretraining(preset, label, method, variant, seed, work_dir):
                        if cells.setdefault(cell.directory, cell) != cell:
                            raise InputError(
                                f'{cells[cell.directory].name} and {cell.name} would both be run '
                                f'in {cell.directory}: call a method or task of yours otherwise'
                            )
    _require_configs(preset, list(cells.values()))
    return sorted(cells.values(), key=lambda cell: (cell.seed, not cell.pretrains))


def _variants(preset: Preset, label: str, method: str, settings: Sequence[str]) -> list[Variant]:
    """The rows of a method in a column: none of what is a checkpoint in that of the pretraining."""
    task, source = preset.tasks[label], preset.own.get(method, '.py')
    if source.endswith('.py'):
        return task.variants(method, settings)
    pretrains = task.kind == PRETRAINING
    return [] if pretrains else [Variant(method, task.settings, source)]


def _with_pretraining(
    preset: Preset, label: str, method: str, variant: Variant, seed: int, work_dir: Path
) -> list[Cell]:
    """One cell, after the one whose backbone it takes if there is such a one."""

    def cell(label: str, row: Variant) -> Cell:
        task = preset.tasks[label]
        run_name = task.run_name(row.name)
        directory = run_directory(work_dir, run_name, seed)
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
            own=method in preset.own or Path(task.config).is_absolute(),
            directory=directory,
            record=work_dir / 'records' / f'{directory.name}.json',
            backbone=backbone,
            source=row.source,
            network=_config_of(preset, pretraining, 'baseline') if method in preset.own else None,
            weight=task.weight,
        )

    pretraining = preset.tasks[PRETRAINING]
    own = run_directory(work_dir, pretraining.run_name(method), seed) / 'backbone.pth'
    backbone = None if method == 'scratch' else own
    if variant.source:
        # One for all seeds.
        origin = f'{method}_checkpoint' if method in preset.own else None
        backbone = work_dir / (origin or _source_directory(variant.source)) / 'backbone.pth'
    last = cell(label, variant)
    if last.pretrains or variant.source or backbone is None:
        return [last]
    return [cell(PRETRAINING, Variant(method, pretraining.settings)), last]


def _config_of(preset: Preset, task: Task, row: str) -> str:
    """The config of a row: for a method of the user's own that of the baseline, filled anew."""
    if row not in preset.own:
        return task.config_of(row)
    return preset.own[row] if task.kind == PRETRAINING else task.config_of('baseline')


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
