"""Picture files beside the records, into the page: whole, few, and each of them once."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

from rm_mm.records import PICTURES
from rm_mm.reporting.page.markup import Markup, tag

#: All pictures of a page together, in bytes as they are on disk; base64 makes a third more of it.
LARGEST_TOTAL = 4_000_000
_LARGEST_FILE = 300_000
_TYPES = {'PNG': 'png', 'JPEG': 'jpeg'}


class Pictures:
    """The pictures of a page. A file with the same content as an earlier one is not held twice."""

    def __init__(self) -> None:
        self._symbols: dict[str, Markup | None] = {}
        self._total = 0
        #: What was left out, and why.
        self.problems: dict[str, None] = {}

    def use(
        self, path: Path, width: float, height: float, look: str | None = None
    ) -> Markup | None:
        """A picture, stretched over a drawing.

        Args:
            path: Of the file.
            width: Of the drawing, in its units.
            height: Likewise.
            look: Class of the style sheet.

        Returns:
            None if the file is not there, is no whole picture, or the page is full.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            self.problems[f'{path}: {error.strerror or error}'] = None
            return None
        key = 'p' + hashlib.sha256(content).hexdigest()[:16]
        if key not in self._symbols:
            self._symbols[key] = self._symbol(key, path, content)
        if self._symbols[key] is None:
            return None
        return tag('use', href=f'#{key}', width=width, height=height, class_=look)

    def _symbol(self, key: str, path: Path, content: bytes) -> Markup | None:
        if len(content) > _LARGEST_FILE or self._total + len(content) > LARGEST_TOTAL:
            self.problems[
                f'{path}: left out, for a page holds {LARGEST_TOTAL / 1e6:g} MB of pictures, '
                f'{_LARGEST_FILE / 1e3:g} kB each'
            ] = None
            return None
        if (kind := _kind(content)) is None:
            self.problems[f'{path}: not a whole picture'] = None
            return None
        self._total += len(content)
        data = f'data:image/{kind};base64,{base64.b64encode(content).decode("ascii")}'
        image = tag('image', href=data, width='100%', height='100%', preserveAspectRatio='none')
        return tag('symbol', image, id=key)

    def symbols(self) -> Markup | None:
        """What :meth:`use` refers to, to stand once in the page; None if there is nothing."""
        found = [symbol for symbol in self._symbols.values() if symbol is not None]
        if not found:
            return None
        return tag('svg', found, width='0', height='0', class_='store', aria_hidden='true')


def _kind(content: bytes) -> str | None:
    """The format of a picture that decodes to its last pixel."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=list(_TYPES)) as image:
            image.load()
            return _TYPES[str(image.format)]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def read_description(path: Path) -> dict[str, Any] | None:
    """What stands beside pictures about them; None if it is not there or not whole."""
    try:
        values = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def folder_of(record_path: Path) -> Path:
    """Where the suite keeps the pictures of the run that a record is of."""
    return record_path.parent.parent / PICTURES / record_path.stem
