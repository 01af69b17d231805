"""Measure several ways of doing the same thing in turn, and compare them by ratios.

Absolute times depend on the machine and on the moment. So each repetition measures every way once,
in a rotating order, and ratios are computed within a repetition. The report shows the median of the
ratios with their minimum and maximum.
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

#: Fewer repetitions give no reliable median.
REPETITIONS = 7


@dataclass(frozen=True)
class Bar:
    """A target for ``way / reference``, or for ``way`` itself if there is no reference.

    Attributes:
        way: Name of the measured way.
        reference: Name of the way that it is compared with.
        bound: Value that has to be reached.
        at_most: Whether ``bound`` is an upper bound rather than a lower one.
    """

    way: str
    reference: str | None
    bound: float
    at_most: bool = True

    def reached(self, found: float) -> bool:
        """Return whether a value is on the right side of the bound."""
        return found <= self.bound if self.at_most else found >= self.bound

    def of(self, figures: Mapping[str, Sequence[float]]) -> list[float]:
        """Return the ratio (or the figure) of each repetition."""
        if self.reference is None:
            return [*figures[self.way]]
        pairs = zip(figures[self.way], figures[self.reference], strict=True)
        return [figure / reference for figure, reference in pairs]

    def __str__(self) -> str:
        what = self.way if self.reference is None else f'{self.way} / {self.reference}'
        return f'{what} {"<=" if self.at_most else ">="} {self.bound:g}'


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks share."""
    found = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument(
        '--repetitions', type=int, default=REPETITIONS, help=f'(default {REPETITIONS})'
    )
    found.add_argument('--json', type=Path, metavar='FILE', help='write every figure to FILE')
    return found


def alternate(ways: Mapping[str, Callable[[], float]], repetitions: int) -> dict[str, list[float]]:
    """Measure each way ``repetitions`` times in turn, after one warm-up that does not count.

    Args:
        ways: Functions by name. Each measures once and returns the figure.
        repetitions: Number of measurements per way.

    Returns:
        The figures of each way, one per repetition.
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
    """Print the table and write all figures as JSON.

    Args:
        name: Name of the benchmark.
        unit: Unit of the figures.
        figures: Figures of each way, one per repetition.
        bars: Targets to report.
        target: JSON file to write.
        facts: Further facts about the run, for the JSON file.

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
    """Describe the machine: processor, usable cores, package versions."""
    model = platform.processor() or platform.machine()
    for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines():
        if line.startswith('model name'):
            model = line.partition(':')[2].strip()
            break
    packages = {name: found for name, found in versions().items() if name != 'machine'}
    return {'processor': model, 'cores': len(os.sched_getaffinity(0)), 'versions': packages}


def _spread(values: Sequence[float]) -> str:
    """Format the median with the minimum and the maximum."""
    return f'{statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})'
