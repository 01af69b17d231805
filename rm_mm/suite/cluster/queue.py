"""What Slurm says of our jobs.

The watcher of submitit asks ``sacct`` alone, which clusters without accounting do not have.
``squeue`` knows a job until some minutes after its end; older ones, ``sacct`` where it answers.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from rm_mm.errors import RejectedError

#: Nothing comes after these; any other state of Slurm's may yet lead to a record.
ENDED = (
    'BOOT_FAIL', 'CANCELLED', 'COMPLETED', 'DEADLINE', 'FAILED', 'NODE_FAIL', 'OUT_OF_MEMORY',
    'PREEMPTED', 'REVOKED', 'TIMEOUT',
)  # fmt: skip
_SECONDS = 60


@dataclass(frozen=True)
class Job:
    """One cell's job, as Slurm has it.

    Attributes:
        id: ``12``, or of an array ``12_0``.
        state: In Slurm's words, such as ``RUNNING``.
        reason: Why it waits, or ended.
    """

    id: str
    state: str
    reason: str = ''

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in ENDED


class SlurmError(RejectedError):
    """Slurm does not answer, or says no."""


def cluster_name() -> str:
    """What the cluster is called that the commands here speak to.

    Raises:
        SlurmError: If one of them is not here, or it does not answer.
    """
    # Those that submitit calls, or looks for.
    for name in ('sbatch', 'srun'):
        if not shutil.which(name):
            raise _absent(name)
    for line in _ask('scontrol', 'show', 'config').splitlines():
        key, _, value = line.partition('=')
        if key.strip() == 'ClusterName':
            return value.strip()
    raise SlurmError('scontrol show config names no ClusterName: is this Slurm?')


def jobs_named(prefix: str) -> dict[str, Job]:
    """This user's jobs whose names begin so, those that ended some minutes ago included, by id.

    Raises:
        SlurmError: If Slurm does not answer.
    """
    said = _ask(
        'squeue', '--me', '--array', '--states=all', '--noheader', '--format=%i|%T|%r|%j'
    )  # fmt: skip
    jobs = {}
    for line in said.splitlines():
        number, state, reason, name = [*line.strip().split('|', 3), '', '', ''][:4]
        if name.startswith(prefix):
            jobs[number] = Job(number, state, reason)
    return jobs


def remembered(ids: Iterable[str]) -> dict[str, Job]:
    """What the accounting knows of jobs that have left the queue; nothing where there is none."""
    ids = sorted(ids)
    if not ids or not shutil.which('sacct'):
        return {}
    command = ['sacct', '--noheader', '--parsable2', '--allocations', '--format=JobID,State']
    try:
        said = _ask(*command, f'--jobs={",".join(ids)}')
    except SlurmError:
        return {}
    rows = [line.split('|') for line in said.splitlines() if line.count('|') == 1]
    # Such as `CANCELLED by 1000`.
    found = {number: Job(number, state.split()[0]) for number, state in rows if state.strip()}
    return {number: found[number] for number in ids if number in found}


def cancel(ids: Iterable[str]) -> None:
    """End jobs, or take them from the queue.

    Raises:
        SlurmError: If Slurm does not answer.
    """
    if ids := sorted(ids):
        _ask('scancel', *ids)


def _absent(name: str) -> SlurmError:
    return SlurmError(
        f'no {name} here: expected the commands of Slurm on the path, as on a login node'
    )


def _ask(*command: str) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except FileNotFoundError as error:
        raise _absent(command[0]) from error
    except subprocess.TimeoutExpired as error:
        raise SlurmError(f'{command[0]} does not answer within {_SECONDS} s') from error
    if result.returncode:
        said = ' '.join(result.stderr.split()) or f'exit code {result.returncode}'
        raise SlurmError(f'{command[0]}: {said}')
    return result.stdout
