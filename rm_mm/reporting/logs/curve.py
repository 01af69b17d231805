"""What a log says of a run, whatever its format."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: How many names are kept, and how many of the lines that could not be read; all are counted.
NAMED = 3


@dataclass(frozen=True)
class Evaluation:
    """One evaluation.

    Attributes:
        epoch: From 1; 0 if the log does not count them.
        iteration: The last one before it; of the epoch or of the run, as the log counts.
        step: As the log itself numbers it, if it does.
        values: What was measured, in per cent, by metric.
    """

    epoch: int
    iteration: int
    step: int | None
    values: dict[str, float]


@dataclass
class LoggedRun:
    """A run, from its log.

    Attributes:
        path: Of the log.
        kind: Whose log it is.
        names: What the log calls the run: a config, an experiment.
        config: Of mmdetection 2.x or mmsegmentation 0.x, as the log's first line has it.
        seed: If the log says.
        restarts: How often it goes back.
        given_up: Evaluations that a restart made void.
        earlier: Logs of runs before this one, in the same folder, that this one began anew.
        stride: The most iterations between two lines of training.
        made_again: Evaluations of a point that had one already, which counts no more.
        by_iteration: Whether its iterations are counted through all epochs; None until that shows.
        memory_mb: The most that was logged, of one GPU.
        seconds: What its training took, as far as it was logged.
        unread: Number and fault of the first lines that could not be read.
        unread_count: Of all such lines.
        length: Of its schedule, if its config says.
        stated_unit: What its own steps count, if its config says.
        others: What was evaluated that is no figure of a table, as the log calls it.
    """

    path: Path
    kind: str
    names: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    restarts: int = 0
    given_up: int = 0
    made_again: int = 0
    earlier: int = 0
    stride: int = 1
    by_iteration: bool | None = None
    memory_mb: float | None = None
    unread: list[tuple[int, str]] = field(default_factory=list)
    unread_count: int = 0
    others: list[str] = field(default_factory=list)
    stated_unit: str | None = None
    length: int | None = None
    _made: dict[tuple[int, int], Evaluation] = field(default_factory=dict)
    _epoch: int = 0
    _iteration: int = 0
    _guessed: bool = False
    seconds: float = 0.0
    _timed: int = 0

    def train(self, epoch: int, iteration: int) -> int:
        """Go on to a training iteration; going back means that the run was restarted there.

        What was evaluated after it belongs to a part that the run itself gave up.

        Returns:
            How many iterations were trained since the last call, as far as it shows.
        """
        if self.by_iteration is None and epoch > self._epoch > 0:
            # Else a new epoch begins anew.
            self.by_iteration = iteration > self._iteration
            self._guessed = True
        elif self._guessed and epoch > self._epoch and iteration <= self._iteration:
            # Lines are missing: what goes back does not reach a later epoch.
            self.by_iteration = False
        before = (self._epoch, self._iteration)
        back = iteration < self._iteration if self.by_iteration else (epoch, iteration) < before
        if back:
            self.restarts += 1
            gone = (0, iteration) if self.by_iteration else (epoch, iteration)
            kept = {
                key: made
                for key, made in self._made.items()
                if ((0, made.iteration) if self.by_iteration else key) < gone
            }
            self.given_up += len(self._made) - len(kept)
            self._made = kept
        anew = epoch != self._epoch and not self.by_iteration
        done = iteration - (0 if anew else self._iteration)
        self._epoch, self._iteration = epoch, iteration
        self.stride = max(self.stride, done)
        return max(done, 0)

    def evaluate(self, values: dict[str, float], *, epoch: int, step: int | None = None) -> None:
        """Take up an evaluation; one that is made again counts instead of the first.

        Raises:
            ValueError: If a value is no percentage; the others are taken up.
        """
        odd = [name for name, value in values.items() if not -1e-6 <= value <= 100 + 1e-6]
        if kept := {name: value for name, value in values.items() if name not in odd}:
            made = Evaluation(epoch, self._iteration, step, kept)
            key = (epoch, self._iteration) if step is None else (0, step)
            # One that is made again counts from now on.
            self.made_again += self._made.pop(key, None) is not None
            self._made[key] = made
        if odd:
            raise ValueError(f'{odd[0]} is {values[odd[0]]:g}, which is no percentage')

    def time(self, seconds: float, iterations: int) -> None:
        """Add what some iterations took together."""
        if math.isfinite(seconds) and seconds > 0 < iterations:
            self.seconds += seconds
            self._timed += iterations

    def name(self, said: str) -> None:
        """Add what the log calls the run, once."""
        if said not in self.names:
            self.names = [*self.names, said][-NAMED:]

    def note_other(self, said: str) -> None:
        """Add what was evaluated that is no figure of a table, once."""
        if said not in self.others and len(self.others) < 2 * NAMED:
            self.others.append(said)

    def fault(self, number: int, said: str) -> None:
        """Note a line that could not be read."""
        self.unread_count += 1
        if len(self.unread) < NAMED:
            self.unread.append((number, said))

    @property
    def seconds_an_iteration(self) -> float | None:
        """The mean over what was logged; None if nothing was."""
        return self.seconds / self._timed if self._timed else None

    @property
    def evaluations(self) -> list[Evaluation]:
        """In the order of the run; those that a restart made again stand once."""
        return list(self._made.values())

    @property
    def step_unit(self) -> str:
        """What :meth:`curve` counts in."""
        made = self.evaluations
        if made and made[0].step is not None:
            if self.stated_unit:
                return self.stated_unit
            return 'epoch' if all(one.step == one.epoch for one in made) else 'iteration'
        return 'iteration' if self._counts_iterations() else 'epoch'

    def curve(self, metric: str) -> list[tuple[int, float]]:
        """Every value of a metric, with its step, in the order of the steps."""
        iterations = self._counts_iterations()

        def step(made: Evaluation) -> int:
            if made.step is not None:
                return made.step
            return made.iteration if iterations else made.epoch

        found = [(step(e), e.values[metric]) for e in self.evaluations if metric in e.values]
        return sorted(found, key=lambda point: point[0])

    def _counts_iterations(self) -> bool:
        """As the log shows; where it ends in its first epoch, by several evaluations of that."""
        if self.by_iteration is not None:
            return self.by_iteration
        epochs = [made.epoch for made in self.evaluations]
        return len(epochs) > len(set(epochs))

    def metrics(self) -> list[str]:
        """What was measured, the first evaluation's first."""
        return list(dict.fromkeys(name for made in self.evaluations for name in made.values))
