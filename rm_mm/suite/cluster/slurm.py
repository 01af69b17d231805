"""``--cluster slurm``: cells as Slurm's jobs, which outlive the call that submitted them."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rm_mm.errors import InputError, RejectedError
from rm_mm.suite.cells import Options, Prepared
from rm_mm.suite.cluster.jobs_file import NAME, job_prefix, read_jobs, write_jobs
from rm_mm.suite.cluster.queue import Job, cancel, cluster_name, jobs_named
from rm_mm.suite.cluster.slurm_options import SlurmOptions
from rm_mm.suite.cluster.submit import groups, submit
from rm_mm.suite.cluster.watch import Watch
from rm_mm.suite.progress import Progress

#: For a job that was ended to be gone: its processes too, which Slurm gives time to.
_CANCEL_SECONDS = 120.0


def run(
    left: Sequence[Prepared], options: Options, *, work_dir: Path, asked: SlurmOptions
) -> list[str]:
    """Submit what is neither done nor in the queue, and wait for all of it.

    Returns:
        For each failure, a paragraph that names it, with the last lines of its log.

    Raises:
        InputError: If the jobs are another cluster's.
        RejectedError: If Slurm is not here, does not answer, or refuses a job.
    """
    cluster, prefix = cluster_name(), job_prefix(work_dir)
    of_cluster, jobs = read_jobs(work_dir)
    if of_cluster not in (None, cluster):
        raise InputError(
            f'{work_dir / NAME} is of the cluster {of_cluster}, this is {cluster}: jobs of its may '
            f'still run there. If none does (squeue --me, there), remove that file'
        )
    alive = {number: job for number, job in jobs_named(prefix).items() if not job.ended}
    _end_strays(alive, set(jobs.values()), prefix)
    present = {name: number for name, number in jobs.items() if number in alive}
    absent = [item for item in left if item.cell.directory.name not in present]
    if again := len(left) - len(absent):
        print(f'{again} cells are queued or running already')
    try:
        for group in groups(absent, present, prefix):
            for item, number in submit(group, work_dir, options, asked):
                present[item.cell.directory.name] = number
            write_jobs(work_dir, cluster, jobs | present)
            print(f'submitted {len(group.members)} cells as {group.name}')
        return Watch(work_dir, present, prefix).wait(left, Progress)
    except (KeyboardInterrupt, RejectedError):
        _say_what_goes_on(left, present)
        raise


def _end_strays(alive: dict[str, Job], known: set[str], prefix: str) -> None:
    """End jobs of a call that was killed before it wrote down that it had submitted them."""
    strays = sorted(set(alive) - known)
    if not strays:
        return
    print(
        f'ending jobs that a killed call submitted and did not note: {" ".join(strays)}',
        file=sys.stderr,
    )
    cancel(strays)
    deadline = time.monotonic() + _CANCEL_SECONDS
    while any(not job.ended for number, job in jobs_named(prefix).items() if number in strays):
        if time.monotonic() > deadline:
            raise RejectedError(f'jobs do not end: {" ".join(strays)}; look at squeue --me')
        time.sleep(1)


def _say_what_goes_on(left: Sequence[Prepared], jobs: dict[str, str]) -> None:
    """What a call that is left leaves: Ctrl-C ends no job."""
    names = [item.cell.directory.name for item in left if not item.cell.record.exists()]
    arrays = dict.fromkeys(jobs[name].partition('_')[0] for name in names if name in jobs)
    if arrays:
        print(
            f'\njobs go on; the same call waits for them again; scancel {" ".join(arrays)} ends '
            'them',
            file=sys.stderr,
        )
