"""What all charts share: a panel with axes, its words, and its figures as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rm_mm.reporting.page.markup import Child, Markup, tag
from rm_mm.reporting.page.scale import Scale, label, step_of, ticks

#: Of a panel, in pixels at the width of a phone, so that its letters are readable there.
WIDTH, HEIGHT = 340, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 10, 36


@dataclass(frozen=True)
class Axes:
    """Where figures lie in a panel."""

    x: Scale
    y: Scale


def axes(
    x: tuple[float, float], y: tuple[float, float], height: float = HEIGHT, left: float = LEFT
) -> Axes:
    """The axes of a panel over two ranges."""
    return Axes(Scale(*x, left, WIDTH - RIGHT), Scale(*y, height - BOTTOM, TOP))


def x_axis(scale: Scale, title: str, height: float = HEIGHT, *, whole: bool = False) -> Markup:
    """Grid lines, figures and title of the horizontal axis.

    Args:
        scale: Of the axis.
        title: What is on it.
        height: Of the panel.
        whole: Whether only whole figures make sense, as of epochs.
    """
    base = height - BOTTOM
    step = step_of(scale.low, scale.high, 5)
    if whole:
        step = max(1.0, float(math.ceil(step)))
    found = ticks(scale.low, scale.high, step)
    marks = [
        [
            tag('line', x1=scale(v), x2=scale(v), y1=TOP, y2=base, class_='grid'),
            tag('text', label(v, step), x=scale(v), y=base + 14, text_anchor='middle'),
        ]
        for v in found
    ]
    middle = (scale.start + scale.end) / 2
    name = tag('text', title, x=middle, y=height - 4, text_anchor='middle', class_='axis')
    return tag('g', marks, name, aria_hidden='true')


def y_axis(scale: Scale, left: float = LEFT) -> Markup:
    """Grid lines and figures of the vertical axis; its title is the panel's."""
    step = step_of(scale.low, scale.high, 5)
    marks = [
        [
            tag('line', x1=left, x2=WIDTH - RIGHT, y1=scale(v), y2=scale(v), class_='grid'),
            tag('text', label(v, step), x=left - 6, y=scale(v) + 4, text_anchor='end'),
        ]
        for v in ticks(scale.low, scale.high, step)
    ]
    return tag('g', marks, aria_hidden='true')


def drawing(title: str, *content: Child, height: float = HEIGHT) -> Markup:
    """The SVG of a panel, whose marks can be reached one by one."""
    return tag(
        'svg', content, viewBox=f'0 0 {WIDTH} {height:.0f}', class_='chart', role='group',
        aria_label=title,
    )  # fmt: skip


def panel(title: Child, svg: Child, *below: Child) -> Markup:
    """A chart under its title."""
    return tag('figure', tag('figcaption', title), svg, below, class_='panel')


def data_table(
    caption: str, header: Sequence[str], rows: Sequence[Sequence[Child]], text_columns: int = 1
) -> Markup:
    """The figures of a chart, folded away."""
    return tag(
        'details',
        tag('summary', 'Figures as a table', tag('span', f': {caption}', class_='unseen')),
        plain_table(caption, header, rows, text_columns),
    )


def plain_table(
    caption: str, header: Sequence[str], rows: Sequence[Sequence[Child]], text_columns: int = 1
) -> Markup:
    """A table that scrolls in its own box; the first column says what each row is of."""
    head = tag('tr', [tag('th', name, scope='col') for name in header])
    body = [
        tag(
            'tr',
            tag('th', row[0], scope='row'),
            [
                tag('td', value, class_=None if index < text_columns else 'figure')
                for index, value in enumerate(row[1:], 1)
            ],
        )
        for row in rows
    ]
    table = tag(
        'table', tag('caption', caption, class_='unseen'), tag('thead', head), tag('tbody', body)
    )
    return tag('div', table, class_='scroll small', tabindex='0', role='region', aria_label=caption)


def section(key: str, title: str, *content: Child) -> Markup:
    """A part of the page with its heading, and a way past it for the keyboard."""
    return tag(
        'section',
        tag('h2', title, id=f'{key}-title'),
        tag('a', 'Skip this section', href=f'#{key}-end', class_='skip'),
        content,
        tag('span', id=f'{key}-end', tabindex='-1'),
        id=key,
        aria_labelledby=f'{key}-title',
    )
