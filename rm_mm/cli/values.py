"""Parsers of option values; each raises argparse's own error."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError
from rm_mm.names import DATASETS

_DATASET_SPELLINGS = {
    'imagenet1k': 'imagenet', 'in1k': 'imagenet', 'ilsvrc2012': 'imagenet', 'coco2017': 'coco',
    'mscoco': 'coco', 'ade': 'ade20k', 'adechallengedata2016': 'ade20k',
}  # fmt: skip


def overrides(words: Sequence[str]) -> dict[str, Any]:
    """Parse ``--cfg-options KEY=VALUE ...`` as mmengine does.

    Raises:
        InputError: If a word is not of that form.
    """
    if not words:
        return {}
    from mmengine.config import DictAction

    if wrong := [word for word in words if '=' not in word]:
        raise InputError(f'--cfg-options takes KEY=VALUE, got {wrong[0]!a}')
    found = {}
    for word in words:
        key, _, value = word.partition('=')
        try:
            found[key] = DictAction._parse_iterable(value)
        except (AssertionError, ValueError, TypeError, IndexError) as error:
            raise InputError(f'--cfg-options {word}: {error}') from error
    return found


def seeds(text: str) -> list[int]:
    """Parse whole numbers separated by commas."""
    try:
        return [int(part) for part in text.split(',')]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'expected numbers such as 0,1,2, got {text!a}') from error


def count(text: str) -> int:
    """Parse a whole number, 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'expected a whole number from 1, got {text!a}')
    return int(text)


def path(text: str) -> Path:
    """Parse the path of a file or folder, which need not exist; ``~`` is expanded."""
    if not text.strip():
        # Likely an unset shell variable; the current folder would be a dot.
        raise argparse.ArgumentTypeError('expected a path, got nothing')
    try:
        found = Path(text).expanduser()
        # A link that leads back to itself fails here, with a clear message.
        found.resolve()
    except (RuntimeError, OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f'cannot be a path: {text!a}: {error}') from error
    return found


def dataset(text: str) -> str:
    """Parse the name of a data set in common spellings: ``ImageNet-1k``, ``coco2017``."""
    plain = text.lower().translate({ord(sign): None for sign in '-_ .'})
    name = _DATASET_SPELLINGS.get(plain, plain)
    if name not in DATASETS:
        raise argparse.ArgumentTypeError(f'expected one of {", ".join(DATASETS)}, got {text!a}')
    return name
