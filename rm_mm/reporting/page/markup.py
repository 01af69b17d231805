"""HTML and SVG that is escaped where it is made."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TypeAlias


class Markup(str):
    """Text that is markup already, and made by :func:`tag`."""

    __slots__ = ()


Child: TypeAlias = 'str | int | float | Iterable[Child] | None'

_VOID = {'br', 'img', 'meta', 'link', 'input'}


def number(value: float) -> str:
    """A coordinate: a tenth of a pixel is enough, and ``-0`` is nothing."""
    return f'{value + 0.0:.1f}'.removesuffix('.0').replace('-0', '0', 1 if value > -0.05 else 0)


def escaped(child: Child) -> str:
    """A child as markup; text is escaped, nothing is left of None."""
    if child is None:
        return ''
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return html.escape(child)
    if isinstance(child, int | float):
        return number(child)
    return ''.join(map(escaped, child))


def tag(element: str, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """One element.

    Args:
        element: Its name.
        *children: Text, which is escaped, elements, or lists of them; None is left out.
        **attributes: ``class_`` is ``class``, ``data_runs`` is ``data-runs``. None and False are
            left out, True stands alone, numbers are coordinates.
    """
    parts = [element]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip('_').replace('_', '-')
        if value is True:
            parts.append(key)
        else:
            text = value if isinstance(value, str) else number(value)
            parts.append(f'{key}="{html.escape(text)}"')
    start = f'<{" ".join(parts)}>'
    return Markup(start if element in _VOID else f'{start}{escaped(children)}</{element}>')
