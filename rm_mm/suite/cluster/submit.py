"""Cells to job arrays: one for pretraining, one for each downstream column."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError, RejectedError
from rm_mm.run.environment import config_digest
from rm_mm.suite.cells import Options, Prepared
from rm_mm.suite.cluster.job import CellJob
from rm_mm.suite.cluster.slurm_options import SlurmOptions
from rm_mm.suite.planning.plan import Cell

FOLDER = 'slurm'


@dataclass(frozen=True)
class Group:
    """Cells that are submitted at once.

    Attributes:
        name: Of the job.
        members: More than one become an array, in this order.
        dependency: As ``sbatch`` takes it.
    """

    name: str
    members: tuple[Prepared, ...]
    dependency: str | None = None


def failure_note(work_dir: Path, cell: Cell) -> Path:
    """Where the job of a cell says why it failed."""
    return work_dir.absolute() / FOLDER / f'{cell.directory.name}.failed'


def groups(left: Sequence[Prepared], jobs: Mapping[str, str], prefix: str) -> Iterator[Group]:
    """What to submit, pretraining first.

    Downstream cells whose pretraining is one array, element by element, become an array that
    depends on it so (``aftercorr``); others a job each (``afterok``). An array of those whose
    pretraining is done depends on nothing.

    Args:
        left: The cells that are neither done nor in the queue.
        jobs: The jobs of all cells that are in the queue, by the name of the cell's folder. Read
            again after each group, so that whoever submits it adds it.
        prefix: Of the names of the jobs.
    """
    needed = Counter(item.cell.backbone for item in left if not item.cell.pretrains)
    pretraining = [item for item in left if item.cell.pretrains]
    # Those that most columns need come first, so that each column needs the first few.
    pretraining.sort(key=lambda item: -needed[item.cell.backbone] if item.trains else 1)
    if pretraining:
        yield Group(f'{prefix}-{pretraining[0].cell.column}', tuple(pretraining))
    for column in dict.fromkeys(item.cell.column for item in left if not item.cell.pretrains):
        members = [i for i in left if i.cell.column == column and not i.cell.pretrains]
        name = f'{prefix}-{column}'
        needs = {id(item): jobs.get(_pretraining(item.cell)) for item in members}
        free = tuple(item for item in members if needs[id(item)] is None)
        bound = [(job, item) for item in members if (job := needs[id(item)]) is not None]
        if free:
            yield Group(name, free)
        bound.sort(key=lambda pair: _element(pair[0]))
        arrays = {job.partition('_')[0] for job, _ in bound}
        if (
            len(bound) > 1
            and len(arrays) == 1
            and [job for job, _ in bound]
            == [f'{next(iter(arrays))}_{index}' for index in range(len(bound))]
        ):
            yield Group(name, tuple(item for _, item in bound), f'aftercorr:{arrays.pop()}')
        else:
            for job, item in bound:
                yield Group(name, (item,), f'afterok:{job}')


def submit(
    group: Group, work_dir: Path, options: Options, asked: SlurmOptions
) -> list[tuple[Prepared, str]]:
    """Submit a group.

    Returns:
        Each member with the id of its job.

    Raises:
        RejectedError: If ``sbatch`` refuses it.
    """
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    executor = _executor(group, work_dir, options, asked)
    calls = [_call(item, work_dir, options) for item in group.members]
    for call in calls:
        call.failure.unlink(missing_ok=True)
    try:
        # It prints what sbatch said, besides raising it.
        with contextlib.redirect_stderr(io.StringIO()), _outside_of_jobs(), executor.batch():
            jobs = [executor.submit(call) for call in calls]
    except (FailedJobError, FailedSubmissionError) as error:
        said = ' '.join(str(error).replace('sbatch: ', '').split())
        raise RejectedError(f'sbatch refused {group.name}: {said}') from error
    return [(item, job.job_id) for item, job in zip(group.members, jobs, strict=True)]


@contextlib.contextmanager
def _outside_of_jobs() -> Iterator[None]:
    """Submit from within a job as from anywhere: nothing of that job's goes to those submitted."""
    if 'SLURM_JOB_ID' not in os.environ:
        yield
        return
    from submitit.helpers import clean_env

    # Which cluster to speak to is no job's.
    kept = {name: os.environ[name] for name in ('SLURM_CONF',) if name in os.environ}
    with clean_env():
        os.environ.update(kept)
        yield


def require_submitit() -> None:
    """Check that it is installed.

    Raises:
        InputError: If not.
    """
    try:
        import submitit  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"--cluster slurm needs submitit ({error}): pip install 'rm_mm[slurm]'"
        ) from error


def _executor(group: Group, work_dir: Path, options: Options, asked: SlurmOptions) -> Any:
    from submitit import SlurmExecutor

    folder = work_dir.absolute() / FOLDER
    if '%' in str(folder):
        raise InputError(
            f'{folder}: Slurm takes % in a path for more than a letter: say another --work-dir'
        )
    executor = SlurmExecutor(folder=folder, max_num_timeout=asked.timeouts)
    # From Slurm 22.05 on srun does not take over what sbatch was told.
    cores = ['--cpus-per-task', str(asked.cpus_per_task)] if asked.cpus_per_task else []
    executor.update_parameters(
        job_name=group.name,
        time=asked.minutes,
        partition=asked.partition,
        nodes=options.nodes,
        # torchrun starts a process a GPU.
        ntasks_per_node=1,
        gpus_per_node=options.gpus or None,
        cpus_per_task=asked.cpus_per_task,
        dependency=group.dependency,
        stderr_to_stdout=True,
        srun_args=['--kill-on-bad-exit=1', *cores],
        additional_parameters={'requeue': True, 'kill-on-invalid-dep': 'yes', **asked.extra},
    )
    return executor


def _call(item: Prepared, work_dir: Path, options: Options) -> CellJob:
    cell = item.cell
    # Wherever the job finds itself.
    paths = {
        name: path.absolute()
        for name in ('directory', 'record', 'backbone')
        if (path := getattr(cell, name)) is not None
    }
    cell = dataclasses.replace(cell, **paths)
    return CellJob(cell, options, _digest(cell, options), failure_note(work_dir, cell))


def _digest(cell: Cell, options: Options) -> str:
    """Of the config that the job is going to resolve."""
    from rm_mm.suite.cell_config import resolve

    root = None if cell.pretrains else options.data_root
    return config_digest(resolve(cell, scale=options.scale, data_root=root))


def _pretraining(cell: Cell) -> str:
    """The name of the folder of the run whose backbone a cell takes; empty if there is none."""
    ours = cell.backbone is not None and cell.source is None
    return cell.backbone.parent.name if ours and cell.backbone else ''


def _element(job: str) -> tuple[str, int]:
    array, _, index = job.partition('_')
    return array, int(index or 0)
