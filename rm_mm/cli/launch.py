"""``python -m rm_mm.cli.launch``: what the scripts in ``tools/`` run.

The call is checked once, in this process, which is then replaced by torchrun or srun: every process
would report the same mistake, and torchrun would lose the exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from rm_mm.cli import main as run_command
from rm_mm.errors import InputError, reported

_USAGE = {
    'train': 'tools/dist_train.sh CONFIG GPUS [options of rm-mm train]',
    'test': 'tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of rm-mm test]',
    'slurm': 'tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of rm-mm train]',
}


def launch(kind: str, words: Sequence[str]) -> int:
    """Check a call, and replace this process by its processes.

    Args:
        kind: ``train``, ``test`` or ``slurm``.
        words: Arguments of the script.

    Returns:
        Exit code of the check, if it failed.

    Raises:
        InputError: If an argument is missing.
    """
    from rm_mm.suite.steps.distributed import manual_rendezvous, srun, torchrun

    environ = os.environ
    if kind == 'slurm':
        if len(words) < 3:
            raise InputError(f'usage: {_USAGE[kind]}')
        partition, job, *call = words
        gpus = _count(environ.get('GPUS', '8'), 'GPUS')
        line = srun(
            ['-m', 'rm_mm.cli', 'train', *call, '--launcher', 'slurm'],
            partition=partition,
            job=job,
            gpus=gpus,
            gpus_per_node=_count(environ.get('GPUS_PER_NODE', '8'), 'GPUS_PER_NODE'),
            cpus_per_task=environ.get('CPUS_PER_TASK', '8'),
            extra=environ.get('SRUN_ARGS', '').split(),
        )
        return _check_and_replace(['train', *call], gpus, line)
    # The number of GPUs comes after the positional arguments of the command.
    position = 1 if kind == 'train' else 2
    if len(words) <= position or not words[position].isdecimal() or not int(words[position]):
        raise InputError(f'usage: {_USAGE[kind]}, with a number of GPUs from 1')
    gpus = int(words[position])
    call = [kind, *words[:position], *words[position + 1 :]]
    rendezvous = manual_rendezvous(environ)
    line = torchrun(['-m', 'rm_mm.cli', *call, '--launcher', 'pytorch'], gpus, rendezvous)
    return _check_and_replace(call, gpus * rendezvous.nodes, line)


def _check_and_replace(call: list[str], processes: int, line: list[str]) -> int:
    """Run a command with ``--check`` as if that many processes ran it, and then ``line``."""
    environ = dict(os.environ)
    os.environ['WORLD_SIZE'] = str(processes)
    if code := run_command([*call, '--check']):
        return code
    sys.stdout.flush()
    os.execvpe(line[0], line, environ)


def _count(text: str, name: str) -> int:
    if not text.isdecimal() or not int(text):
        raise InputError(f'{name} is a number of GPUs, got {text!a}')
    return int(text)


def main(arguments: Sequence[str]) -> int:
    """Launch, and report mistakes."""
    kind, *words = arguments
    with reported('test' if kind == 'test' else 'train') as outcome:
        outcome.exit_code = launch(kind, words)
    return outcome.exit_code


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
