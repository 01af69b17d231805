"""Picture files next to the records: mixed training images, and predictions of the methods."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rm_mm.records import PICTURES

#: Limits of a page and of one file, in bytes on disk. Base64 makes them a third larger.
LARGEST_TOTAL = 4_000_000
_LARGEST_FILE = 300_000
_TYPES = {'PNG': 'png', 'JPEG': 'jpeg'}


@dataclass
class Pictures:
    """The pictures of a page. Files with the same content are stored once.

    Attributes:
        symbols: ``data:`` URL of each picture by its key; None if it cannot be shown.
        problems: What was left out, and why; an ordered set.
    """

    symbols: dict[str, str | None] = field(default_factory=dict)
    problems: dict[str, None] = field(default_factory=dict)
    _total: int = 0

    def add(self, path: Path) -> str | None:
        """Add a picture and return its key; None if it is missing, damaged, or the page is full."""
        try:
            content = path.read_bytes()
        except OSError as error:
            self.report(f'{path}: {error.strerror or error}')
            return None
        key = 'p' + hashlib.sha256(content).hexdigest()[:16]
        if key not in self.symbols:
            self.symbols[key] = self._data_url(path, content)
        return key if self.symbols[key] else None

    def report(self, problem: str) -> None:
        """Note what was left out; repeated notes count once."""
        self.problems[problem] = None

    def _data_url(self, path: Path, content: bytes) -> str | None:
        if len(content) > _LARGEST_FILE or self._total + len(content) > LARGEST_TOTAL:
            self.report(
                f'{path}: left out, because a page holds at most {LARGEST_TOTAL / 1e6:g} MB of '
                f'pictures of at most {_LARGEST_FILE / 1e3:g} kB each'
            )
            return None
        if (kind := _kind(content)) is None:
            self.report(f'{path}: not a whole picture')
            return None
        self._total += len(content)
        return f'data:image/{kind};base64,{base64.b64encode(content).decode("ascii")}'


def _kind(content: bytes) -> str | None:
    """Format of a picture; None unless it decodes to the last pixel."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=list(_TYPES)) as image:
            image.load()
            return _TYPES[str(image.format)]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def read_description(path: Path) -> dict[str, Any] | None:
    """The JSON description of pictures; None if the file is missing or damaged."""
    try:
        values = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def folder_of(record_path: Path) -> Path:
    """Folder in which the suite keeps the pictures of a record's run."""
    return record_path.parent.parent / PICTURES / record_path.stem
