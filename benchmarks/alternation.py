"""Ways of doing the same, measured in turn in one run, and the ratios between them.

Machines and moments differ, so no figure stands alone: each repetition measures every way once, in
an order that rotates, and a ratio is taken within a repetition. What is told is the median of the
ratios and how far they spread.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rm_mm.files import write_json
from rm_mm.run.environment import versions

#: Fewer are no measurement.
REPETITIONS = 7


@dataclass(frozen=True)
class Bar:
    """What has to be reached: ``way / reference`` at most or at least ``bound``.

    Without a reference it is the figure itself.
    """

    way: str
    reference: str | None
    bound: float
    at_most: bool = True

    def reached(self, found: float) -> bool:
        """Whether it is on the right side."""
        return found <= self.bound if self.at_most else found >= self.bound

    def of(self, figures: Mapping[str, Sequence[float]]) -> list[float]:
        """Of each repetition, since machines and moments differ."""
        if self.reference is None:
            return [*figures[self.way]]
        pairs = zip(figures[self.way], figures[self.reference], strict=True)
        return [figure / reference for figure, reference in pairs]

    def __str__(self) -> str:
        what = self.way if self.reference is None else f'{self.way} / {self.reference}'
        return f'{what} {"<=" if self.at_most else ">="} {self.bound:g}'


def parser(doc: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    found = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument(
        '--repetitions', type=int, default=REPETITIONS, help=f'(default {REPETITIONS})'
    )
    found.add_argument('--json', type=Path, metavar='FILE', help='write every figure to FILE')
    return found


def alternate(ways: Mapping[str, Callable[[], float]], repetitions: int) -> dict[str, list[float]]:
    """Measure each way ``repetitions`` times, in turn; the first of all is not counted.

    Args:
        ways: A name, and what measures it once and returns the figure.
        repetitions: How often.

    Returns:
        The figures of each way, one a repetition.
    """
    for measure in ways.values():
        measure()
    figures: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for repetition in range(repetitions):
        start = repetition % len(names)
        for name in names[start:] + names[:start]:
            figures[name].append(ways[name]())
    return figures


def report(
    name: str,
    unit: str,
    figures: Mapping[str, Sequence[float]],
    bars: Sequence[Bar],
    *,
    target: Path | None = None,
    facts: Mapping[str, object] = {},
) -> bool:
    """Print the table, and write everything as JSON.

    Args:
        name: Of the benchmark.
        unit: Of the figures.
        figures: Of each way, one a repetition.
        bars: What to tell of them, and what it has to reach.
        target: A file for the JSON.
        facts: What else is to be known of the run.

    Returns:
        Whether every bar was reached.
    """
    print(f'{name}: {unit}, median of {len(next(iter(figures.values())))} in alternation')
    width = max(len(way) for way in figures)
    for way, values in figures.items():
        print(f'  {way:{width}}  {_spread(values)}')
    judged = []
    for bar in bars:
        found = bar.of(figures)
        reached = bar.reached(statistics.median(found))
        print(f'  {bar}: {_spread(found)}, {"reached" if reached else "NOT REACHED"}')
        judged.append(vars(bar) | {'found': found, 'reached': reached})
    sys.stdout.flush()
    if target:
        write_json(
            target,
            {
                'benchmark': name,
                'unit': unit,
                'facts': dict(facts),
                'machine': machine(),
                'figures': {way: list(values) for way, values in figures.items()},
                'bars': judged,
            },
        )
    return all(each['reached'] for each in judged)


def machine() -> dict[str, object]:
    """What the figures were taken on: processor, cores that may be used, versions."""
    model = platform.processor() or platform.machine()
    for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines():
        if line.startswith('model name'):
            model = line.partition(':')[2].strip()
            break
    packages = {name: found for name, found in versions().items() if name != 'machine'}
    return {'processor': model, 'cores': len(os.sched_getaffinity(0)), 'versions': packages}


def _spread(values: Sequence[float]) -> str:
    """Median, least and most."""
    return f'{statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})'
