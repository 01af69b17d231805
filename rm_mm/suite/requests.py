"""What a call of the suite asks for, as validated values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError, checked_fields, require_choice, require_type
from rm_mm.names import CLUSTERS, PRESETS, SETTINGS
from rm_mm.recipe.batch import POLICIES

#: Name of a method or task, and its path if it is custom; for a task, the path alone is enough.
Entry = tuple[str | None, str | None]

#: NumPy's generators take 32 bits.
_LARGEST_SEED = 2**32 - 1


@checked_fields
@dataclass(frozen=True)
class SlurmRequest:
    """Options of ``--cluster slurm``; an option that is None is not passed to sbatch.

    Attributes:
        partition: Partition of the jobs.
        time: Time limit of a cell, after which it is requeued: minutes or D-HH:MM:SS.
        nodes: Nodes of a cell, each with ``gpus`` GPUs.
        cpus_per_task: Cores of a cell on each node.
        max_num_timeout: How often a cell may run into its time limit.
        extra: Further options of ``sbatch``, as ``KEY=VALUE``.

    Raises:
        InputError: If a number is below 1.
    """

    partition: str | None = None
    time: str | None = None
    nodes: int | None = None
    cpus_per_task: int | None = None
    max_num_timeout: int | None = None
    extra: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ('nodes', 'cpus_per_task', 'max_num_timeout'):
            option, count = f'--{name.replace("_", "-")}', getattr(self, name)
            require_type(option, count, int | None)
            if count is not None and count < 1:
                raise InputError(f'{option}: expected a whole number from 1, got {count}')

    def given(self) -> list[str]:
        """Return the options that were passed, as the user wrote them."""
        options = {f'--{name.replace("_", "-")}': value for name, value in vars(self).items()}
        options['--slurm'] = options.pop('--extra') or None
        return [option for option, value in options.items() if value is not None]


@dataclass(frozen=True)
class CellsRequest:
    """Fields that the suite and transfer share. None takes the default.

    Attributes:
        methods: Methods to run: a list of names, ``NAME=CONFIG.py`` and ``NAME=CHECKPOINT``, or
            all of them in one text, separated by commas.
        setting: ``paper``, ``controlled`` or ``both``.
        seeds: Seeds of each cell.
        work_dir: Folder for runs and records.
        gpus: GPUs per run and node; 0 trains in one process.
        batch_policy: One of :data:`rm_mm.recipe.batch.POLICIES`.
        jobs: Cells at a time, each with its own GPUs.
        data_root: Root of the data set of the downstream task.
        cluster: Where cells run; one of :data:`rm_mm.names.CLUSTERS`.
        slurm: Options of ``--cluster slurm``.
        raise_errors: Whether ``--cluster debug`` raises the first failure, with its traceback.

    Raises:
        InputError: If a value has the wrong type or is out of range.
    """

    _: KW_ONLY
    methods: str | Sequence[str] | None = None
    setting: str | None = None
    seeds: Sequence[int] | None = None
    work_dir: str | Path | None = None
    gpus: int | None = None
    batch_policy: str | None = None
    jobs: int | None = None
    data_root: str | Path | None = None
    cluster: str = 'local'
    slurm: SlurmRequest = field(default_factory=SlurmRequest)
    raise_errors: bool = False

    def __post_init__(self) -> None:
        require_choice('--setting', self.setting, (None, *SETTINGS, 'both'))
        require_choice('--cluster', self.cluster, CLUSTERS)
        require_choice('--batch-policy', self.batch_policy, (None, *POLICIES))
        parse_entries('--methods', self.methods)
        if self.seeds is not None:
            if (seeds := sorted_seeds(self.seeds)) is None:
                found = list(self.seeds)
                raise InputError(f'--seeds: expected numbers from 0 such as 0,1,2, got {found}')
            object.__setattr__(self, 'seeds', seeds)


@checked_fields
@dataclass(frozen=True)
class SuiteRequest(CellsRequest):
    """Methods x tasks x seeds, pretraining included.

    Attributes:
        preset: Name of a preset, or a study file (.yaml).
        tasks: Tasks to run: names, ``CONFIG.py`` and ``NAME=CONFIG.py``, as for ``methods``.
        schedule_scale: Length of every schedule as a fraction of the recipe's, in (0, 1].
        plan: Whether to plan only.
        device: For a plan: GPU to which the published logs are scaled.
        probe: For a plan: whether to measure a few iterations here.
        usd_per_gpu_hour: For a plan: price of a GPU-hour.
    """

    preset: str | Path = PRESETS[0]
    _: KW_ONLY
    tasks: str | Sequence[str] | None = None
    schedule_scale: float = 1.0
    plan: bool = False
    device: str | None = None
    probe: bool = False
    usd_per_gpu_hour: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        preset = str(self.preset)
        if preset not in PRESETS and not preset.endswith(('.yaml', '.yml')):
            known = ', '.join(PRESETS)
            raise InputError(f'--preset: expected {known} or a file .yaml, got {preset!a}')
        parse_entries('--tasks', self.tasks)
        scale, price = self.schedule_scale, self.usd_per_gpu_hour
        if not 0 < scale <= 1:
            raise InputError(f'--schedule-scale: expected a number in (0, 1], got {scale}')
        if price is not None and not 0 <= price < math.inf:
            raise InputError(f'--usd-per-gpu-hour: expected a price such as 2.5, got {price}')

    def planning_mistakes(self) -> list[str]:
        """Return what is wrong with the options of a plan, taken together."""
        given = {
            '--device': self.device is not None,
            '--probe': self.probe,
            '--usd-per-gpu-hour': self.usd_per_gpu_hour is not None,
        }
        found = []
        if not self.plan and (names := [name for name, passed in given.items() if passed]):
            found.append(f'{names[0]} is a question about the plan: add --plan, which runs nothing')
        if self.probe and self.device:
            found.append('--probe measures the device of this machine: leave out --device')
        if self.probe and (self.slurm.nodes or 1) > 1:
            found.append('--probe measures on one machine: leave out --nodes')
        return found


@checked_fields
@dataclass(frozen=True)
class TransferRequest(CellsRequest):
    """One downstream task for all methods whose pretraining is finished.

    Attributes:
        target: ``ARCHITECTURE DATASET``, or the path of one config.
        preset: Preset whose pretrained backbones a config takes; ``paper`` by default.
    """

    target: Sequence[str]
    _: KW_ONLY
    preset: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.target, str) or not all(isinstance(word, str) for word in self.target):
            raise InputError(
                f"target: expected ('ARCHITECTURE', 'DATASET') or (CONFIG,), got {self.target!a}"
            )
        require_choice('--preset', self.preset, (None, *PRESETS))


def parse_entries(option: str, value: str | Sequence[str] | None) -> tuple[Entry, ...] | None:
    """Split names, paths of configs, and ``NAME=PATH``.

    Whether an entry can be used is checked later, together with everything else.

    Args:
        option: Name of the option, for the message.
        value: A list of entries, or all of them in one text, separated by commas.

    Raises:
        InputError: If an entry is not a text.
    """
    if value is None:
        return None
    require_type(option, value, str | Sequence)
    found: list[Entry] = []
    for part in value.split(',') if isinstance(value, str) else value:
        require_type(option, part, str)
        name, separator, target = (piece.strip() for piece in part.strip().partition('='))
        if separator:
            found.append((name, target))
        else:
            found.append((None, name) if name.endswith('.py') else (name, None))
    return tuple(found)


def sorted_seeds(values: Iterable[Any]) -> tuple[int, ...] | None:
    """Return seeds in order, without duplicates; None if there are none, or one is no seed."""
    seeds = list(values)
    sound = all(type(seed) is int and 0 <= seed <= _LARGEST_SEED for seed in seeds)
    return tuple(sorted(set(seeds))) if seeds and sound else None
