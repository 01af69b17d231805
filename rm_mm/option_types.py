"""What the command line takes for lists and fractions; each raises argparse's own error."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence


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


def scale(text: str) -> float:
    """A number in (0, 1]."""
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale <= 1:
        raise argparse.ArgumentTypeError(f'expected a number in (0, 1], got {text!a}')
    return scale
