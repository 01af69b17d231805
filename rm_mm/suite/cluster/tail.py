"""The lines that a file grows by."""

from __future__ import annotations

from pathlib import Path


class Tail:
    """Reads a log that somebody else writes.

    Args:
        path: It need not be there yet.
        most: How many bytes of what it holds already are read.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path, self._most = path, most
        self._at: int | None = None
        self._rest = b''

    def lines(self) -> list[str]:
        """The whole lines since the last time."""
        try:
            with self._path.open('rb') as file:
                size = file.seek(0, 2)
                if self._at is None or self._at > size:
                    self._at, self._rest = max(size - self._most, 0), b''
                file.seek(self._at)
                *whole, self._rest = (self._rest + file.read(size - self._at)).split(b'\n')
                self._at = size
        except OSError:
            return []
        return [line.decode('utf-8', 'replace') for line in whole]
