"""A log, line by line, whatever its size and whatever is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rm_mm.errors import InputError

#: The first line of mmcv's logs holds the whole config; nothing known is longer than that.
LONGEST = 2**24


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        number: From 1.
        text: Without its end; what is no UTF-8 is replaced.
        cut: Whether it is longer than any line of a log, or the last one and without an end.
    """

    number: int
    text: str
    cut: bool


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a file, holding one at a time.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        with path.open('rb') as file:
            number = 0
            while piece := file.readline(LONGEST):
                number += 1
                whole = piece.endswith(b'\n')
                rest = piece
                while not rest.endswith(b'\n') and (rest := file.readline(LONGEST)):
                    pass
                # Some editors begin a file with a mark.
                coding = 'utf-8-sig' if number == 1 else 'utf-8'
                text = piece.decode(coding, 'replace').rstrip('\r\n')
                yield Line(number, text, cut=not whole)
    except OSError as error:
        raise InputError(f'cannot read the log {path}: {error.strerror or error}') from error
