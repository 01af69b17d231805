"""Chart panels: scales, axes, the looks of methods, and the parts that the templates draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rm_mm.names import METHODS
from rm_mm.records import Record

#: Size and margins of a panel in pixels, at the width of a phone so that its text is legible there.
WIDTH, HEIGHT = 340, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 10, 36
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_INTERVALS = 5

#: Colours are ``.c0`` to ``.c7`` in the style sheet, safe for colour-blind readers.
COLOURS = 8
_DASHES = (None, '6 3', '2 2', '8 3 2 3', '12 4')
#: SVG paths around (0, 0) with about the same area.
_MARKERS = (
    'M0-4A4 4 0 1 1 0 4A4 4 0 1 1 0-4Z',
    'M-3.5-3.5H3.5V3.5H-3.5Z',
    'M0-4.8L4.4 3.2H-4.4Z',
    'M0-5L5 0L0 5L-5 0Z',
    'M0 4.8L4.4-3.2H-4.4Z',
    'M-1.5-4.5H1.5V-1.5H4.5V1.5H1.5V4.5H-1.5V1.5H-4.5V-1.5H-1.5Z',
    'M-4.5-2L0-5L4.5-2L3 4H-3Z',
)


@dataclass(frozen=True)
class Look:
    """How one method is drawn.

    Attributes:
        colour: Class of the style sheet.
        dash: Dash pattern of lines; None for solid lines.
        marker: SVG path of points.
    """

    colour: str
    dash: str | None
    marker: str


def looks(methods: Sequence[str]) -> dict[str, Look]:
    """The look of each method; built-in methods always have the same one."""
    order = [*METHODS, *(method for method in methods if method not in METHODS)]
    found = {
        method: Look(f'c{i % COLOURS}', _DASHES[i % len(_DASHES)], _MARKERS[i % len(_MARKERS)])
        for i, method in enumerate(order)
    }
    return {method: found[method] for method in methods}


@dataclass(frozen=True)
class Scale:
    """A linear map of the figures from ``low`` to ``high`` to the pixels from ``start`` to ``end``.

    ``high`` is above ``low``; ``end`` may be below ``start``.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a figure."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass(frozen=True)
class Axis:
    """A scale with its ticks, the pixel and label of each grid line, and its quantity and unit."""

    scale: Scale
    ticks: list[tuple[float, str]]
    title: str = ''


def around(values: Sequence[float], margin: float = 0.06) -> tuple[float, float]:
    """A range with a margin around figures; a single figure lies in its middle."""
    low, high = min(values), max(values)
    room = (high - low) * margin or max(abs(high) * 0.05, 0.5)
    return low - room, high + room


def horizontal(
    values: Sequence[float],
    title: str,
    *,
    left: float = LEFT,
    margin: float = 0.06,
    whole: bool = False,
) -> Axis:
    """The horizontal axis of a panel; ``whole`` limits ticks to integers, such as epochs."""
    return _axis(Scale(*around(values, margin), left, WIDTH - RIGHT), title, whole)


def vertical(values: Sequence[float]) -> Axis:
    """The vertical axis of a panel; the panel's title names its quantity."""
    return _axis(Scale(*around(values), HEIGHT - BOTTOM, TOP))


def _axis(scale: Scale, title: str = '', whole: bool = False) -> Axis:
    step = step_of(scale.low, scale.high, _INTERVALS)
    if whole:
        step = max(1.0, float(math.ceil(step)))
    found = ticks(scale.low, scale.high, step)
    return Axis(scale, [(scale(value), tick_label(value, step)) for value in found], title)


def step_of(low: float, high: float, count: int) -> float:
    """The roundest step that splits a range into at most ``count`` intervals."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))


def ticks(low: float, high: float, step: float) -> list[float]:
    """The multiples of a step in a closed range."""
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def tick_label(value: float, step: float) -> str:
    """The label of a tick, with as many decimals as the step needs."""
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if not math.isclose(round(step, digits), step, rel_tol=1e-6):
        digits += 1
    text = f'{value:.{digits}f}'
    return text.replace('-', '\N{MINUS SIGN}') if float(text) else text.lstrip('-')


@dataclass(frozen=True)
class Mark:
    """Part of a chart that leads to runs.

    Attributes:
        records: Records of the runs.
        label: Description in words.
        look: Look of the method.
        shape: What to draw, as unpacked by the chart's macro in ``charts.html``.
    """

    records: Sequence[Record]
    label: str
    look: Look
    shape: Any


@dataclass(frozen=True)
class DataTable:
    """Figures of a chart as a table; the first column names the rows."""

    caption: str
    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Panel:
    """One chart with its title and its figures.

    Attributes:
        title: Text above the chart.
        label: Description for screen readers.
        x: Horizontal axis.
        marks: In the order of drawing.
        table: The same figures as a table.
        y: Vertical axis; None if rows take its place.
        rows: Height of all rows in pixels.
        note: Sentence below the chart.
    """

    title: str
    label: str
    x: Axis
    marks: list[Mark]
    table: DataTable
    y: Axis | None = None
    rows: float = 0
    note: str = ''

    @property
    def height(self) -> float:
        """Height of the panel in pixels."""
        return TOP + self.rows + BOTTOM if self.rows else HEIGHT


def signed(value: float, digits: int) -> str:
    """A difference with its sign; minus is typeset as such."""
    return f'{value:+.{digits}f}'.replace('-', '\N{MINUS SIGN}')


def clipped(name: str, letters: int) -> str:
    """A name cut to a number of letters."""
    return name if len(name) <= letters else name[: letters - 1] + '…'
