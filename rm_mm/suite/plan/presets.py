"""The presets: methods, tasks, the config of each, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from rm_mm.names import METHODS, MINI_SETTING, SETTINGS

#: Task whose runs leave the backbones of the others.
PRETRAINING = 'classification'


@dataclass(frozen=True)
class Variant:
    """One row of one column: where the backbone of a method comes from.

    Attributes:
        name: Method, plus a suffix if the method has several rows; part of file names.
        settings: Settings that the row belongs to.
        source: Published weights or custom checkpoint that replaces a pretraining run.
    """

    name: str
    settings: tuple[str, ...]
    source: str | None = None


@dataclass(frozen=True)
class Pace:
    """Training time in a published log.

    Attributes:
        seconds_an_iteration: Mean time, data loading included.
        iterations: Length of the whole schedule.
        source: Which log this is.
        gpus: Number of GPUs.
        device: Name of the GPU.
    """

    seconds_an_iteration: float
    iterations: int
    source: str
    gpus: int = 8
    device: str = 'TITAN Xp'

    @property
    def seconds(self) -> float:
        """Time of all iterations, without evaluations."""
        return self.seconds_an_iteration * self.iterations


@dataclass(frozen=True)
class Task:
    """One column of the table.

    Attributes:
        kind: ``classification``, ``detection`` or ``segmentation``.
        config: Path below ``configs/``, or absolute. ``{variant}`` in it stands for the row, if
            each row has a config of its own; otherwise all rows share the config.
        weight: Cost of one cell relative to the preset's others, to estimate the remaining time.
        settings: Settings that its rows belong to.
        paper_baseline: Backbone of the baseline in the ``paper`` setting, if it is not the baseline
            of the pretraining table.
        pace: Training time of its recipe, if a log of it is published.
        label: Name of the column; by default that of the config.
    """

    kind: str
    config: str
    weight: float
    settings: tuple[str, ...] = SETTINGS
    paper_baseline: str | None = None
    pace: Pace | None = None
    label: str | None = None

    @property
    def name(self) -> str:
        """Name of the column, such as ``atss_r50_coco``."""
        return self.label or PurePath(self.config).stem.replace('_{variant}', '')

    def config_of(self, variant: str) -> str:
        """Return the config of one row."""
        return self.config.replace('{variant}', variant)

    def run_name(self, variant: str) -> str:
        """Return the name of the folder of one row's run, without the seed."""
        if '{variant}' in self.config:
            return PurePath(self.config_of(variant)).stem
        return f'{self.name}_{variant}'

    def variants(self, method: str, settings: Sequence[str]) -> list[Variant]:
        """Return the rows of a method: two if its backbones differ between the settings."""
        rows = [Variant(method, self.settings)]
        if method == 'baseline' and self.paper_baseline:
            rows = [
                Variant(method, ('paper',), self.paper_baseline),
                Variant(f'{method}_controlled', ('controlled',)),
            ]
        return [row for row in rows if set(row.settings) & set(settings)]


@dataclass(frozen=True)
class Preset:
    """A set of configs that belong in one table.

    Attributes:
        name: Name of the preset.
        work_dir: Default work directory.
        methods: Rows that run by default.
        tasks: Tasks by name: stock ones by their kind, custom ones by their own name.
            ``classification`` is the pretraining of the others.
        settings: Settings that its stock tasks have rows for.
        data: Root of the embedded images, if the preset uses them. Its configs say how many.
        columns: Tasks that run by default; all if empty.
        custom: Config or checkpoint of each custom method.
        seeds: Seeds that run by default.
    """

    name: str
    work_dir: Path
    methods: tuple[str, ...]
    tasks: Mapping[str, Task]
    settings: tuple[str, ...]
    data: Path | None = None
    columns: tuple[str, ...] = ()
    custom: Mapping[str, str] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)


def _columns(*tasks: Task) -> dict[str, Task]:
    return {task.kind: task for task in tasks}


def _timed(kind: str, config: str, pace: Pace, paper_baseline: str | None = None) -> Task:
    return Task(kind, config, pace.seconds, SETTINGS, paper_baseline, pace)


_MINI = (MINI_SETTING,)

# From the authors' logs. No preset uses the one of CIFAR-10.
_IMAGENET = Pace(0.325, 300 * 2503, "the authors' ImageNet log of rm")
_COCO = Pace(0.360, 12 * 7330, "the authors' COCO log of rm")
_ADE20K = Pace(0.634, 80_000, "the authors' ADE20K log of the baseline")
#: The published 39.4 of ATSS is mmdetection's own run, from these weights.
_TORCHVISION = 'torchvision://resnet50'

# Weights are seconds: measured on two cores (mini), processor time of the runs in docs/mini-full
# (mini-full), and time on 8 GPUs in the authors' logs (paper).
PRESETS = {
    'mini': Preset(
        name='mini',
        work_dir=Path('work_dirs/mini'),
        methods=('scratch', 'baseline', 'rm'),
        data=Path('data/mini'),
        settings=_MINI,
        tasks=_columns(
            Task('classification', 'classification/r18_{variant}_mini.py', 150.0, _MINI),
            Task('detection', 'detection/atss_r18_{variant}_mini.py', 115.0, _MINI),
            Task('segmentation', 'segmentation/upernet_r18_{variant}_mini.py', 115.0, _MINI),
        ),
    ),
    'mini-full': Preset(
        name='mini-full',
        work_dir=Path('work_dirs/mini-full'),
        methods=METHODS,
        data=Path('data/mini-full'),
        seeds=(0, 1, 2, 3, 4),
        settings=_MINI,
        tasks=_columns(
            Task('classification', 'classification/r18_{variant}_mini_full.py', 460.0, _MINI),
            Task('detection', 'detection/atss_r18_{variant}_mini_full.py', 240.0, _MINI),
            Task('segmentation', 'segmentation/upernet_r18_{variant}_mini_full.py', 320.0, _MINI),
        ),
    ),
    'paper': Preset(
        name='paper',
        work_dir=Path('work_dirs'),
        methods=('baseline', 'mixup', 'cutmix', 'rm'),
        settings=SETTINGS,
        tasks=_columns(
            _timed('classification', 'classification/r50_{variant}_in1k.py', _IMAGENET),
            _timed('detection', 'detection/atss_r50_{variant}_coco.py', _COCO, _TORCHVISION),
            # The published 40.40 starts from the 300-epoch baseline, as the authors' log says.
            _timed('segmentation', 'segmentation/upernet_r50_{variant}_ade20k.py', _ADE20K),
        ),
    ),
}
