"""Options of the jobs that a call submits."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rm_mm.errors import InputError
from rm_mm.suite.requests import CellsRequest

#: Enough for a 300-epoch pretraining in pieces of half a day.
TIMEOUTS = 20
#: A cell is warned 90 s before the end (submitit's default), and starting takes time, too.
_LEAST_MINUTES = 5
_TIME = re.compile(r'(?:(?P<days>\d+)-)?(?P<fields>\d+(?::\d+){0,2})')
#: Options of sbatch that the suite sets itself, with the option of rm-mm for each, if any.
_OURS = {
    'partition': '--partition', 'time': '--time', 'nodes': '--nodes', 'gpus': '--gpus',
    'gpus-per-node': '--gpus', 'cpus-per-task': '--cpus-per-task', 'array': '', 'chdir': '',
    'dependency': '', 'error': '', 'job-name': '', 'kill-on-invalid-dep': '', 'no-requeue': '',
    'ntasks': '', 'ntasks-per-node': '', 'open-mode': '', 'output': '', 'requeue': '',
    'get-user-env': '', 'hold': '', 'parsable': '', 'signal': '', 'test-only': '', 'wait': '',
    'wrap': '',
}  # fmt: skip


@dataclass(frozen=True)
class JobOptions:
    """Resources of each job, besides GPUs and nodes.

    Attributes:
        minutes: Time limit, after which the job is requeued.
        partition: Partition; None leaves it to Slurm.
        cpus_per_task: Cores on each node; None leaves it to Slurm.
        timeouts: How often a cell may run into its time limit.
        extra: Options of ``sbatch`` without dashes; True for an option without a value.
    """

    minutes: int
    partition: str | None = None
    cpus_per_task: int | None = None
    timeouts: int = TIMEOUTS
    extra: dict[str, str | bool] = field(default_factory=dict)


def job_options(request: CellsRequest) -> JobOptions:
    """Return the options of the jobs of a call.

    Raises:
        InputError: If an option is wrong, or does not fit another.
    """
    slurm = request.slurm
    if slurm.time is None:
        raise InputError(
            '--cluster slurm needs --time, after which a cell is requeued and resumes from its '
            'last checkpoint: minutes or D-HH:MM:SS'
        )
    if slurm.nodes is not None and slurm.nodes > 1 and not request.gpus:
        raise InputError(f'--nodes {slurm.nodes} needs --gpus, the GPUs of each node, such as 8')
    if (length := minutes(slurm.time)) < _LEAST_MINUTES:
        raise InputError(
            f'--time {slurm.time} is too short: a cell is warned 90 s before the end, and needs at '
            f'least {_LEAST_MINUTES} minutes'
        )
    return JobOptions(
        minutes=length,
        partition=slurm.partition,
        cpus_per_task=slurm.cpus_per_task,
        timeouts=slurm.max_num_timeout or TIMEOUTS,
        extra=_extra(slurm.extra),
    )


def minutes(text: str) -> int:
    """Parse a time limit as Slurm does, in minutes, rounded up.

    The forms are ``M``, ``M:S``, ``H:M:S``, ``D-H``, ``D-H:M`` and ``D-H:M:S``.

    Raises:
        InputError: If it is none of them, or zero.
    """
    seconds = 0
    if found := _TIME.fullmatch(text.strip()):
        parts = [int(part) for part in found['fields'].split(':')]
        units = (3600, 60, 1) if found['days'] or len(parts) == 3 else (60, 1)
        seconds = int(found['days'] or 0) * 86_400
        seconds += sum(part * unit for part, unit in zip(parts, units, strict=False))
    if seconds <= 0:
        raise InputError(
            f'--time takes minutes or D-HH:MM:SS, such as 720 or 0-12:00, got {text!a}'
        )
    return math.ceil(seconds / 60)


def _extra(words: Sequence[str]) -> dict[str, str | bool]:
    extra: dict[str, str | bool] = {}
    for word in words:
        key, separator, value = word.partition('=')
        key = key.strip().lstrip('-').replace('_', '-')
        if not re.fullmatch(r'[a-z][a-z-]+', key) or (separator and not value) or '\n' in value:
            raise InputError(
                f'--slurm takes options of sbatch as KEY=VALUE, such as account=a, got {word!a}'
            )
        if (own := _OURS.get(key)) is not None:
            advice = f'pass {own} instead' if own else 'the suite sets it; leave it out'
            raise InputError(f'--slurm {key}: {advice}')
        extra[key] = value if separator else True
    return extra
