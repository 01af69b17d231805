"""What a suite consists of: the configs behind each task, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from rm_mm.names import METHODS, MINI_SETTING, SETTINGS


@dataclass(frozen=True)
class Variant:
    """One row of one column: how the backbone of a method is come by.

    Attributes:
        name: The method, and what sets this row apart from its others; part of file names.
        settings: Which of the settings the row belongs to.
        source: Weights that it starts from, instead of pretraining of ours: published ones, or a
            checkpoint of the user's.
    """

    name: str
    settings: tuple[str, ...]
    source: str | None = None


@dataclass(frozen=True)
class Pace:
    """What training took in a published log.

    Attributes:
        seconds_an_iteration: Mean, with its data.
        iterations: Of the whole schedule.
        gpus: That took part.
        device: What these were.
        source: Which log.
    """

    seconds_an_iteration: float
    iterations: int
    source: str
    gpus: int = 8
    device: str = 'TITAN Xp'

    @property
    def seconds(self) -> float:
        """Of all iterations, evaluations not counted."""
        return self.seconds_an_iteration * self.iterations


@dataclass(frozen=True)
class Task:
    """One column of the table.

    Attributes:
        kind: ``classification``, ``detection`` or ``segmentation``.
        config: Path below ``configs/``, or from the root. With ``{variant}`` where each row has a
            leaf of its own; one without takes every row's backbone.
        weight: Cost of one cell relative to the others of the preset, to estimate the time left
            before any of them has been measured.
        settings: To which its rows belong.
        paper_baseline: What the ``paper`` setting's baseline starts from, if that is not the
            baseline of the pretraining table.
        pace: Of its recipe, where a log of that is published.
        label: What the column is called, if not after its config.
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
        """What sets the column apart from others of its kind, such as ``atss_r50_coco``."""
        return self.label or PurePath(self.config).stem.replace('_{variant}', '')

    @property
    def one_config(self) -> bool:
        """Whether all its rows share one config."""
        return '{variant}' not in self.config

    def config_of(self, variant: str) -> str:
        """The config of one row."""
        return self.config.replace('{variant}', variant)

    def run_name(self, variant: str) -> str:
        """What the folder of one row's run is called, apart from the seed."""
        if self.one_config:
            return f'{self.name}_{variant}'
        return PurePath(self.config_of(variant)).stem

    def variants(self, method: str, settings: Sequence[str]) -> list[Variant]:
        """The rows of a method in some settings: two where its backbones differ between them."""
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
        name: What ``--preset`` takes.
        work_dir: Where runs go if nothing else is said.
        methods: The rows that run if nothing else is said.
        tasks: By what ``--tasks`` calls them: the stock ones by their kind, a user's own by their
            names; ``classification`` is the pretraining of the others.
        settings: Those that its stock tasks have rows for.
        data: Root of the embedded images, for a preset that makes its own data; how many of them,
            its configs say.
        columns: The tasks that run if nothing else is said; none stands for all.
        own: Methods of the user's, each with its classification config or its checkpoint.
        seeds: That run if nothing else is said.
    """

    name: str
    work_dir: Path
    methods: tuple[str, ...]
    tasks: Mapping[str, Task]
    settings: tuple[str, ...]
    data: Path | None = None
    columns: tuple[str, ...] = ()
    own: Mapping[str, str] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)


def _tasks(*tasks: Task) -> dict[str, Task]:
    return {task.kind: task for task in tasks}


_MINI = (MINI_SETTING,)

# Of the authors' logs. That of CIFAR-10 is no preset's.
_IMAGENET = Pace(0.325, 300 * 2503, "the authors' ImageNet log of rm")
_COCO = Pace(0.360, 12 * 7330, "the authors' COCO log of rm")
_ADE20K = Pace(0.634, 80_000, "the authors' ADE20K log of the baseline")

# The weights are seconds measured on two cores (mini), as processor time of the runs behind
# docs/mini-full (mini-full), and on 8 GPUs in the authors' logs (paper).
PRESETS = {
    'mini': Preset(
        name='mini',
        work_dir=Path('work_dirs/mini'),
        methods=('scratch', 'baseline', 'rm'),
        data=Path('data/mini'),
        settings=_MINI,
        tasks=_tasks(
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
        tasks=_tasks(
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
        tasks=_tasks(
            Task(
                'classification',
                'classification/r50_{variant}_in1k.py',
                _IMAGENET.seconds,
                pace=_IMAGENET,
            ),
            Task(
                'detection',
                'detection/atss_r50_{variant}_coco.py',
                _COCO.seconds,
                pace=_COCO,
                # The published 39.4 is mmdetection's own run.
                paper_baseline='torchvision://resnet50',
            ),
            # The published 40.40 starts from the 300-epoch baseline, as the authors' log says.
            Task(
                'segmentation',
                'segmentation/upernet_r50_{variant}_ade20k.py',
                _ADE20K.seconds,
                pace=_ADE20K,
            ),
        ),
    ),
}
