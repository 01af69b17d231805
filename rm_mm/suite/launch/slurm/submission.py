"""Submitting cells as job arrays: one for pretraining, one for each downstream column."""

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
from rm_mm.recipe.config import save_config
from rm_mm.run.environment import config_digest
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.launch.slurm.job import CellJob
from rm_mm.suite.launch.slurm.options import JobOptions
from rm_mm.suite.plan.cells import Cell

FOLDER = 'slurm'


@dataclass(frozen=True)
class JobGroup:
    """Cells that are submitted together.

    Attributes:
        name: Name of the job.
        members: Cells; more than one become an array, in this order.
        dependency: Dependency, as ``sbatch`` takes it.
    """

    name: str
    members: tuple[PreparedCell, ...]
    dependency: str | None = None


def failure_file(work_dir: Path, cell: Cell) -> Path:
    """Return the file in which the job of a cell writes why it failed."""
    return work_dir.absolute() / FOLDER / f'{cell.run_name}.failed'


def job_groups(
    remaining: Sequence[PreparedCell], jobs: Mapping[str, str], prefix: str
) -> Iterator[JobGroup]:
    """Yield the groups to submit, pretraining first.

    Downstream cells whose pretraining is one array, element by element, become an array with the
    dependency ``aftercorr``; otherwise each becomes a job with ``afterok``. Cells whose pretraining
    is done become an array without a dependency.

    Args:
        remaining: Cells that are neither done nor in the queue.
        jobs: Jobs of all cells in the queue, by the name of the run. Read again after
            each group, so the caller adds the jobs of a group before asking for the next.
        prefix: Prefix of the names of the jobs.
    """
    needed = Counter(item.cell.backbone for item in remaining if not item.cell.pretrains)
    pretraining = [item for item in remaining if item.cell.pretrains]
    # Backbones that most columns need come first, so that each column depends on the first few.
    pretraining.sort(key=lambda item: -needed[item.cell.backbone] if item.cell.trains else 1)
    if pretraining:
        yield JobGroup(f'{prefix}-{pretraining[0].cell.column}', tuple(pretraining))
    downstream = [item for item in remaining if not item.cell.pretrains]
    for column in dict.fromkeys(item.cell.column for item in downstream):
        name = f'{prefix}-{column}'
        members = [item for item in downstream if item.cell.column == column]
        needs = [(jobs.get(item.cell.pretraining or ''), item) for item in members]
        if free := tuple(item for job, item in needs if job is None):
            yield JobGroup(name, free)
        bound = [(job, item) for job, item in needs if job is not None]
        bound.sort(key=lambda pair: _element(pair[0]))
        numbers = [job for job, _ in bound]
        array = numbers[0].partition('_')[0] if numbers else ''
        if len(bound) > 1 and numbers == [f'{array}_{index}' for index in range(len(bound))]:
            yield JobGroup(name, tuple(item for _, item in bound), f'aftercorr:{array}')
        else:
            for job, item in bound:
                yield JobGroup(name, (item,), f'afterok:{job}')


def submit_group(
    group: JobGroup, work_dir: Path, options: CellOptions, job_options: JobOptions
) -> list[tuple[PreparedCell, str]]:
    """Submit a group; return each member with the id of its job.

    Raises:
        RejectedError: If ``sbatch`` rejects the group.
    """
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    executor = _executor(group, work_dir, options, job_options)
    calls = [_cell_job(item, work_dir, options) for item in group.members]
    for call in calls:
        call.failure.unlink(missing_ok=True)
    try:
        # submitit prints the message of sbatch, besides raising it.
        with contextlib.redirect_stderr(io.StringIO()), _outside_of_jobs(), executor.batch():
            jobs = [executor.submit(call) for call in calls]
    except (FailedJobError, FailedSubmissionError) as error:
        message = ' '.join(str(error).replace('sbatch: ', '').split())
        raise RejectedError(f'sbatch rejected {group.name}: {message}') from error
    return [(item, job.job_id) for item, job in zip(group.members, jobs, strict=True)]


@contextlib.contextmanager
def _outside_of_jobs() -> Iterator[None]:
    """Keep the environment of a surrounding job away from the jobs that are submitted."""
    if 'SLURM_JOB_ID' not in os.environ:
        yield
        return
    from submitit.helpers import clean_env

    # The choice of the cluster does not belong to a job.
    kept = {name: os.environ[name] for name in ('SLURM_CONF',) if name in os.environ}
    with clean_env():
        os.environ.update(kept)
        yield


def require_submitit() -> None:
    """Raise ``InputError`` if submitit is not installed."""
    try:
        import submitit  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"--cluster slurm needs submitit ({error}): pip install 'rm_mm[slurm]'"
        ) from error


def _executor(
    group: JobGroup, work_dir: Path, options: CellOptions, job_options: JobOptions
) -> Any:
    from submitit import SlurmExecutor

    folder = work_dir.absolute() / FOLDER
    if '%' in str(folder):
        raise InputError(f'{folder}: Slurm replaces % in paths: pass another --work-dir')
    executor = SlurmExecutor(folder=folder, max_num_timeout=job_options.timeouts)
    cores = job_options.cpus_per_task
    always = {'requeue': True, 'kill-on-invalid-dep': 'yes'}
    executor.update_parameters(
        job_name=group.name,
        time=job_options.minutes,
        partition=job_options.partition,
        nodes=options.nodes,
        # torchrun starts one process per GPU.
        ntasks_per_node=1,
        gpus_per_node=options.gpus or None,
        cpus_per_task=cores,
        dependency=group.dependency,
        stderr_to_stdout=True,
        # Since Slurm 22.05, srun does not inherit --cpus-per-task from sbatch.
        srun_args=['--kill-on-bad-exit=1', *(['--cpus-per-task', str(cores)] if cores else [])],
        additional_parameters={**always, **job_options.extra},
    )
    return executor


def _cell_job(item: PreparedCell, work_dir: Path, options: CellOptions) -> CellJob:
    """Save the config of a cell, and return the job that loads it."""
    cell = item.cell
    # A job may start in any folder.
    backbone = cell.backbone.absolute() if cell.backbone else None
    directory, record = cell.directory.absolute(), cell.record.absolute()
    cell = dataclasses.replace(cell, directory=directory, record=record, backbone=backbone)
    save_config(item.config, cell.saved_config)
    return CellJob(cell, options, config_digest(item.config), failure_file(work_dir, cell))


def _element(job: str) -> tuple[str, int]:
    array, _, index = job.partition('_')
    return array, int(index or 0)
