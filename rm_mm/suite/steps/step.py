"""A step: one request and where its log goes; how it becomes a command line or a call."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from rm_mm.run.requests import TestRequest, TrainRequest
from rm_mm.suite.steps.distributed import slurm_rendezvous, torchrun
from rm_mm.transfer.export import ExportRequest

StepRequest: TypeAlias = TrainRequest | TestRequest | ExportRequest

#: Requests of steps, by the command that they correspond to.
_KINDS: dict[str, type[StepRequest]] = {
    'train': TrainRequest, 'test': TestRequest, 'export': ExportRequest
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One request of a cell.

    Attributes:
        request: What to do.
        log: File that the output is appended to.
        gpus: GPUs on each node, with one process each; 0 runs in one process.
        nodes: Number of nodes.
    """

    request: StepRequest
    log: Path
    gpus: int = 0
    nodes: int = 1

    @property
    def command(self) -> str:
        """Name of the ``rm-mm`` command that does the same."""
        return next(name for name, kind in _KINDS.items() if type(self.request) is kind)

    @property
    def work_dir(self) -> Path | None:
        """Work directory of the run; None for an export."""
        folder = None if isinstance(self.request, ExportRequest) else self.request.work_dir
        return Path(folder) if folder else None


#: Runs a step to its end; raises ``RejectedError`` if it fails.
Execute = Callable[[Step], None]


def perform(request: StepRequest) -> None:
    """Do what a request asks for, in this process."""
    if isinstance(request, TrainRequest):
        from rm_mm.run.training import train

        train(request)
    elif isinstance(request, TestRequest):
        from rm_mm.run.testing import test

        test(request)
    else:
        from rm_mm.transfer.export import export

        export(request)


def command_line(step: Step, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the command line that runs a step in child processes.

    With several GPUs it is torchrun, once per node. Not ``srun`` with one task per GPU: this way a
    Slurm job has one process per node, which is told of preemption, and the command is the same as
    on one node.

    Args:
        step: The step.
        environ: Environment of a task of a Slurm job, for a step on several nodes.
    """
    request = step.request
    distributed = step.gpus > 0 and not isinstance(request, ExportRequest)
    if distributed and not isinstance(request, ExportRequest):
        request = replace(request, launcher='pytorch')
    module = ['-m', 'rm_mm.suite.steps', step.command, dump_request(request)]
    if not distributed:
        return [sys.executable, *module]
    rendezvous = slurm_rendezvous(step.nodes, environ) if step.nodes > 1 else None
    return torchrun(module, step.gpus, rendezvous)


def dump_request(request: StepRequest) -> str:
    """Return a request as JSON, for the command line of a child process."""
    return json.dumps(asdict(request), default=str)


def load_request(command: str, text: str) -> StepRequest:
    """Rebuild, and so validate, what :func:`dump_request` returned."""
    values: dict[str, Any] = json.loads(text)
    return _KINDS[command](**values)
