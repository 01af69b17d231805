"""What a call asks of Slurm."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rm_mm.errors import InputError

#: A 300-epoch pretraining in pieces of half a day is within it.
TIMEOUTS = 20
#: Slurm says 90 s before the end that it comes (submitit's default), and starting takes some too.
_LEAST_MINUTES = 5
_TIME = re.compile(r'(?:(?P<days>\d+)-)?(?P<fields>\d+(?::\d+){0,2})')
#: What a suite says itself, and the option of ours for it if there is one.
_OURS = {
    'partition': '--partition', 'time': '--time', 'nodes': '--nodes', 'gpus': '--gpus',
    'gpus-per-node': '--gpus', 'cpus-per-task': '--cpus-per-task', 'array': '', 'chdir': '',
    'dependency': '', 'error': '', 'job-name': '', 'kill-on-invalid-dep': '', 'no-requeue': '',
    'ntasks': '', 'ntasks-per-node': '', 'open-mode': '', 'output': '', 'requeue': '',
    'get-user-env': '', 'hold': '', 'parsable': '', 'signal': '', 'test-only': '', 'wait': '',
    'wrap': '',
}  # fmt: skip


@dataclass(frozen=True)
class SlurmOptions:
    """What each cell's job asks for, beside its GPUs and nodes.

    Attributes:
        minutes: After which it is requeued.
        partition: None leaves it to Slurm.
        cpus_per_task: Cores on each node; None leaves it to Slurm.
        timeouts: How often a cell may run out of time.
        extra: Options of ``sbatch`` without their dashes; True for one that takes no value.
    """

    minutes: int
    partition: str | None = None
    cpus_per_task: int | None = None
    timeouts: int = TIMEOUTS
    extra: dict[str, str | bool] = field(default_factory=dict)


def asked_of_slurm(args: argparse.Namespace) -> SlurmOptions:
    """The options of a call.

    Raises:
        InputError: If one is wrong, or does not go with another.
    """
    if args.time is None:
        raise InputError(
            '--cluster slurm needs --time, after which a cell is requeued and goes on from its '
            'last checkpoint: minutes or D-HH:MM:SS'
        )
    if args.nodes is not None and args.nodes > 1 and not args.gpus:
        raise InputError(f'--nodes {args.nodes} needs --gpus: of each node, such as 8')
    if (length := minutes(args.time)) < _LEAST_MINUTES:
        raise InputError(
            f'--time {args.time} is too short: a cell is told 90 s before the end, and needs at '
            f'least {_LEAST_MINUTES} minutes'
        )
    return SlurmOptions(
        minutes=length,
        partition=args.partition,
        cpus_per_task=args.cpus_per_task,
        timeouts=args.max_num_timeout or TIMEOUTS,
        extra=_extra(args.slurm or ()),
    )


def minutes(text: str) -> int:
    """Slurm's ways to write a time, in minutes, rounded up.

    They are ``M``, ``M:S``, ``H:M:S``, ``D-H``, ``D-H:M`` and ``D-H:M:S``.

    Raises:
        InputError: If it is none of them, or no time at all.
    """
    found = _TIME.fullmatch(text.strip())
    seconds = 0
    if found:
        parts = [int(part) for part in found['fields'].split(':')]
        if found['days'] is not None:
            units = (3600, 60, 1)
            seconds = int(found['days']) * 86_400
        else:
            units = (3600, 60, 1) if len(parts) == 3 else (60, 1, 0)
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
                f'--slurm takes KEY=VALUE as sbatch has it, such as account=a, got {word!a}'
            )
        if key in _OURS:
            own = _OURS[key]
            raise InputError(
                f'--slurm {key}: ' + (f'say {own}' if own else 'the suite sets it; leave it out')
            )
        extra[key] = value if separator else True
    return extra
