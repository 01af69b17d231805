"""Waiting for jobs: how each cell does, and how it ended."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rm_mm.recipe.metric import metric_of
from rm_mm.records import read_record
from rm_mm.suite.cells import Prepared
from rm_mm.suite.cluster.queue import Job, SlurmError, cancel, jobs_named, remembered
from rm_mm.suite.cluster.submit import failure_note
from rm_mm.suite.cluster.tail import Tail
from rm_mm.suite.planning.plan import Cell
from rm_mm.suite.processes import LOG_LINES
from rm_mm.suite.progress import Progress

#: Between two looks; the longer the wait, the rarer, for the sake of Slurm's controller.
SECONDS, MOST_SECONDS = 2.0, 30.0
#: For what a job has written to be seen here, on a file system that the nodes share.
RECORD_SECONDS = 60.0
_LOG_BYTES = 64 * 1024

#: What to say of a job that ended without a record; of its own failure it says more itself.
_ENDINGS = {
    'CANCELLED': 'was cancelled',
    'COMPLETED': 'ended well, and its record is not here: do the nodes share {work_dir}?',
    'NODE_FAIL': 'was lost with its node',
    'OUT_OF_MEMORY': 'ran out of memory: ask for more, as in --slurm mem=64G',
    'PREEMPTED': 'was preempted, and Slurm did not requeue it',
    'TIMEOUT': 'ran out of time: say a longer --time',
    'GONE': 'left no record, and Slurm knows it no more',
}
_AGAIN = '; the same call submits it again'


class Watch:
    """Waits for the jobs of cells, shows how they do, and collects the failures.

    Args:
        work_dir: Of the call.
        jobs: The id of each cell's job, by the name of the cell's folder.
        prefix: Of the names of the jobs.
    """

    def __init__(self, work_dir: Path, jobs: Mapping[str, str], prefix: str) -> None:
        self._work_dir, self._jobs, self._prefix = work_dir, jobs, prefix
        self._tails: dict[str, Tail] = {}
        #: When a job was first seen to have ended, by the name of the cell's folder.
        self._ended: dict[str, float] = {}
        self._failures: dict[str, str] = {}
        self._said = ''

    def wait(
        self, left: Sequence[Prepared], show: Callable[[Sequence[Cell]], Progress]
    ) -> list[str]:
        """Wait until every cell has its record, or its job has ended without.

        Returns:
            For each failure, a paragraph that names it, in the order of the cells.
        """
        progress = show([item.cell for item in left])
        waiting = {item.cell.directory.name: item for item in left}
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
                    for item in left
                    if (name := item.cell.directory.name) in self._failures
                ]
            self._summary(waiting, states, progress)
            pause = SECONDS if len(waiting) < before else min(pause * 1.2, MOST_SECONDS)
            time.sleep(pause)

    def _ask(self, progress: Progress) -> dict[str, Job] | None:
        """The jobs by id; None if Slurm does not answer."""
        try:
            jobs = jobs_named(self._prefix)
        except SlurmError as error:
            self._say(progress, f'{error}; asked again')
            return None
        return jobs | remembered(set(self._jobs.values()) - set(jobs))

    def _over(
        self, name: str, item: Prepared, states: Mapping[str, Job] | None, progress: Progress
    ) -> bool:
        """Whether a cell is done, or failed."""
        cell = item.cell
        number = self._jobs[name]
        state = None if states is None else states.get(number, Job(number, 'GONE'))
        if cell.record.exists():
            self._start(name, item, progress)
            record = read_record(cell.record)
            progress.finish(cell, f'best {record.best:.2f}, last {record.last:.2f}')
            return True
        if state is None:
            return False
        pretraining = cell.backbone.parent.name if cell.backbone and not cell.pretrains else ''
        if pretraining in self._failures and not cell.source:
            # Slurm would do it in its own time, or leave it pending.
            self._cancel(number, progress)
            self._fail(name, item, 'not run, because its pretraining failed', 'not run', progress)
            return True
        if state.state == 'RUNNING':
            self._start(name, item, progress)
            for line in self._tails[name].lines():
                progress.line(cell, line)
        if not state.ended and state.state != 'GONE':
            # Requeued, if it had ended before.
            self._ended.pop(name, None)
            return False
        return self._ended_without_record(name, item, state, progress)

    def _ended_without_record(
        self, name: str, item: Prepared, state: Job, progress: Progress
    ) -> bool:
        now = time.monotonic()
        since = now - self._ended.setdefault(name, now)
        note = failure_note(self._work_dir, item.cell)
        # A job that is being requeued may look as if it had ended, for a moment.
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

    def _fail(self, name: str, item: Prepared, why: str, short: str, progress: Progress) -> None:
        self._start(name, item, progress)
        progress.finish(item.cell, short, failed=True)
        self._failures[name] = f'{item.cell.name}: {why}'

    def _start(self, name: str, item: Prepared, progress: Progress) -> None:
        if name not in self._tails:
            self._tails[name] = Tail(item.cell.directory / 'output.log', _LOG_BYTES)
            progress.start(item.cell, metric_of(item.config))

    def _cancel(self, number: str, progress: Progress) -> None:
        try:
            cancel([number])
        except SlurmError as error:
            progress.say(f'{error}')

    def _summary(
        self, waiting: Mapping[str, Prepared], states: Mapping[str, Job] | None, progress: Progress
    ) -> None:
        if states is None:
            return
        present = [job for name in waiting if (job := states.get(self._jobs[name]))]
        counts = Counter(job.state.lower() for job in present)
        progress.jobs = max(counts['running'], 1)
        reasons = {job.reason for job in present if job.state == 'PENDING'} - {'None', ''}
        text = ', '.join(f'{count} {state}' for state, count in sorted(counts.items()))
        self._say(progress, text + (f' ({", ".join(sorted(reasons))})' if reasons else ''))

    def _say(self, progress: Progress, text: str) -> None:
        if text and text != self._said:
            progress.say(text)
            self._said = text


def _end_of_logs(cell: Cell, work_dir: Path, job: str) -> str:
    """The last lines of a cell's log, or of its job's if it did not get so far."""
    of_job = work_dir / 'slurm' / f'{job}_0_log.out'
    for log in (cell.directory / 'output.log', of_job):
        if log.is_file() and log.stat().st_size:
            with log.open(encoding='utf-8', errors='replace') as file:
                tail = deque((line.rstrip() for line in file), maxlen=LOG_LINES)
            return f'; the end of {log}:\n' + '\n'.join(f'    {line}' for line in tail)
    return ''
