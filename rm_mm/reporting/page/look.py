"""How each method looks: colour, dashes and marker, all three different for neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rm_mm.names import METHODS
from rm_mm.reporting.page.markup import Markup, tag

#: Colours are ``.c0`` to ``.c7`` in the style sheet, safe for colour-blind eyes.
COLOURS = 8
_DASHES = (None, '6 3', '2 2', '8 3 2 3', '12 4')
#: Paths around (0, 0), of about the same area.
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
        dash: Of its lines; None for a solid one.
        marker: Path of its points.
    """

    colour: str
    dash: str | None
    marker: str

    def point(self, x: float, y: float) -> Markup:
        """A marker at a place."""
        return tag('path', d=self.marker, transform=f'translate({x:.1f} {y:.1f})', class_='point')


def looks(methods: Sequence[str]) -> dict[str, Look]:
    """The look of each method; those that everybody knows always have the same."""
    own = [method for method in methods if method not in METHODS]
    order = {method: index for index, method in enumerate([*METHODS, *own])}
    return {
        method: Look(
            f'c{order[method] % COLOURS}',
            _DASHES[order[method] % len(_DASHES)],
            _MARKERS[order[method] % len(_MARKERS)],
        )
        for method in methods
    }


def sample(look: Look) -> Markup:
    """A piece of line with a marker, for a legend."""
    line = tag('line', x1=0, x2=26, y1=7, y2=7, class_='line', stroke_dasharray=look.dash)
    return tag(
        'svg', line, look.point(13, 7), viewBox='0 0 26 14', width='26', height='14',
        class_=f'sample {look.colour}', aria_hidden='true',
    )  # fmt: skip


def legend(methods: Sequence[str], known: dict[str, Look]) -> Markup:
    """Methods, each with a sample of its line."""
    entries = [tag('li', sample(known[method]), tag('span', method)) for method in methods]
    return tag('ul', entries, class_='legend', aria_label='Legend')
