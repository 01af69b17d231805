"""The lines of a log, whatever its size and content."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rm_mm.errors import InputError

#: Bytes of a line that are read. The longest known line is the config at the head of mmcv's logs.
LONGEST_LINE = 2**24


class BrokenLineError(ValueError):
    """Part of the line is missing, as at the end of the log of a killed run."""


class LogLine(NamedTuple):
    """One line of a log.

    Attributes:
        number: From 1.
        text: Without the line end. Bytes that are not UTF-8 are replaced.
        cut: Whether the line is incomplete: longer than ``LONGEST_LINE``, or without a line end.
    """

    number: int
    text: str
    cut: bool


def read_lines(path: Path) -> Iterator[LogLine]:
    """Yield the lines of a file, one in memory at a time.

    Raises:
        InputError: If the file cannot be read.
    """
    try:
        with path.open('rb') as file:
            # Some editors write a byte order mark.
            number, encoding = 1, 'utf-8-sig'
            while piece := file.readline(LONGEST_LINE):
                rest = piece
                while not rest.endswith(b'\n') and (rest := file.readline(LONGEST_LINE)):
                    pass
                text = piece.decode(encoding, 'replace').rstrip('\r\n')
                yield LogLine(number, text, not piece.endswith(b'\n'))
                number, encoding = number + 1, 'utf-8'
    except OSError as error:
        raise InputError(f'cannot read the log {path}: {error.strerror or error}') from error


def json_entry(line: LogLine) -> dict[str, Any] | None:
    """Parse a line of JSON; None if it is blank.

    Raises:
        BrokenLineError: If the line is not JSON.
        ValueError: If it is not an object.
    """
    if not line.text.strip():
        return None
    try:
        entry = json.loads(line.text)
    except (ValueError, RecursionError) as error:
        raise BrokenLineError(f'not JSON: {error}') from error
    if not isinstance(entry, dict):
        raise ValueError('expected a JSON object')
    return entry
