"""How far something that takes long is, on standard error."""

from __future__ import annotations

import shutil
import sys
import time

_SECONDS_ON_TERMINAL = 0.1
_SECONDS_IN_LOG = 30.0


class ProgressLine:
    """One line that is written anew on a terminal, and a line now and then elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        # The first line of a log comes when it turns out to take long.
        self._next = 0.0 if self._live else time.monotonic() + _SECONDS_IN_LOG
        self._shown = False

    def __call__(self, line: str) -> None:
        """Show a line, if it is time for one."""
        now = time.monotonic()
        if now < self._next:
            return
        if self._live:
            self._next = now + _SECONDS_ON_TERMINAL
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f'\r\x1b[K{line[:width]}')
        else:
            self._next = now + _SECONDS_IN_LOG
            sys.stderr.write(f'{line}\n')
        sys.stderr.flush()
        self._shown = self._live

    def clear(self) -> None:
        """Leave a terminal as if nothing had been shown."""
        if self._shown:
            sys.stderr.write('\r\x1b[K')
            sys.stderr.flush()
            self._shown = False
