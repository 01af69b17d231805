"""What a person sees while the cells run."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from rm_mm.recipe.metric import Metric
from rm_mm.suite.planning.plan import Cell

#: mmengine's own word for the time that a run has left, such as ``eta: 0:01:12``.
ETA = re.compile(r'eta: (?:(\d+) days?, )?(\d+):(\d\d):(\d\d)')
WHERE = re.compile(r'(Epoch|Iter)\(train\)\s*((?:\[\s*\d+(?:/\s*\d+)?\])+)')
QUIET_SECONDS = 30.0


def seconds_left(line: str) -> float | None:
    """The time left that a line of mmengine's log names, in seconds."""
    if not (found := ETA.search(line)):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds


def _evaluated(line: str, metric: Metric | None) -> float | None:
    """What a line of mmengine's log says of a metric after an evaluation, in per cent."""
    if metric is None or '(val)' not in line:
        return None
    found = re.search(rf'(?<!\S){re.escape(metric.key)}: (\d+(?:\.\d+)?)(?!\S)', line)
    return float(found.group(1)) * metric.factor if found else None


def clock(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02d}:{rest:02d}' if hours else f'{minutes}:{rest:02d}'


@dataclass
class _Running:
    """A cell under way: when it began, and what its log last said.

    Attributes:
        started: By the clock of this process.
        metric: Which figure of its evaluations is shown.
        left: Seconds.
        position: Epoch and iteration.
        value: Of the metric, in per cent.
    """

    started: float
    metric: Metric | None = None
    left: float | None = None
    position: str = ''
    value: float | None = None


class Progress:
    """Cells done and left, the time left, and how each does: one line that moves, or a plain log.

    The time of a cell that has not begun is estimated from the cells of this call that have, by
    their relative weights. May be called from several threads.

    Args:
        cells: What is to run.
        jobs: How many run at a time, as far as is known; may be changed.
        stream: A terminal gets one line that is rewritten; anything else a line now and then.
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
        """A cell begins; of its evaluations this figure is shown."""
        with self._lock:
            self._waiting.remove(cell)
            self._running[cell] = _Running(time.monotonic(), metric)
            self._show(f'{self._count()} {cell.name}: starting{self._left()}', always=True)

    def line(self, cell: Cell, text: str) -> None:
        """A line of a running cell's log."""
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

    def say(self, text: str) -> None:
        """Something about all of them."""
        with self._lock:
            self._show(f'{self._count()} {text}', always=True)

    def finish(
        self, cell: Cell, result: str, *, failed: bool = False, stopped: bool = False
    ) -> None:
        """A running cell is done, or failed, or was stopped with the call."""
        with self._lock:
            self._failed += failed
            self._stopped += stopped
            seconds = time.monotonic() - self._running.pop(cell).started
            self._seconds += seconds
            self._weight += cell.weight
            self._show(f'{self._count()} {cell.name}: {result}, {clock(seconds)}', always=True)

    def _count(self) -> str:
        over = self._total - len(self._waiting) - len(self._running)
        failed = f', {self._failed} failed' if self._failed else ''
        return f'[{over - self._failed - self._stopped}/{self._total} done{failed}]'

    def _left(self) -> str:
        """``, about 6:10 left``, as soon as anything has been measured."""
        now = time.monotonic()
        seconds, weight = self._seconds, self._weight
        for cell, state in self._running.items():
            if state.left is not None:
                seconds += now - state.started + state.left
                weight += cell.weight
        if not weight:
            return ''
        rate = seconds / weight
        running = [
            state.left
            if state.left is not None
            else max(cell.weight * rate - (now - state.started), 0.0)
            for cell, state in self._running.items()
        ]
        work = sum(running) + rate * sum(cell.weight for cell in self._waiting)
        return f', about {clock(max([work / self.jobs, *running]))} left'

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
