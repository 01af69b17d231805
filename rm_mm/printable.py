"""What a file of unknown origin says, made fit for a terminal."""

from __future__ import annotations

# Longer than any name in the model zoos; a name made to flood the screen is cut.
_LONGEST = 160


def printable(value: object) -> str:
    r"""Show ``value`` on one line of plain ASCII.

    Control characters, and with them terminal escapes, come out as ``\x1b`` and the like.
    """
    text = ascii(str(value))[1:-1]
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + '...'
