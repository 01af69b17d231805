"""What a Slurm job runs: one cell."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError, RejectedError
from rm_mm.files import write_text
from rm_mm.recipe.metric import metric_of
from rm_mm.run.environment import config_digest
from rm_mm.suite.cell_run import command_of, run_cell
from rm_mm.suite.cells import Options, Prepared, prepare
from rm_mm.suite.planning.plan import Cell
from rm_mm.suite.processes import run_command, stop_commands
from rm_mm.suite.progress import Progress
from rm_mm.suite.take import take

LOCK = 'cell.lock'
#: A run on a node that Slurm has lost may hold the folder of its cell until Slurm ends it.
_LOCK_SECONDS = 600.0
#: Longer than the grace that preemption gives.
_VERDICT_SECONDS = 1800.0


@dataclass(frozen=True)
class CellJob:
    """Runs a cell, on each node of its job; submitit pickles it, and calls it there.

    Attributes:
        cell: With absolute paths.
        options: Of the call.
        config_sha256: Of the config as it was when the cell was submitted.
        failure: Where it says why it failed.
    """

    cell: Cell
    options: Options
    config_sha256: str
    failure: Path

    def __call__(self) -> None:
        """Run the cell unless it is done.

        Raises:
            Exception: Whatever ended it.
        """
        told = _heed_signals()
        _share_cores(self.options.gpus)
        try:
            if int(os.environ.get('SLURM_NODEID', '0')):
                self._follow()
            else:
                self._lead()
        except Exception as error:
            if isinstance(error, RejectedError):
                _await_verdict(told)
            if not int(os.environ.get('SLURM_NODEID', '0')):
                write_text(self.failure, _why(error))
            raise

    def checkpoint(self) -> Any:
        """End the command, and say what the requeued job calls: the same, which goes on.

        Called by submitit out of its handler of the signal that comes before the end.
        """
        from submitit.helpers import DelayedSubmission

        stop_commands()
        return DelayedSubmission(self)

    def _lead(self) -> None:
        """The first node: the command, the export and the record."""
        self._take()
        self.failure.unlink(missing_ok=True)
        done, left = prepare([self.cell], self.options)
        if done:
            return
        (prepared,) = left
        self._require_same(prepared)
        progress = Progress([self.cell])
        progress.start(self.cell, metric_of(prepared.config))
        record = run_cell(prepared, self.options, progress, None)
        progress.finish(self.cell, f'best {record.best:.2f}, last {record.last:.2f}')

    def _follow(self) -> None:
        """Another node: its part of the command, which waits for the first node's."""
        _, left = prepare([self.cell], self.options)
        if left:
            log = self.cell.directory / f'output.node{os.environ["SLURM_NODEID"]}.log'
            log.parent.mkdir(parents=True, exist_ok=True)
            run_command(command_of(left[0], self.options), log)

    def _take(self) -> None:
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                take(self.cell.directory, LOCK)
                return
            except InputError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def _require_same(self, prepared: Prepared) -> None:
        if (found := config_digest(prepared.config)) != self.config_sha256:
            raise RejectedError(
                f'the config {self.cell.config} has changed since the cell was submitted: '
                f'expected sha256 {self.config_sha256[:12]}…, found {found[:12]}…; the same call '
                'submits it as it is now'
            )


def _heed_signals() -> list[float]:
    """Note when Slurm tells this process to end, beside what submitit does at each signal."""
    told: list[float] = []

    def noting(before: Callable[..., object]) -> Callable[..., None]:
        def note(number: int, frame: object) -> None:
            told.append(time.monotonic())
            before(number, frame)

        return note

    preemption = f'SIG{os.environ.get("SUBMITIT_PREEMPT_SIGNAL", "USR2")}'
    for number in (signal.SIGTERM, signal.Signals[preemption]):
        before = signal.getsignal(number)
        if callable(before):
            signal.signal(number, noting(before))
    return told


def _await_verdict(told: list[float]) -> None:
    """Where Slurm told this job to end, wait for it: its word counts, not the command's exit code.

    The same signal may have hit the command, or the first node ended it to requeue the job.
    """
    # It may only just arrive here.
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        time.sleep(0.1)
        if told:
            deadline = told[0] + _VERDICT_SECONDS


def _why(error: Exception) -> str:
    if isinstance(error, ValueError | OSError):
        return str(error)
    if type(error).__name__ == 'UncompletedJobError':
        # How submitit says that it does not requeue a job any more.
        return f'{error} Say a longer --time or a higher --max-num-timeout; the same call goes on'
    return f'{type(error).__name__}: {error}'


def _share_cores(gpus: int) -> None:
    """Let the command use as many threads as the job has cores, which Slurm may not enforce."""
    if cores := os.environ.get('SLURM_CPUS_PER_TASK'):
        os.environ.setdefault('OMP_NUM_THREADS', str(max(int(cores) // max(gpus, 1), 1)))
