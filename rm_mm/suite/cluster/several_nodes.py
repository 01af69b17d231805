"""The command of a cell that trains on several nodes: torchrun, once on each.

Not srun with a task a GPU: this is what one node runs too, and tools/dist_train.sh with NNODES, and
it leaves one process a node, which is told of preemption.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from rm_mm.run.machine import job_port
from rm_mm.suite.cells import Options


def command(
    arguments: list[str], options: Options, environ: Mapping[str, str] = os.environ
) -> list[str]:
    """The command on this node of a Slurm job.

    Args:
        arguments: Of ``rm-mm``.
        options: Of the call.
        environ: Of a task of the job. ``MASTER_ADDR`` and ``MASTER_PORT``, if they are in it, say
            where the first node is reached; else that is its name, and a port by the job's number,
            so that jobs that share a node differ.
    """
    port = environ.get('MASTER_PORT') or str(job_port(int(environ['SLURM_JOB_ID'])))
    return [
        sys.executable, '-m', 'torch.distributed.run',
        '--nnodes', str(options.nodes),
        '--node-rank', environ['SLURM_NODEID'],
        '--master-addr', environ.get('MASTER_ADDR') or _first_node(),
        '--master-port', port,
        '--nproc-per-node', str(options.gpus),
        '-m', 'rm_mm.cli', *arguments, '--launcher', 'pytorch',
    ]  # fmt: skip


def _first_node() -> str:
    from submitit import JobEnvironment

    return str(JobEnvironment().hostnames[0])
