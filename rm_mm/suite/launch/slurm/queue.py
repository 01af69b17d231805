"""The state of our jobs in Slurm.

submitit's own watcher uses only ``sacct``, which clusters without accounting lack. ``squeue`` knows
a job until some minutes after its end; for older jobs ``sacct`` is asked, where it exists.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from rm_mm.errors import RejectedError

#: Final states; from any other state, a job may still finish.
ENDED = (
    'BOOT_FAIL', 'CANCELLED', 'COMPLETED', 'DEADLINE', 'FAILED', 'NODE_FAIL', 'OUT_OF_MEMORY',
    'PREEMPTED', 'REVOKED', 'TIMEOUT',
)  # fmt: skip
_SECONDS = 60


@dataclass(frozen=True)
class Job:
    """State of one job.

    Attributes:
        id: Job id: ``12``, or ``12_0`` in an array.
        state: State as Slurm names it, such as ``RUNNING``.
        reason: Why it is waiting, or has ended.
    """

    id: str
    state: str
    reason: str = ''

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self.state in ENDED


class SlurmError(RejectedError):
    """Slurm does not answer, or rejects a request."""


def cluster_name() -> str:
    """Return the name of the cluster that the commands on this machine talk to.

    Raises:
        SlurmError: If a command is missing, or Slurm does not answer.
    """
    # The commands that submitit calls or looks for.
    for name in ('sbatch', 'srun'):
        if not shutil.which(name):
            raise _absent(name)
    for line in _ask('scontrol', 'show', 'config').splitlines():
        key, _, value = line.partition('=')
        if key.strip() == 'ClusterName':
            return value.strip()
    raise SlurmError('scontrol show config names no ClusterName: is this Slurm?')


def jobs_named(prefix: str) -> dict[str, Job]:
    """Return this user's jobs whose names start with ``prefix``, by id.

    Recently ended jobs are included.

    Raises:
        SlurmError: If Slurm does not answer.
    """
    output = _ask(
        'squeue', '--me', '--array', '--states=all', '--noheader', '--format=%i|%T|%r|%j'
    )  # fmt: skip
    jobs = {}
    for line in output.splitlines():
        number, state, reason, name = [*line.strip().split('|', 3), '', '', ''][:4]
        if name.startswith(prefix):
            jobs[number] = Job(number, state, reason)
    return jobs


def accounted_jobs(ids: Iterable[str]) -> dict[str, Job]:
    """Return jobs that have left the queue, from the accounting; empty if there is none."""
    ids = sorted(ids)
    if not ids or not shutil.which('sacct'):
        return {}
    command = ['sacct', '--noheader', '--parsable2', '--allocations', '--format=JobID,State']
    try:
        output = _ask(*command, f'--jobs={",".join(ids)}')
    except SlurmError:
        return {}
    rows = [line.split('|') for line in output.splitlines() if line.count('|') == 1]
    # A state may have a suffix, such as `CANCELLED by 1000`.
    found = {number: Job(number, state.split()[0]) for number, state in rows if state.strip()}
    return {number: found[number] for number in ids if number in found}


def cancel_jobs(ids: Iterable[str]) -> None:
    """Cancel running and queued jobs.

    Raises:
        SlurmError: If Slurm does not answer.
    """
    if ids := sorted(ids):
        _ask('scancel', *ids)


def _absent(name: str) -> SlurmError:
    return SlurmError(
        f'no {name} here: expected the commands of Slurm on the PATH, as on a login node'
    )


def _ask(*command: str) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except FileNotFoundError as error:
        raise _absent(command[0]) from error
    except subprocess.TimeoutExpired as error:
        raise SlurmError(f'{command[0]} does not answer within {_SECONDS} s') from error
    if result.returncode:
        message = ' '.join(result.stderr.split()) or f'exit code {result.returncode}'
        raise SlurmError(f'{command[0]}: {message}')
    return result.stdout
