"""Training logs of mmdetection 2.x, mmsegmentation 0.x and the authors' classification code."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError

#: `Epoch [1/300][0/2503]\tlr 0.033333`: the iteration counts from 0.
_LINE = re.compile(r'Epoch \[(\d+)/(\d+)\]\[(\d+)/(\d+)\]\s+lr (\d+(?:\.\d+)?(?:e-?\d+)?)')
#: mmcv 1.x rounds every number of its JSON log to 5 decimals (`TextLoggerHook._round_float`).
_JSON_DECIMALS = 5
#: No config counts further, and a log of unknown origin shall not fill the memory.
_LONGEST_RANGE = 100_000
#: Iterations of an epoch or of a run; the schedule is stepped through every one.
_LONGEST_RUN = 100_000_000


@dataclass(frozen=True)
class LoggedRate:
    """One printed learning rate.

    Attributes:
        epoch: From 1; in a log that counts iterations only, what it prints.
        iteration: Which iteration of the epoch it drove, from 0; of the run, if ``Log.by_epoch``
            is false.
        value: As printed.
        decimals: How many were printed.
    """

    epoch: int
    iteration: int
    value: float
    decimals: int


@dataclass
class Log:
    """What a training log says about its recipe.

    Attributes:
        path: Where it was read.
        rates: Every learning rate, in order.
        epoch_length: Iterations an epoch; in a JSON log, the last one that was logged.
        has_epoch_length: Whether the log prints it.
        length: Epochs, or iterations if ``by_epoch`` is false, that the run was meant to have;
            None if the log does not say.
        by_epoch: Whether iterations start anew with every epoch.
        config: The resolved config that mmdetection and mmsegmentation write first, else empty.
    """

    path: Path
    rates: list[LoggedRate] = field(default_factory=list)
    epoch_length: int = 0
    has_epoch_length: bool = False
    length: int | None = None
    by_epoch: bool = True
    config: dict[str, Any] = field(default_factory=dict)


def read_log(path: Path) -> Log:
    """Read a ``.log`` or ``.log.json`` file.

    Raises:
        InputError: If it cannot be read, or holds no learning rate.
    """
    try:
        lines = path.read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'cannot read the log {path}: {error}') from error
    is_json = bool(lines) and lines[0].startswith('{')
    log = _read_json(path, lines) if is_json else _read_text(path, lines)
    if not log.rates:
        raise InputError(
            f'no learning rate in {path}: expected lines such as "Epoch [1/300][0/2503] lr 0.03", '
            'or the JSON log of mmdetection 2.x or mmsegmentation 0.x'
        )
    return log


def _read_text(path: Path, lines: list[str]) -> Log:
    log = Log(path, has_epoch_length=True)
    for number, line in enumerate(lines, start=1):
        if match := _LINE.search(line):
            epoch, epochs, iteration, length = (int(count) for count in match.groups()[:4])
            rate = match[5]
            if not (1 <= epoch <= epochs and iteration < length and epochs * length < _LONGEST_RUN):
                raise InputError(f'{path}, line {number}: no run has {match[0]!a}')
            if log.rates and (epochs, length) != (log.length, log.epoch_length):
                raise InputError(
                    f'{path}, line {number}: {epochs} epochs of {length} iterations, and '
                    f'{log.length} of {log.epoch_length} before: expected the log of one run'
                )
            decimals = -int(Decimal(rate).as_tuple().exponent)
            log.rates.append(LoggedRate(epoch, iteration, float(rate), decimals))
            log.length, log.epoch_length = epochs, length
    return log


def _read_json(path: Path, lines: list[str]) -> Log:
    log = Log(path)
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
        except ValueError as error:
            if number == len(lines) and log.rates:
                # A run that was killed leaves half a line.
                break
            raise InputError(f'{path}, line {number} is not JSON: {error}') from error
        try:
            if 'config' in entry:
                log.config = parse_config(entry['config'])
            elif entry.get('mode') == 'train':
                epoch, iteration = int(entry['epoch']), int(entry['iter'])
                if not (epoch >= 1 and 1 <= iteration < _LONGEST_RUN):
                    raise ValueError(f'epoch {epoch}, iteration {iteration}')
                rate = float(entry['lr'])
                log.rates.append(LoggedRate(epoch, iteration - 1, rate, _JSON_DECIMALS))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise InputError(
                f'{path}, line {number} is not an entry of a training log: {error}'
            ) from error
    log.by_epoch, log.length = run_length(log.config)
    log.epoch_length = max((rate.iteration + 1 for rate in log.rates), default=0)
    return log


def run_length(config: dict[str, Any]) -> tuple[bool, int | None]:
    """Whether a run counts epochs, and how many of them, or of iterations, its config asks for."""
    runner = config.get('runner')
    if not isinstance(runner, dict):
        # Before there were runners: mmdetection and mmsegmentation had a name each.
        runner = {f'max_{unit}': config.get(f'total_{unit}') for unit in ('epochs', 'iters')}
    by_epoch = runner.get('type') != 'IterBasedRunner' and runner.get('max_iters') is None
    length = runner.get('max_epochs' if by_epoch else 'max_iters')
    return by_epoch, length if type(length) is int else None


def parse_config(text: str) -> dict[str, Any]:
    """The assignments of a dumped config, without running it.

    Only literals, and calls of ``dict`` and ``range``, are Python that such a dump holds.

    Raises:
        ValueError: If there is anything else in it.
    """
    config = {}
    try:
        statements = ast.parse(text).body
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f'the config does not parse: {error}') from error
    for statement in statements:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            raise ValueError(f'the config holds more than assignments: {ast.unparse(statement)}')
        config[statement.targets[0].id] = _literal(statement.value)
    return config


def _range(*ends: int) -> list[int]:
    numbers = range(*ends)
    if len(numbers) > _LONGEST_RANGE:
        raise ValueError(f'{len(numbers)} numbers')
    return list(numbers)


_CALLS: dict[str, Callable[..., Any]] = {'dict': dict, 'range': _range}


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Call):
        call = _CALLS.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if call is None:
            raise ValueError(f'the config calls something: {ast.unparse(node)}')
        named = {keyword.arg: _literal(keyword.value) for keyword in node.keywords if keyword.arg}
        arguments = [_literal(argument) for argument in node.args]
        try:
            return call(*arguments, **named)
        except (TypeError, ValueError) as error:
            raise ValueError(f'the config calls {ast.unparse(node)}: {error}') from error
    if isinstance(node, (ast.List, ast.Tuple)):
        # A dump does not tell the two apart reliably; neither does what reads them.
        return [_literal(element) for element in node.elts]
    if isinstance(node, ast.Dict):
        return {
            ast.literal_eval(key): _literal(value)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None
        }
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ValueError(f'the config holds more than literals: {ast.unparse(node)}') from None
