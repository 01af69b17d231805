"""The progress of running cells, on a terminal or in a log."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from rm_mm.recipe.metric import Metric
from rm_mm.records import Record
from rm_mm.suite.plan.cells import Cell
from rm_mm.suite.units import duration

#: Remaining time in a line of mmengine's log, such as ``eta: 0:01:12``.
ETA = re.compile(r'eta: (?:(\d+) days?, )?(\d+):(\d\d):(\d\d)')
WHERE = re.compile(r'(Epoch|Iter)\(train\)\s*((?:\[\s*\d+(?:/\s*\d+)?\])+)')
QUIET_SECONDS = 30.0


def seconds_left(line: str) -> float | None:
    """Return the remaining time in a line of mmengine's log, in seconds."""
    if not (found := ETA.search(line)):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds


def _evaluated(line: str, metric: Metric | None) -> float | None:
    """Return the value of a metric in a line of mmengine's log after an evaluation, in percent."""
    if metric is None or '(val)' not in line:
        return None
    found = re.search(rf'(?<!\S){re.escape(metric.key)}: (\d+(?:\.\d+)?)(?!\S)', line)
    return float(found.group(1)) * metric.factor if found else None


@dataclass
class _Running:
    """State of a running cell: remaining seconds, epoch and iteration, latest metric in percent."""

    started: float
    metric: Metric | None
    left: float | None = None
    position: str = ''
    value: float | None = None


class Progress:
    """Shows finished cells, remaining time and the state of each running cell; thread-safe.

    The time of a cell that has not started is estimated from the cells that have, by their
    relative weights.

    Args:
        cells: Cells to run.
        jobs: Cells at a time, as far as known; may be changed.
        stream: Output. A terminal gets one line that is rewritten, anything else occasional lines.
    """

    def __init__(self, cells: Sequence[Cell], jobs: int = 1, stream: TextIO | None = None) -> None:
        self._waiting = list(cells)
        self._running: dict[Cell, _Running] = {}
        self._total, self.jobs = len(cells), jobs
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._failed = self._stopped = 0
        self._seconds = self._weight = 0.0
        self._shown = time.monotonic()
        self._lock = threading.Lock()

    def start(self, cell: Cell, metric: Metric | None = None) -> None:
        """Note that a cell has started; ``metric`` of its evaluations is shown."""
        with self._lock:
            self._waiting.remove(cell)
            self._running[cell] = _Running(time.monotonic(), metric)
            self._show(f'{self._count()} {cell.name}: starting{self._left()}', always=True)

    def line(self, cell: Cell, text: str) -> None:
        """Read a line of a running cell's log."""
        left = seconds_left(text)
        with self._lock:
            state = self._running[cell]
            if left is None:
                if (value := _evaluated(text, state.metric)) is not None:
                    state.value = value
                return
            if where := WHERE.search(text):
                state.left, state.position = left, re.sub(r'\s', '', where.group(2))
            so_far = '' if state.value is None else f' {state.value:.2f} %'
            self._show(f'{self._count()} {cell.name} {state.position}{so_far}{self._left()}')

    def announce(self, text: str) -> None:
        """Show a message about all cells."""
        with self._lock:
            self._show(f'{self._count()} {text}', always=True)

    def finish(self, cell: Cell, result: str, failed: bool = False, stopped: bool = False) -> None:
        """Note that a running cell has ended: done, failed, or stopped with the call."""
        with self._lock:
            self._failed += failed
            self._stopped += stopped
            seconds = time.monotonic() - self._running.pop(cell).started
            self._seconds += seconds
            self._weight += cell.weight
            self._show(f'{self._count()} {cell.name}: {result}, {duration(seconds)}', always=True)

    def finish_with(self, cell: Cell, record: Record) -> None:
        """Note that a running cell is done, with its record."""
        self.finish(cell, f'best {record.best:.2f}, last {record.last:.2f}')

    def _count(self) -> str:
        over = self._total - len(self._waiting) - len(self._running)
        failed = f', {self._failed} failed' if self._failed else ''
        return f'[{over - self._failed - self._stopped}/{self._total} done{failed}]'

    def _left(self) -> str:
        """Return ``, about 6:10 left``, once anything has been measured."""
        now = time.monotonic()
        seconds, weight = self._seconds, self._weight
        for cell, state in self._running.items():
            if state.left is not None:
                seconds += now - state.started + state.left
                weight += cell.weight
        if not weight:
            return ''
        rate = seconds / weight
        running = []
        for cell, state in self._running.items():
            expected = max(cell.weight * rate - (now - state.started), 0.0)
            running.append(expected if state.left is None else state.left)
        work = sum(running) + rate * sum(cell.weight for cell in self._waiting)
        return f', about {duration(max([work / self.jobs, *running]))} left'

    def _show(self, text: str, always: bool = False) -> None:
        now = time.monotonic()
        if self._live:
            self._stream.write('\r\x1b[K' + text + ('\n' if always else ''))
        elif always or now - self._shown > QUIET_SECONDS:
            self._stream.write(text + '\n')
        else:
            return
        self._shown = now
        self._stream.flush()
