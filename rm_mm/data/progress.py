"""Progress of a long operation, on standard error."""

from __future__ import annotations

import shutil
import sys
import time

from rm_mm.errors import printable

_SECONDS_ON_TERMINAL = 0.1
_SECONDS_IN_LOG = 30.0


class ProgressLine:
    """Shows the latest line: in place on a terminal, and every 30 seconds in a log."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        # In a log, operations that take less than 30 seconds stay silent.
        self._next = 0.0 if self._live else time.monotonic() + _SECONDS_IN_LOG
        self._shown = False

    def __call__(self, line: str) -> None:
        """Show a line, unless the previous one is too recent; control characters are escaped."""
        now = time.monotonic()
        if now < self._next:
            return
        if self._live:
            self._next = now + _SECONDS_ON_TERMINAL
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f'\r\x1b[K{printable(line)[:width]}')
        else:
            self._next = now + _SECONDS_IN_LOG
            sys.stderr.write(f'{printable(line)}\n')
        sys.stderr.flush()
        self._shown = self._live

    def clear(self) -> None:
        """Remove the line from a terminal."""
        if self._shown:
            sys.stderr.write('\r\x1b[K')
            sys.stderr.flush()
            self._shown = False
