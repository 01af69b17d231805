"""The recipe of a logged run: its learning rates, its length, and its config if the log has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rm_mm.errors import InputError
from rm_mm.logs.formats import UNREADABLE, HeaderEntry, TrainingEntry, detect_format
from rm_mm.logs.lines import BrokenLineError, read_lines
from rm_mm.recipe.literal import parse_literals

#: mmcv 1.x rounds every number of its JSON log to 5 decimals (`TextLoggerHook._round_float`).
_JSON_DECIMALS = 5
#: Iterations of a run, or of an epoch. A schedule is stepped through every one of them.
_LONGEST_RUN = 100_000_000
_EXPECTED = (
    'expected lines such as "Epoch [1/300][0/2503] lr 0.03", or the JSON log of mmdetection 2.x or '
    'mmsegmentation 0.x'
)


class LoggedRate(NamedTuple):
    """A learning rate in a log.

    Attributes:
        epoch: From 1, as logged.
        iteration: Iteration that used the rate, from 0: of the epoch, or of the run if
            ``RecipeLog.by_epoch`` is false.
        value: As logged.
        decimals: Number of decimals in the log.
    """

    epoch: int
    iteration: int
    value: float
    decimals: int


@dataclass
class RecipeLog:
    """What a training log says about its recipe.

    Attributes:
        path: The log.
        rates: In the order of the log.
        epoch_length: Iterations of an epoch; in a JSON log, the last iteration logged.
        has_epoch_length: Whether the log states the length of an epoch.
        length: Planned epochs of the run, or iterations if ``by_epoch`` is false; None if unknown.
        by_epoch: Whether iterations are counted anew in each epoch.
        config: Resolved config that mmdetection 2.x or mmsegmentation 0.x logged; may be empty.
    """

    path: Path
    rates: list[LoggedRate] = field(default_factory=list)
    epoch_length: int = 0
    has_epoch_length: bool = False
    length: int | None = None
    by_epoch: bool = True
    config: dict[str, Any] = field(default_factory=dict)


def read_recipe_log(path: Path) -> RecipeLog:
    """Read a ``.log`` of the authors' classification code, or a ``.log.json`` of mmcv 1.x.

    Raises:
        InputError: If the file cannot be read, holds no learning rate, or has a damaged line. The
            last line of a killed run may be cut.
    """
    log_format = detect_format(path)
    log = RecipeLog(path)
    problem = ''
    if log_format.by_iteration:
        raise InputError(f'{path} is a log of {log_format.name}: {_EXPECTED}')
    for line in read_lines(path):
        if problem:
            raise InputError(problem)
        try:
            entry = log_format.parse(line)
            if isinstance(entry, TrainingEntry):
                _add_rate(log, entry)
            elif isinstance(entry, HeaderEntry) and entry.config is not None:
                log.config = parse_literals(entry.config)
        except UNREADABLE as error:
            problem = f'{path}, line {line.number} is not an entry of a training log: {error}'
            if not isinstance(error, BrokenLineError):
                raise InputError(problem) from error
    if not log.rates:
        raise InputError(problem or f'no learning rate in {path}: {_EXPECTED}')
    if not log.has_epoch_length:
        log.by_epoch, log.length = planned_length(log.config)
        log.epoch_length = max(rate.iteration + 1 for rate in log.rates)
    return log


def _add_rate(log: RecipeLog, entry: TrainingEntry) -> None:
    """Add the learning rate of an entry.

    Raises:
        ValueError: If no run has such an entry, or if it belongs to another run.
    """
    epoch, iteration, plan, _, figures = entry
    if plan is None:
        if not (epoch >= 1 and 1 <= iteration < _LONGEST_RUN):
            raise ValueError(f'no run has epoch {epoch}, iteration {iteration}')
        log.rates.append(LoggedRate(epoch, iteration - 1, float(figures['lr']), _JSON_DECIMALS))
        return
    if (text := figures.get('lr')) is None:
        return
    epochs, length = map(int, plan)
    if not (1 <= epoch <= epochs and iteration < length and epochs * length < _LONGEST_RUN):
        raise ValueError(f'no run has "Epoch [{epoch}/{epochs}][{iteration}/{length}]"')
    if log.rates and (epochs, length) != (log.length, log.epoch_length):
        raise ValueError(
            f'{epochs} epochs of {length} iterations, after {log.length} of {log.epoch_length}: '
            'expected the log of one run'
        )
    mantissa, _, exponent = text.partition('e')
    decimals = len(mantissa.partition('.')[2]) - int(exponent or 0)
    log.rates.append(LoggedRate(epoch, iteration, float(text), decimals))
    log.length, log.epoch_length, log.has_epoch_length = epochs, length, True


def planned_length(config: Mapping[str, Any]) -> tuple[bool, int | None]:
    """Whether a config of mmcv 1.x counts epochs, and how many epochs or iterations it plans."""
    runner = config.get('runner')
    if not isinstance(runner, dict):
        # Older configs have `total_epochs` or `total_iters` instead.
        runner = {f'max_{unit}': config.get(f'total_{unit}') for unit in ('epochs', 'iters')}
    by_epoch = runner.get('type') != 'IterBasedRunner' and runner.get('max_iters') is None
    length = runner.get('max_epochs' if by_epoch else 'max_iters')
    return by_epoch, length if type(length) is int else None
