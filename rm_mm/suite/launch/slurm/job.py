"""The job of one cell, as it runs on the nodes."""

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
from rm_mm.recipe.config import read_saved_config
from rm_mm.records import read_record
from rm_mm.run.environment import config_digest
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.cell.running import run_cell, run_step
from rm_mm.suite.launch.folder import lock_folder
from rm_mm.suite.launch.progress import Progress
from rm_mm.suite.plan.cells import Cell
from rm_mm.suite.steps.children import run_command, run_in_child, stop_commands
from rm_mm.suite.steps.step import Step, command_line

LOCK = 'cell.lock'
#: A run on a node that Slurm has lost may hold the lock of its cell until Slurm ends it.
_LOCK_SECONDS = 600.0
#: Longer than the grace time of preemption.
_DECISION_SECONDS = 1800.0


@dataclass(frozen=True)
class CellJob:
    """Runs a cell on the nodes of its job; submitit pickles it and calls it there.

    The config is the one that was resolved and saved when the cell was submitted.

    Attributes:
        cell: Cell, with absolute paths.
        options: Options of the call.
        config_sha256: Hash of the saved config.
        failure: File for the reason of a failure.
    """

    cell: Cell
    options: CellOptions
    config_sha256: str
    failure: Path

    def __call__(self) -> None:
        """Run the cell unless it is done; raise whatever ended it."""
        signalled = _note_signals()
        if cores := os.environ.get('SLURM_CPUS_PER_TASK'):
            # Slurm may not enforce the number of cores.
            threads = max(int(cores) // max(self.options.gpus, 1), 1)
            os.environ.setdefault('OMP_NUM_THREADS', str(threads))
        leads = os.environ.get('SLURM_NODEID', '0') == '0'
        try:
            if leads:
                self._lead()
            else:
                self._follow()
        except Exception as error:
            if isinstance(error, RejectedError):
                _await_decision(signalled)
            if leads:
                write_text(self.failure, _why(error))
            raise

    def checkpoint(self) -> Any:
        """End the command; the requeued job makes the same call, which resumes.

        submitit calls this from its handler of the signal that precedes the end.
        """
        from submitit.helpers import DelayedSubmission

        stop_commands()
        return DelayedSubmission(self)

    def _lead(self) -> None:
        """Run the cell on the first node: its steps and the record."""
        self._lock()
        self.failure.unlink(missing_ok=True)
        if self._is_done():
            return
        prepared = self._prepared()
        progress = Progress([self.cell])
        progress.start(self.cell, prepared.metric)

        def execute(step: Step) -> None:
            run_in_child(step, lambda line: progress.line(self.cell, line))

        progress.finish_with(self.cell, run_cell(prepared, self.options, execute))

    def _follow(self) -> None:
        """Run this node's part of the training, which waits for the first node."""
        if not self._is_done():
            log = self.cell.directory / f'output.node{os.environ["SLURM_NODEID"]}.log'
            log.parent.mkdir(parents=True, exist_ok=True)
            run_command(command_line(run_step(self._prepared(), self.options)), log)

    def _is_done(self) -> bool:
        if self.cell.record.exists():
            read_record(self.cell.record)
            return True
        return False

    def _prepared(self) -> PreparedCell:
        path = self.cell.saved_config
        config = read_saved_config(path)
        if (found := config_digest(config)) != self.config_sha256:
            raise RejectedError(
                f'{path} has changed since the cell was submitted: expected sha256 '
                f'{self.config_sha256[:12]}…, found {found[:12]}…; the same call submits it again'
            )
        return PreparedCell(self.cell, config)

    def _lock(self) -> None:
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                lock_folder(self.cell.directory, LOCK)
                return
            except InputError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)


def _note_signals() -> list[float]:
    """Return a list that grows at each signal to end; submitit's own handlers still run."""
    signalled: list[float] = []

    def noting(before: Callable[..., object]) -> Callable[..., None]:
        def note(number: int, frame: object) -> None:
            signalled.append(time.monotonic())
            before(number, frame)

        return note

    preemption = f'SIG{os.environ.get("SUBMITIT_PREEMPT_SIGNAL", "USR2")}'
    for number in (signal.SIGTERM, signal.Signals[preemption]):
        before = signal.getsignal(number)
        if callable(before):
            signal.signal(number, noting(before))
    return signalled


def _await_decision(signalled: list[float]) -> None:
    """If Slurm is ending this job, wait for it, so that its state counts and not the exit code.

    The same signal may have hit the command, or the first node may have ended it to requeue the
    job.
    """
    # The signal may be about to arrive.
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        time.sleep(0.1)
        if signalled:
            deadline = signalled[0] + _DECISION_SECONDS


def _why(error: Exception) -> str:
    if isinstance(error, ValueError | OSError):
        return str(error)
    if type(error).__name__ == 'UncompletedJobError':
        # submitit raises it when it does not requeue a job any more.
        return f'{error} Pass a longer --time or a higher --max-num-timeout; the same call resumes'
    return f'{type(error).__name__}: {error}'
