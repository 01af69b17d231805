"""Waiting for jobs, and showing how each cell does."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from rm_mm.records import read_record
from rm_mm.suite.cell.prepared import PreparedCell
from rm_mm.suite.launch.progress import Progress
from rm_mm.suite.launch.slurm.queue import Job, SlurmError, accounted_jobs, cancel_jobs, jobs_named
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


class Watch:
    """Waits for the jobs of cells, shows their progress, and collects failures.

    Args:
        work_dir: Work directory of the call.
        jobs: Job id of each cell, by the name of its run.
        prefix: Prefix of the names of the jobs.
        progress: Shows the cells.
    """

    def __init__(
        self, work_dir: Path, jobs: Mapping[str, str], prefix: str, progress: Progress
    ) -> None:
        self._work_dir, self._jobs, self._prefix = work_dir, jobs, prefix
        self._progress = progress
        # All by the name of the run. A run with a tail has been shown as started.
        self._tails: dict[str, LogTail] = {}
        #: When the job of each was first seen to have ended.
        self._ended: dict[str, float] = {}
        self._failures: dict[str | None, str] = {}
        self._announced = ''

    def wait(self, remaining: Sequence[PreparedCell]) -> list[str]:
        """Wait until every cell has a record, or its job has ended without one.

        Returns:
            One paragraph per failure, in the order of the cells.
        """
        waiting, pause = list(remaining), SECONDS
        while True:
            states = self._ask()
            left = [item for item in waiting if not self._is_over(item, states)]
            if not left:
                names = [item.cell.run_name for item in remaining]
                return [self._failures[name] for name in names if name in self._failures]
            if states is not None:
                self._summarise(left, states)
            pause = SECONDS if len(left) < len(waiting) else min(pause * 1.2, MOST_SECONDS)
            waiting = left
            time.sleep(pause)

    def _ask(self) -> dict[str, Job] | None:
        """Return the jobs by id; None if Slurm does not answer."""
        try:
            jobs = jobs_named(self._prefix)
        except SlurmError as error:
            self._announce(f'{error}; trying again')
            return None
        return jobs | accounted_jobs(set(self._jobs.values()) - set(jobs))

    def _is_over(self, item: PreparedCell, states: Mapping[str, Job] | None) -> bool:
        """Return whether a cell is done or has failed."""
        cell, name = item.cell, item.cell.run_name
        if cell.record.exists():
            self._start(item)
            self._progress.finish_with(cell, read_record(cell.record))
            return True
        if states is None:
            return False
        number = self._jobs[name]
        job = states.get(number, Job(number, 'GONE'))
        if cell.pretraining in self._failures:
            # Slurm would take its time, or leave it pending.
            try:
                cancel_jobs([number])
            except SlurmError as error:
                self._progress.announce(str(error))
            self._fail(item, 'not run, because its pretraining failed', 'not run')
            return True
        if job.state == 'RUNNING':
            self._start(item)
            for line in self._tails[name].lines():
                self._progress.line(cell, line)
        if not job.ended and job.state != 'GONE':
            # If it had ended before, it was requeued.
            self._ended.pop(name, None)
            return False
        if (why := self._why(cell, job)) is None:
            return False
        self._fail(item, why, 'failed')
        return True

    def _why(self, cell: Cell, job: Job) -> str | None:
        """Return why an ended job has left no record; None if the record may still appear."""
        now = time.monotonic()
        since = now - self._ended.setdefault(cell.run_name, now)
        # For a moment, a job that is being requeued looks as if it had ended.
        if not since or (since < RECORD_SECONDS and job.state in ('COMPLETED', 'GONE')):
            return None
        if cell.record.exists():
            return None
        note = failure_file(self._work_dir, cell)
        if job.state == 'FAILED' and note.exists():
            return note.read_text(encoding='utf-8')
        ending = _ENDINGS.get(job.state, f'ended as {job.state}').format(work_dir=self._work_dir)
        logs = _end_of_logs(cell, self._work_dir, job.id)
        return f'its job {job.id} {ending}; the same call submits it again{logs}'

    def _fail(self, item: PreparedCell, why: str, short: str) -> None:
        self._start(item)
        self._progress.finish(item.cell, short, failed=True)
        self._failures[item.cell.run_name] = f'{item.cell.name}: {why}'

    def _start(self, item: PreparedCell) -> None:
        """Show a cell as started, once."""
        if (name := item.cell.run_name) not in self._tails:
            self._tails[name] = LogTail(item.cell.log, _LOG_BYTES)
            self._progress.start(item.cell, item.metric)

    def _summarise(self, waiting: Sequence[PreparedCell], states: Mapping[str, Job]) -> None:
        numbers = [self._jobs[item.cell.run_name] for item in waiting]
        present = [states[number] for number in numbers if number in states]
        counts = Counter(job.state.lower() for job in present)
        self._progress.jobs = max(counts['running'], 1)
        reasons = {job.reason for job in present if job.state == 'PENDING'} - {'None', ''}
        text = ', '.join(f'{count} {state}' for state, count in sorted(counts.items()))
        self._announce(text + (f' ({", ".join(sorted(reasons))})' if reasons else ''))

    def _announce(self, text: str) -> None:
        if text and text != self._announced:
            self._progress.announce(text)
            self._announced = text


def _end_of_logs(cell: Cell, work_dir: Path, job: str) -> str:
    """Return the last lines of a cell's log, or of its job's log if the cell has none."""
    for log in (cell.log, work_dir / FOLDER / f'{job}_0_log.out'):
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
