"""From figures to places on paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """A straight line from figures to pixels.

    Attributes:
        low: Lowest figure.
        high: Highest; above ``low``.
        start: Where the lowest is, in pixels.
        end: Where the highest is; may be before ``start``.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a figure."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def step_of(low: float, high: float, count: int) -> float:
    """The roundest step that makes at most ``count`` intervals of a range."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))


def ticks(low: float, high: float, step: float) -> list[float]:
    """The multiples of a step inside a range, its ends included."""
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def label(value: float, step: float) -> str:
    """A tick's figure, with as many digits as its step has."""
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if not math.isclose(round(step, digits), step, rel_tol=1e-6):
        digits += 1
    text = f'{value:.{digits}f}'
    return text.replace('-', '\N{MINUS SIGN}') if float(text) else text.lstrip('-')


def around(values: Sequence[float], margin: float = 0.06) -> tuple[float, float]:
    """A range with room around figures; one figure alone is in the middle of it."""
    low, high = min(values), max(values)
    room = (high - low) * margin or max(abs(high) * 0.05, 0.5)
    return low - room, high + room
