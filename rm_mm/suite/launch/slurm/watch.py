"""Waiting for jobs, and showing how each cell does."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rm_mm.recipe.metric import metric_of
from rm_mm.records import read_record
from rm_mm.suite.cell.prepared import PreparedCell
from rm_mm.suite.launch.progress import Progress
from rm_mm.suite.launch.slurm.queue import (
    Job,
    SlurmError,
    accounted_jobs,
    cancel_jobs,
    jobs_named,
)
from rm_mm.suite.launch.slurm.submission import FOLDER, failure_file
from rm_mm.suite.plan.cells import Cell
from rm_mm.suite.steps.children import LOG_LINES

#: Polling interval; it grows with the wait, to spare Slurm's controller.
SECONDS, MOST_SECONDS = 2.0, 30.0
#: Time until a shared file system shows what a job has written.
RECORD_SECONDS = 60.0
_LOG_BYTES = 64 * 1024

#: How a job ended that left no record. The reason of its own failure is in its failure file.
_ENDINGS = {
    'CANCELLED': 'was cancelled',
    'COMPLETED': 'completed, but its record is not here: do the nodes share {work_dir}?',
    'NODE_FAIL': 'was lost with its node',
    'OUT_OF_MEMORY': 'ran out of memory: request more, such as --slurm mem=64G',
    'PREEMPTED': 'was preempted, and Slurm did not requeue it',
    'TIMEOUT': 'ran into its time limit: pass a longer --time',
    'GONE': 'left no record, and Slurm no longer knows it',
}
_AGAIN = '; the same call submits it again'


class Watch:
    """Waits for the jobs of cells, shows their progress, and collects failures.

    Args:
        work_dir: Work directory of the call.
        jobs: Job id of each cell, by the name of the cell's folder.
        prefix: Prefix of the names of the jobs.
    """

    def __init__(self, work_dir: Path, jobs: Mapping[str, str], prefix: str) -> None:
        self._work_dir, self._jobs, self._prefix = work_dir, jobs, prefix
        self._tails: dict[str, LogTail] = {}
        #: When each job was first seen to have ended, by the name of the cell's folder.
        self._ended: dict[str, float] = {}
        self._failures: dict[str, str] = {}
        self._announced = ''

    def wait(
        self, remaining: Sequence[PreparedCell], show: Callable[[Sequence[Cell]], Progress]
    ) -> list[str]:
        """Wait until every cell has a record, or its job has ended without one.

        Returns:
            One paragraph per failure, in the order of the cells.
        """
        progress = show([item.cell for item in remaining])
        waiting = {item.cell.directory.name: item for item in remaining}
        pause = SECONDS
        while True:
            before = len(waiting)
            states = self._ask(progress)
            for name, item in list(waiting.items()):
                if self._over(name, item, states, progress):
                    del waiting[name]
            if not waiting:
                return [
                    self._failures[name]
                    for item in remaining
                    if (name := item.cell.directory.name) in self._failures
                ]
            self._summary(waiting, states, progress)
            pause = SECONDS if len(waiting) < before else min(pause * 1.2, MOST_SECONDS)
            time.sleep(pause)

    def _ask(self, progress: Progress) -> dict[str, Job] | None:
        """Return the jobs by id; None if Slurm does not answer."""
        try:
            jobs = jobs_named(self._prefix)
        except SlurmError as error:
            self._announce(progress, f'{error}; trying again')
            return None
        return jobs | accounted_jobs(set(self._jobs.values()) - set(jobs))

    def _over(
        self, name: str, item: PreparedCell, states: Mapping[str, Job] | None, progress: Progress
    ) -> bool:
        """Return whether a cell is done or has failed."""
        cell = item.cell
        number = self._jobs[name]
        state = None if states is None else states.get(number, Job(number, 'GONE'))
        if cell.record.exists():
            self._start(name, item, progress)
            progress.finish_with(cell, read_record(cell.record))
            return True
        if state is None:
            return False
        pretraining = cell.backbone.parent.name if cell.backbone and not cell.pretrains else ''
        if pretraining in self._failures and not cell.source:
            # Slurm would take its time, or leave it pending.
            self._cancel(number, progress)
            self._fail(name, item, 'not run, because its pretraining failed', 'not run', progress)
            return True
        if state.state == 'RUNNING':
            self._start(name, item, progress)
            for line in self._tails[name].lines():
                progress.line(cell, line)
        if not state.ended and state.state != 'GONE':
            # If it had ended before, it was requeued.
            self._ended.pop(name, None)
            return False
        return self._ended_without_record(name, item, state, progress)

    def _ended_without_record(
        self, name: str, item: PreparedCell, state: Job, progress: Progress
    ) -> bool:
        now = time.monotonic()
        since = now - self._ended.setdefault(name, now)
        note = failure_file(self._work_dir, item.cell)
        # For a moment, a job that is being requeued looks as if it had ended.
        if not since or (since < RECORD_SECONDS and state.state in ('COMPLETED', 'GONE')):
            return False
        if item.cell.record.exists():
            return False
        if state.state == 'FAILED' and note.exists():
            why = note.read_text(encoding='utf-8')
        else:
            ending = _ENDINGS.get(state.state, f'ended as {state.state}')
            why = f'its job {state.id} ' + ending.format(work_dir=self._work_dir) + _AGAIN
            why += _end_of_logs(item.cell, self._work_dir, state.id)
        self._fail(name, item, why, 'failed', progress)
        return True

    def _fail(
        self, name: str, item: PreparedCell, why: str, short: str, progress: Progress
    ) -> None:
        self._start(name, item, progress)
        progress.finish(item.cell, short, failed=True)
        self._failures[name] = f'{item.cell.name}: {why}'

    def _start(self, name: str, item: PreparedCell, progress: Progress) -> None:
        if name not in self._tails:
            self._tails[name] = LogTail(item.cell.directory / 'output.log', _LOG_BYTES)
            progress.start(item.cell, metric_of(item.config))

    def _cancel(self, number: str, progress: Progress) -> None:
        try:
            cancel_jobs([number])
        except SlurmError as error:
            progress.announce(f'{error}')

    def _summary(
        self,
        waiting: Mapping[str, PreparedCell],
        states: Mapping[str, Job] | None,
        progress: Progress,
    ) -> None:
        if states is None:
            return
        present = [job for name in waiting if (job := states.get(self._jobs[name]))]
        counts = Counter(job.state.lower() for job in present)
        progress.jobs = max(counts['running'], 1)
        reasons = {job.reason for job in present if job.state == 'PENDING'} - {'None', ''}
        text = ', '.join(f'{count} {state}' for state, count in sorted(counts.items()))
        self._announce(progress, text + (f' ({", ".join(sorted(reasons))})' if reasons else ''))

    def _announce(self, progress: Progress, text: str) -> None:
        if text and text != self._announced:
            progress.announce(text)
            self._announced = text


def _end_of_logs(cell: Cell, work_dir: Path, job: str) -> str:
    """Return the last lines of a cell's log, or of its job's log if the cell has none."""
    of_job = work_dir / FOLDER / f'{job}_0_log.out'
    for log in (cell.directory / 'output.log', of_job):
        if log.is_file() and log.stat().st_size:
            with log.open(encoding='utf-8', errors='replace') as file:
                tail = deque((line.rstrip() for line in file), maxlen=LOG_LINES)
            return f'; the end of {log}:\n' + '\n'.join(f'    {line}' for line in tail)
    return ''


class LogTail:
    """Reads the lines that are added to a log.

    Args:
        path: Log file; it need not exist yet.
        most: Bytes of its present content to read at first.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path, self._most = path, most
        self._at: int | None = None
        self._rest = b''

    def lines(self) -> list[str]:
        """Return the complete lines since the last call."""
        try:
            with self._path.open('rb') as file:
                size = file.seek(0, 2)
                if self._at is None or self._at > size:
                    self._at, self._rest = max(size - self._most, 0), b''
                file.seek(self._at)
                *whole, self._rest = (self._rest + file.read(size - self._at)).split(b'\n')
                self._at = size
        except OSError:
            return []
        return [line.decode('utf-8', 'replace') for line in whole]
