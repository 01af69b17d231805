"""Draw each JSON file of ``scaling.py`` as an SVG: medians with minimum and maximum."""

from __future__ import annotations

import argparse
import json
import re
import statistics
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

TITLES = {
    'step_time_by_batch': ('One step, 224 pixels', 'images a step', 's'),
    'step_memory_by_batch': ('Peak memory of a step, 224 pixels', 'images a step', 'MB'),
    'step_time_by_size': ('One step of 16 images', 'pixels a side', 's'),
    'step_memory_by_size': ('Peak memory of a step of 16 images', 'pixels a side', 'MB'),
    'workers': ('What the loader delivers', 'workers', 'images/s'),
    'report_by_records': ('rm-mm report, all formats', 'records', 's'),
    'processes': ('Training over gloo', '', 'images/s'),
}
#: Distinguishable without colour.
MARKS = ('o-', 's--')


def draw(axes: Axes, name: str, figures: dict[str, list[float]]) -> None:
    """Draw a line per way over the number in the names, or bars if the names have no number."""
    title, below, unit = TITLES[name]
    axes.set_title(title, fontsize=11)
    axes.set_ylabel(unit)
    if not below:
        middles = [statistics.median(values) for values in figures.values()]
        spread = [
            [
                middle - min(values)
                for middle, values in zip(middles, figures.values(), strict=True)
            ],
            [
                max(values) - middle
                for middle, values in zip(middles, figures.values(), strict=True)
            ],
        ]
        axes.bar(
            [name.replace(', ', ',\n') for name in figures],
            middles,
            yerr=spread,
            capsize=4,
            color='#4477aa',
        )
        axes.tick_params(axis='x', labelsize=6)
        return
    lines: dict[str, list[tuple[int, list[float]]]] = {}
    for key, values in figures.items():
        number = re.search(r'\d+', key)
        assert number, key
        way = key.replace(number.group(), '').strip()
        lines.setdefault(way, []).append((int(number.group()), values))
    for mark, (way, points) in zip(MARKS[: len(lines)], lines.items(), strict=True):
        across, values = zip(*points, strict=True)
        middles = [statistics.median(each) for each in values]
        axes.plot(across, middles, mark, label=way)
        axes.fill_between(across, [*map(min, values)], [*map(max, values)], alpha=0.2)
    axes.set_xlabel(below)
    if below != 'records':
        # Label only the measured values.
        axes.set_xticks(sorted({number for points in lines.values() for number, _ in points}))
    axes.set_ylim(bottom=0)
    if len(lines) > 1:
        axes.legend()


def main() -> None:
    """Draw every known file in the folder."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument('folder', type=Path, nargs='?', default=Path('docs/performance'))
    folder = options.parse_args().folder
    # The same figures give the same file, and text stays text.
    mpl.rcParams |= {'svg.hashsalt': 'rm_mm', 'svg.fonttype': 'none'}
    for path in sorted(folder.glob('*.json')):
        if path.stem not in TITLES:
            continue
        figure, axes = plt.subplots(figsize=(5, 3.2), layout='constrained')
        draw(axes, path.stem, json.loads(path.read_text(encoding='utf-8'))['figures'])
        figure.savefig(path.with_suffix('.svg'), metadata={'Date': None})
        plt.close(figure)
        print(path.with_suffix('.svg'))


if __name__ == '__main__':
    main()
