"""``jobs.json``: the Slurm job of each cell of a work directory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rm_mm.errors import InputError
from rm_mm.files import write_json
from rm_mm.suite.launch.slurm.queue import SlurmError, jobs_named
from rm_mm.suite.steps.process_tree import folder_mark

NAME = 'jobs.json'


class JobsFile(BaseModel):
    """Content of ``jobs.json``: the cluster, and the job id of each cell by the name of its run."""

    model_config = ConfigDict(strict=True)

    version: Literal[1]
    cluster: str = Field(min_length=1)
    jobs: dict[str, str]


def job_prefix(work_dir: Path) -> str:
    """Return the common prefix of the names of all jobs of a work directory."""
    return f'rm_mm-{folder_mark(work_dir)[:8]}'


def read_jobs(work_dir: Path) -> tuple[str | None, dict[str, str]]:
    """Return the cluster, and the job id of each cell by the name of its run.

    A damaged file counts as missing, with a warning: its jobs are still found by their names.
    """
    try:
        return _read(work_dir)
    except InputError as error:
        print(f'{error}: its jobs are cancelled and submitted again', file=sys.stderr)
        return None, {}


def _read(work_dir: Path) -> tuple[str | None, dict[str, str]]:
    path = work_dir / NAME
    try:
        content = JobsFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None, {}
    except ValueError as error:
        raise InputError(f'{path} is damaged') from error
    return content.cluster, content.jobs


def write_jobs(work_dir: Path, cluster: str, jobs: dict[str, str]) -> None:
    """Write what :func:`read_jobs` reads."""
    content = JobsFile(version=1, cluster=cluster, jobs=jobs)
    write_json(work_dir / NAME, content.model_dump())


def require_no_jobs(work_dir: Path) -> None:
    """Check that no cell of a work directory is queued or running in Slurm.

    Raises:
        InputError: If one is, or it cannot be determined.
    """
    try:
        _, jobs = _read(work_dir)
    except InputError as error:
        raise InputError(
            f'{error}, so its jobs may still be running in Slurm: continue with --cluster slurm, '
            'or remove that file if squeue shows none'
        ) from error
    open_jobs = {
        job for name, job in jobs.items() if not (work_dir / 'records' / f'{name}.json').exists()
    }
    if not open_jobs:
        return
    try:
        queue = jobs_named(job_prefix(work_dir))
    except SlurmError as error:
        raise InputError(
            f'{work_dir / NAME} has jobs without a record, which may still be running ({error}): '
            'continue with --cluster slurm on the cluster, or remove that file if they are not'
        ) from error
    if alive := sorted(job for job in open_jobs if job in queue and not queue[job].ended):
        raise InputError(
            f'{len(alive)} cells of {work_dir} are queued or running in Slurm: --cluster slurm '
            f'waits for them, scancel {" ".join(alive)} cancels them'
        )
