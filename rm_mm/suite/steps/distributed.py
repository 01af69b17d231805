"""The command lines of distributed runs: torchrun and srun."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rm_mm.errors import InputError
from rm_mm.run.machine import job_port

#: Default port of torchrun, for machines that the user starts.
_PORT = '29500'


@dataclass(frozen=True)
class Rendezvous:
    """Where the nodes of a run meet.

    Attributes:
        nodes: Number of nodes.
        rank: Number of this node, from 0.
        address: Address of the first node.
        port: Port on the first node.
    """

    nodes: int
    rank: str
    address: str
    port: str


def torchrun(module: Sequence[str], gpus: int, rendezvous: Rendezvous | None = None) -> list[str]:
    """Return the command line of torchrun on this node.

    Args:
        module: ``-m MODULE ARGUMENTS...``.
        gpus: Processes on this node, one per GPU.
        rendezvous: For several nodes, where they meet.
    """
    meeting = ['--standalone']
    if rendezvous is not None and rendezvous.nodes > 1:
        meeting = [
            '--nnodes', str(rendezvous.nodes),
            '--node-rank', rendezvous.rank,
            '--master-addr', rendezvous.address,
            '--master-port', rendezvous.port,
        ]  # fmt: skip
    options = [*meeting, '--nproc-per-node', str(gpus)]
    return [sys.executable, '-m', 'torch.distributed.run', *options, *module]


def srun(
    module: Sequence[str],
    *,
    partition: str,
    job: str,
    gpus: int,
    gpus_per_node: int,
    cpus_per_task: str,
    extra: Sequence[str] = (),
) -> list[str]:
    """Return the command line of srun with one task per GPU.

    Args:
        module: ``-m MODULE ARGUMENTS...``.
        partition: Partition of the job.
        job: Name of the job.
        gpus: Number of GPUs.
        gpus_per_node: Most GPUs on one node.
        cpus_per_task: Cores of each task.
        extra: Further options of srun.
    """
    per_node = min(gpus_per_node, gpus)
    return [
        'srun', '--partition', partition, '--job-name', job, '--gres', f'gpu:{per_node}',
        '--ntasks', str(gpus), '--ntasks-per-node', str(per_node),
        '--cpus-per-task', cpus_per_task, '--kill-on-bad-exit=1',
        *extra, sys.executable, '-u', *module,
    ]  # fmt: skip


def slurm_rendezvous(nodes: int, environ: Mapping[str, str] = os.environ) -> Rendezvous:
    """Return where the nodes of a Slurm job meet.

    ``MASTER_ADDR`` and ``MASTER_PORT`` are taken if they are set. By default it is the first host,
    and a port that depends on the job, so that jobs on one node do not collide.
    """
    port = environ.get('MASTER_PORT') or str(job_port(int(environ['SLURM_JOB_ID'])))
    address = environ.get('MASTER_ADDR') or _first_host()
    return Rendezvous(nodes, environ['SLURM_NODEID'], address, port)


def manual_rendezvous(environ: Mapping[str, str] = os.environ) -> Rendezvous:
    """Return the rendezvous of a run whose torchrun the user starts on each machine.

    ``NNODES``, ``NODE_RANK``, ``MASTER_ADDR`` and ``PORT`` are environment variables.

    Raises:
        InputError: If there are several and ``MASTER_ADDR`` is not set.
    """
    text = environ.get('NNODES') or '1'
    if not text.isdecimal() or not int(text):
        raise InputError(f'NNODES is the number of machines, got {text!a}')
    if int(text) > 1 and not environ.get('MASTER_ADDR'):
        raise InputError(f'NNODES={text} needs MASTER_ADDR, the address of the first machine')
    rank, port = environ.get('NODE_RANK') or '0', environ.get('PORT') or _PORT
    return Rendezvous(int(text), rank, environ.get('MASTER_ADDR', ''), port)


def _first_host() -> str:
    from submitit import JobEnvironment

    return str(JobEnvironment().hostnames[0])
