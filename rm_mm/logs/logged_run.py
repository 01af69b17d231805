"""A run as its logs show it: evaluations, restarts, pace and memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rm_mm.logs.formats import (
    UNREADABLE,
    EvaluationEntry,
    HeaderEntry,
    LogEntry,
    LogFormat,
    TrainingEntry,
    checked_count,
    detect_format,
)
from rm_mm.logs.lines import LONGEST_LINE, read_lines
from rm_mm.logs.recipe_log import planned_length
from rm_mm.recipe.literal import parse_literals

#: Names, and faulty lines, that are kept. All faulty lines are counted.
_KEPT = 3
#: Values of an entry that are not metrics.
_COUNTERS = ('mode', 'epoch', 'iter', 'step', 'lr', 'time', 'data_time', 'memory')


@dataclass(frozen=True)
class LoggedEvaluation:
    """One evaluation of a run.

    Attributes:
        epoch: From 1; 0 if the log does not count epochs.
        iteration: Last training iteration before it, of the epoch or of the run as the log counts.
        step: Number of the evaluation in the log; None if it has none.
        values: Metrics in percent, by their names in a record.
    """

    epoch: int
    iteration: int
    step: int | None
    values: dict[str, float]


@dataclass
class LoggedRun:
    """A run, read from its logs. Only its evaluations are kept, so that a log may have any size.

    Attributes:
        path: First log of the run.
        kind: Program that wrote the log.
        names: Names of the run in the log, such as its config or its experiment.
        config: Resolved config of the run; may be empty.
        seed: Logged seed; None if unknown.
        restarts: How often the log returns to an earlier iteration.
        discarded: Number of evaluations that a restart made void.
        repeated: Number of evaluations that a later one at the same point replaced.
        earlier: Number of logs in the folder that belong to runs before this one.
        stride: Most iterations between two lines of training.
        by_iteration: Whether iterations are counted through all epochs; None if unknown so far.
        memory_mb: Peak memory of one GPU; None if it was not logged.
        seconds: Time of training, as far as it was logged.
        unread: Line number and problem of the first lines that could not be read.
        unread_count: Number of all such lines.
        length: Planned length of the run, if its config has it.
        stated_unit: Unit of the evaluations' steps, if the config determines it.
        others: Names of evaluated values that are none of the known metrics.
    """

    path: Path
    kind: str
    names: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    restarts: int = 0
    discarded: int = 0
    repeated: int = 0
    earlier: int = 0
    stride: int = 1
    by_iteration: bool | None = None
    memory_mb: float | None = None
    seconds: float = 0.0
    unread: list[tuple[int, str]] = field(default_factory=list)
    unread_count: int = 0
    length: int | None = None
    stated_unit: str | None = None
    others: list[str] = field(default_factory=list)
    _evaluations: dict[tuple[int, int], LoggedEvaluation] = field(default_factory=dict)
    _position: tuple[int, int] = (0, 0)
    _by_iteration_is_guess: bool = False
    _timed_iterations: int = 0
    _last_logged: tuple[int, int, datetime] | None = None

    @property
    def seconds_an_iteration(self) -> float | None:
        """Mean time of an iteration; None if none was logged."""
        return self.seconds / self._timed_iterations if self._timed_iterations else None

    @property
    def evaluations(self) -> list[LoggedEvaluation]:
        """Evaluations in the order of the run, without those that a restart made void."""
        return list(self._evaluations.values())

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, those of the first evaluation first."""
        return list(dict.fromkeys(name for each in self.evaluations for name in each.values))

    @property
    def step_unit(self) -> str:
        """Unit of the steps of :meth:`curve`: ``epoch`` or ``iteration``."""
        evaluations = self.evaluations
        if evaluations and evaluations[0].step is not None:
            if self.stated_unit:
                return self.stated_unit
            by_epoch = all(each.step == each.epoch for each in evaluations)
            return 'epoch' if by_epoch else 'iteration'
        return 'iteration' if self._counts_iterations() else 'epoch'

    def curve(self, metric: str) -> list[tuple[int, float]]:
        """Every value of a metric with its step, sorted by step."""
        iterations = self._counts_iterations()

        def step(evaluation: LoggedEvaluation) -> int:
            if evaluation.step is not None:
                return evaluation.step
            return evaluation.iteration if iterations else evaluation.epoch

        points = [(step(e), e.values[metric]) for e in self.evaluations if metric in e.values]
        return sorted(points, key=lambda point: point[0])

    def _counts_iterations(self) -> bool:
        if self.by_iteration is not None:
            return self.by_iteration
        # A log that ends in its first epoch: several evaluations of one epoch.
        epochs = [evaluation.epoch for evaluation in self.evaluations]
        return len(epochs) > len(set(epochs))

    def read_part(self, path: Path, *, name_faults: bool) -> None:
        """Read one of the run's logs. Faulty lines are noted, with the log if ``name_faults``.

        Raises:
            InputError: If the log cannot be read, or has none of the known formats.
        """
        log_format = detect_format(path)
        self.kind, self._last_logged = log_format.name, None
        if log_format.by_iteration is not None:
            self.by_iteration = log_format.by_iteration
        self._read_config(path.with_name('config.py'))
        name = path.parent.parent.name if path.name == 'scalars.json' else path.name
        for line in read_lines(path):
            try:
                self._add(log_format.parse(line), log_format)
            except UNREADABLE as error:
                text = ' '.join(str(error).split())[:80] or type(error).__name__
                problem = 'cut' if line.cut else text
                self.unread_count += 1
                if len(self.unread) < _KEPT:
                    self.unread.append((line.number, f'{name}: ' * name_faults + problem))

    def _read_config(self, path: Path) -> None:
        """Read the config that mmengine saves next to its log, if it is there and a literal."""
        if self.kind != 'mmengine' or not path.is_file() or path.stat().st_size > LONGEST_LINE:
            return
        try:
            text = path.read_text(encoding='utf-8-sig', errors='replace')
            self.config = parse_literals(text)
        except (OSError, ValueError):
            return
        loop, hooks, randomness = (
            value if isinstance(value := self.config.get(key), dict) else {}
            for key in ('train_cfg', 'default_hooks', 'randomness')
        )
        length, seed = loop.get('max_iters', loop.get('max_epochs')), randomness.get('seed')
        self.length = length if type(length) is int else None
        self.seed = seed if type(seed) is int else self.seed
        if isinstance(logger := hooks.get('logger'), dict):
            # mmengine numbers evaluations by this, whatever the loop counts.
            by_epoch = logger.get('log_metric_by_epoch', True)
            self.stated_unit = 'epoch' if by_epoch else 'iteration'

    def _add(self, entry: LogEntry | None, log_format: LogFormat) -> None:
        if isinstance(entry, TrainingEntry):
            self._add_training(entry)
        elif isinstance(entry, EvaluationEntry):
            self._add_evaluation(entry, log_format)
        elif entry is not None:
            self._add_header(entry)

    def _add_header(self, entry: HeaderEntry) -> None:
        if entry.name is not None and entry.name not in self.names:
            self.names = [*self.names, entry.name][-_KEPT:]
        if entry.seed is not None:
            self.seed = entry.seed
        if entry.config is not None:
            self.config = parse_literals(entry.config)
            by_epoch, self.length = planned_length(self.config)
            self.by_iteration = not by_epoch

    def _add_training(self, entry: TrainingEntry) -> None:
        epoch, iteration, _, logged_at, figures = entry
        done = self._advance(epoch, iteration)
        if logged_at is not None:
            # Python 3.10 takes no comma.
            now, last = datetime.fromisoformat(logged_at.replace(',', '.')), self._last_logged
            if last and last[0] == epoch:
                self._add_time((now - last[2]).total_seconds(), iteration - last[1])
            self._last_logged = epoch, iteration, now
        if 'time' in figures:
            # The mean since the line before.
            self._add_time(float(figures['time']) * done, done)
        if 'memory' in figures and math.isfinite(memory := float(figures['memory'])):
            self.memory_mb = max(self.memory_mb or 0.0, memory)

    def _add_time(self, seconds: float, iterations: int) -> None:
        if math.isfinite(seconds) and seconds > 0 < iterations:
            self.seconds += seconds
            self._timed_iterations += iterations

    def _advance(self, epoch: int, iteration: int) -> int:
        """Move to a training iteration. If it is an earlier one, the run was restarted there.

        Returns:
            Iterations since the last call, as far as the log shows.
        """
        last_epoch, last_iteration = self._position
        if self.by_iteration is None and epoch > last_epoch > 0:
            # Iterations of an epoch would start anew here.
            self.by_iteration = iteration > last_iteration
            self._by_iteration_is_guess = True
        elif self._by_iteration_is_guess and epoch > last_epoch and iteration <= last_iteration:
            # The guess was wrong, because lines are missing: a restart reaches no later epoch.
            self.by_iteration = False
        if self.by_iteration:
            restarted = iteration < last_iteration
        else:
            restarted = (epoch, iteration) < self._position
        if restarted:
            self._discard_from(epoch, iteration)
        is_new_epoch = epoch != last_epoch and not self.by_iteration
        done = iteration - (0 if is_new_epoch else last_iteration)
        self._position = epoch, iteration
        self.stride = max(self.stride, done)
        return max(done, 0)

    def _discard_from(self, epoch: int, iteration: int) -> None:
        """Discard evaluations behind a restart: they belong to a part that the run gave up."""
        self.restarts += 1
        kept = {
            key: each
            for key, each in self._evaluations.items()
            if (each.iteration < iteration if self.by_iteration else key < (epoch, iteration))
        }
        self.discarded += len(self._evaluations) - len(kept)
        self._evaluations = kept

    def _add_evaluation(self, entry: EvaluationEntry, log_format: LogFormat) -> None:
        """Add an evaluation, in place of an earlier one at the same point.

        Raises:
            ValueError: If a value is not a percentage; the others are added.
        """
        values = log_format.percentages(entry.figures)
        if not values:
            new = (key for key in entry.figures if key not in (*_COUNTERS, *self.others))
            self.others = [*self.others, *new][: 2 * _KEPT]
            return
        point = checked_count(entry.point)
        last_epoch, iteration = self._position
        epoch, step = (last_epoch, point) if log_format.numbers_steps else (point, None)
        wrong = [name for name, value in values.items() if not -1e-6 <= value <= 100 + 1e-6]
        if kept := {name: value for name, value in values.items() if name not in wrong}:
            key = (epoch, iteration) if step is None else (0, step)
            # Removed first, so that it moves to the end.
            self.repeated += self._evaluations.pop(key, None) is not None
            self._evaluations[key] = LoggedEvaluation(epoch, iteration, step, kept)
        if wrong:
            raise ValueError(f'{wrong[0]} is {values[wrong[0]]:g}, not a percentage')


def read_run(path: Path, *more: Path) -> LoggedRun:
    """Read the log of a run, in any of the known formats.

    Args:
        path: First log of the run.
        more: Logs of the resumed run, in order. One that keeps no evaluation of those before it
            starts a new run, which is then the one that is returned.

    Raises:
        InputError: If a log cannot be read, or has none of the known formats.
    """
    run = LoggedRun(path, '')
    run.read_part(path, name_faults=bool(more))
    for number, part in enumerate(more, 1):
        before = run.evaluations
        run.read_part(part, name_faults=True)
        if before and not any(one is other for one in before for other in run.evaluations):
            run = LoggedRun(part, '', earlier=number)
            run.read_part(part, name_faults=True)
    return run
