"""What the command line takes for lists, fractions and paths; each raises argparse's own error."""

from __future__ import annotations

import argparse
from pathlib import Path

from rm_mm.names import DATASETS, PRESETS

_DATASET_SPELLINGS = {
    'imagenet1k': 'imagenet', 'in1k': 'imagenet', 'ilsvrc2012': 'imagenet', 'coco2017': 'coco',
    'mscoco': 'coco', 'ade': 'ade20k', 'adechallengedata2016': 'ade20k',
}  # fmt: skip


def own_names(text: str) -> tuple[tuple[str | None, str | None], ...]:
    """A comma-separated list of names, paths of configs, and ``NAME=PATH``.

    What is none of these is passed on, and found with whatever else is wrong with the call.
    """
    found: list[tuple[str | None, str | None]] = []
    for part in (part.strip() for part in text.split(',')):
        name, separator, target = (piece.strip() for piece in part.partition('='))
        if separator:
            found.append((name, target))
        else:
            found.append((None, name) if name.endswith('.py') else (name, None))
    return tuple(found)


def preset(text: str) -> str:
    """The name of a preset, or the path of a YAML file."""
    if text not in PRESETS and not text.endswith(('.yaml', '.yml')):
        raise argparse.ArgumentTypeError(
            f'expected {", ".join(PRESETS)} or a file .yaml, got {text!a}'
        )
    return text


def price(text: str) -> float:
    """An amount of money, from 0."""
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float('inf'):
        raise argparse.ArgumentTypeError(f'expected a price such as 2.5, got {text!a}')
    return amount


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
    if not text.strip():
        # As of a variable that is not set; here would be meant by a dot.
        raise argparse.ArgumentTypeError('expected a path, got nothing')
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
