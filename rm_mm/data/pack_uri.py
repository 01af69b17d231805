"""How a packed data set is named: ``lmdb://FILE.lmdb``, and what is in it behind a slash."""

from __future__ import annotations

import os

PREFIX, SUFFIX = 'lmdb://', '.lmdb'


def split_uri(uri: str) -> tuple[str, str]:
    """The pack's file, and the name in it; the empty name is the root.

    Raises:
        ValueError: If it names no such file.
    """
    parts = uri.removeprefix(PREFIX).split('/')
    for index, part in enumerate(parts):
        if part.endswith(SUFFIX) and uri.startswith(PREFIX):
            name = [each for each in parts[index + 1 :] if each]
            return os.path.expanduser('/'.join(parts[: index + 1])), '/'.join(name)
    raise ValueError(f'{uri}: expected {PREFIX}FILE{SUFFIX}, a file that rm-mm data pack wrote')
