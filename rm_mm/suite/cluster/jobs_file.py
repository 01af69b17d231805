"""``jobs.json``: which job each cell of a work directory was submitted as."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rm_mm.errors import InputError
from rm_mm.files import write_json
from rm_mm.suite.cluster.queue import SlurmError, jobs_named
from rm_mm.suite.family import mark_of

NAME = 'jobs.json'
_VERSION = 1


def job_prefix(work_dir: Path) -> str:
    """What the names of all jobs of a work directory begin with."""
    return f'rm_mm-{mark_of(work_dir)[:8]}'


def read_jobs(work_dir: Path) -> tuple[str | None, dict[str, str]]:
    """The cluster, and the job id of each cell, by the name of the cell's folder.

    A damaged file is as good as none, and says so: what is in the queue is told by its name.
    """
    try:
        return _read(work_dir)
    except InputError as error:
        print(f'{error}: its jobs are ended and submitted again', file=sys.stderr)
        return None, {}


def _read(work_dir: Path) -> tuple[str | None, dict[str, str]]:
    path = work_dir / NAME
    try:
        value = json.loads(path.read_text(encoding='utf-8'))
        cluster, jobs = value['cluster'], value['jobs']
        sound = value['version'] == _VERSION and isinstance(cluster, str) and cluster
        if not sound or not all(isinstance(job, str) for job in jobs.values()):
            raise ValueError
    except FileNotFoundError:
        return None, {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f'{path} is damaged') from error
    return cluster, dict(jobs)


def write_jobs(work_dir: Path, cluster: str, jobs: dict[str, str]) -> None:
    """Keep what ``read_jobs`` reads."""
    write_json(work_dir / NAME, {'version': _VERSION, 'cluster': cluster, 'jobs': jobs})


def require_no_jobs(work_dir: Path) -> None:
    """Check that no cell of a work directory is in Slurm's hands.

    Raises:
        InputError: If one is, or nobody can say.
    """
    try:
        _, jobs = _read(work_dir)
    except InputError as error:
        raise InputError(
            f'{error}, so nobody can say whether jobs of it still run in Slurm: go on with '
            '--cluster slurm, or remove that file if squeue shows none'
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
            f'{work_dir / NAME} has jobs without a record, and nobody here says whether they still '
            f'run ({error}): go on with --cluster slurm there, or remove that file if they do not'
        ) from error
    if alive := sorted(job for job in open_jobs if job in queue and not queue[job].ended):
        raise InputError(
            f'{len(alive)} cells of {work_dir} are queued or running in Slurm: --cluster slurm '
            f'waits for them, scancel {" ".join(alive)} ends them'
        )
