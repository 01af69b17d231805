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

_MODULE = ('-m', 'rm_mm.suite.steps')
#: Requests of steps, by the command that they correspond to.
_KINDS: dict[str, type[StepRequest]] = dict(
    train=TrainRequest, test=TestRequest, export=ExportRequest
)


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

    With GPUs it is torchrun, once per node. Not ``srun`` with one task per GPU: this way a Slurm
    job has one process per node, which receives the signal of preemption, and the command is the
    same as on one node.

    Args:
        step: The step.
        environ: For several nodes: environment of a task of a Slurm job. ``MASTER_ADDR`` and
            ``MASTER_PORT`` may say where the first node is reached.
    """
    request = step.request
    if step.gpus > 0 and not isinstance(request, ExportRequest):
        request = replace(request, launcher='pytorch')
        rendezvous = slurm_rendezvous(step.nodes, environ) if step.nodes > 1 else None
        return torchrun([*_MODULE, step.command, _dump(request)], step.gpus, rendezvous)
    return [sys.executable, *_MODULE, step.command, _dump(request)]


def _dump(request: StepRequest) -> str:
    return json.dumps(asdict(request), default=str)


def load_request(command: str, text: str) -> StepRequest:
    """Rebuild, and so validate, the request of a :func:`command_line`."""
    values: dict[str, Any] = json.loads(text)
    return _KINDS[command](**values)
