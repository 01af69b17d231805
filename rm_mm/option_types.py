"""What the command line takes for lists, fractions and paths; each raises argparse's own error."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from rm_mm.names import DATASETS

_DATASET_SPELLINGS = {
    'imagenet1k': 'imagenet', 'in1k': 'imagenet', 'ilsvrc2012': 'imagenet', 'coco2017': 'coco',
    'mscoco': 'coco', 'ade': 'ade20k', 'adechallengedata2016': 'ade20k',
}  # fmt: skip


def names(allowed: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """A comma-separated list, kept in the order of ``allowed``."""

    def parse(text: str) -> tuple[str, ...]:
        given = [name.strip() for name in text.split(',') if name.strip()]
        unknown = [name for name in given if name not in allowed]
        if unknown or not given:
            raise argparse.ArgumentTypeError(
                f'expected names from {",".join(allowed)}, got {text!a}'
            )
        return tuple(name for name in allowed if name in given)

    return parse


def seeds(text: str) -> tuple[int, ...]:
    """A comma-separated list of numbers from 0, in order, each once."""
    try:
        seeds = sorted({int(part) for part in text.split(',')})
    except ValueError:
        seeds = [-1]
    # NumPy's generators take 32 bits.
    if min(seeds) < 0 or max(seeds) >= 2**32:
        raise argparse.ArgumentTypeError(f'expected numbers such as 0,1,2, got {text!a}')
    return tuple(seeds)


def count(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'expected a whole number from 1, got {text!a}')
    return int(text)


def path(text: str) -> Path:
    """A file or folder, which need not be there; ``~`` is a home."""
    try:
        found = Path(text).expanduser()
        # A link that leads back to itself fails here, and nowhere else as clearly.
        found.resolve()
    except (RuntimeError, OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f'cannot be a path: {text!a}: {error}') from error
    return found


def dataset(text: str) -> str:
    """The name of a data set, as people spell it: ``ImageNet-1k``, ``coco2017``."""
    plain = text.lower().translate({ord(sign): None for sign in '-_ .'})
    name = _DATASET_SPELLINGS.get(plain, plain)
    if name not in DATASETS:
        raise argparse.ArgumentTypeError(f'expected one of {", ".join(DATASETS)}, got {text!a}')
    return name


def scale(text: str) -> float:
    """A number in (0, 1]."""
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale <= 1:
        raise argparse.ArgumentTypeError(f'expected a number in (0, 1], got {text!a}')
    return scale
