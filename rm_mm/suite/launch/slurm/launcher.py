"""Submitting what is missing to Slurm, and waiting for all of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rm_mm.errors import InputError, RejectedError
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.launch.progress import Progress
from rm_mm.suite.launch.slurm.jobs_file import NAME, job_prefix, read_jobs, write_jobs
from rm_mm.suite.launch.slurm.options import JobOptions
from rm_mm.suite.launch.slurm.queue import Job, cancel_jobs, cluster_name, jobs_named
from rm_mm.suite.launch.slurm.submission import job_groups, submit_group
from rm_mm.suite.launch.slurm.watch import Watch

#: Time for cancelled jobs to disappear; Slurm gives their processes a grace time.
_CANCEL_SECONDS = 120.0


def run_in_slurm(
    remaining: Sequence[PreparedCell],
    options: CellOptions,
    *,
    work_dir: Path,
    job_options: JobOptions,
) -> list[str]:
    """Submit cells that are not in the queue, and wait for all of them; see ``launch.Run``.

    Raises:
        InputError: If the jobs belong to another cluster.
        RejectedError: If Slurm is missing, does not answer, or rejects a job.
    """
    cluster, prefix = cluster_name(), job_prefix(work_dir)
    of_cluster, jobs = read_jobs(work_dir)
    if of_cluster not in (None, cluster):
        raise InputError(
            f'{work_dir / NAME} belongs to the cluster {of_cluster}, this is {cluster}: its jobs '
            'may still be running there. If none is (squeue --me on that cluster), remove that file'
        )
    alive = {number: job for number, job in jobs_named(prefix).items() if not job.ended}
    _cancel_strays(alive, set(jobs.values()), prefix)
    present = {name: number for name, number in jobs.items() if number in alive}
    absent = [item for item in remaining if item.cell.run_name not in present]
    if again := len(remaining) - len(absent):
        print(f'{again} cells are queued or running already')
    try:
        for group in job_groups(absent, present, prefix):
            for item, number in submit_group(group, work_dir, options, job_options):
                present[item.cell.run_name] = number
            write_jobs(work_dir, cluster, jobs | present)
            print(f'submitted {len(group.members)} cells as {group.name}')
        progress = Progress([item.cell for item in remaining])
        return Watch(work_dir, present, prefix, progress).wait(remaining)
    except (KeyboardInterrupt, RejectedError):
        _announce_running_jobs(remaining, present)
        raise


def _cancel_strays(alive: dict[str, Job], known: set[str], prefix: str) -> None:
    """Cancel jobs of a call that was killed after submitting them, before noting them."""
    strays = sorted(set(alive) - known)
    if not strays:
        return
    print(
        f'cancelling jobs that a killed call submitted and did not record: {" ".join(strays)}',
        file=sys.stderr,
    )
    cancel_jobs(strays)
    deadline = time.monotonic() + _CANCEL_SECONDS
    while any(not job.ended for number, job in jobs_named(prefix).items() if number in strays):
        if time.monotonic() > deadline:
            raise RejectedError(f'cancelled jobs do not end: {" ".join(strays)}; see squeue --me')
        time.sleep(1)


def _announce_running_jobs(remaining: Sequence[PreparedCell], jobs: dict[str, str]) -> None:
    """Print that jobs keep running after Ctrl-C, and how to cancel them."""
    names = [item.cell.run_name for item in remaining if not item.cell.record.exists()]
    arrays = dict.fromkeys(jobs[name].partition('_')[0] for name in names if name in jobs)
    if arrays:
        print(
            f'\njobs keep running; the same call waits for them again; scancel {" ".join(arrays)} '
            'cancels them',
            file=sys.stderr,
        )
