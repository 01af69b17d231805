"""The ``scalars.json`` files that mmengine writes into the work directory of a run."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rm_mm.errors import RejectedError
from rm_mm.logs.lines import json_entry, read_lines
from rm_mm.recipe.metric import Metric


class TrainingPace(NamedTuple):
    """Median time of an iteration and peak memory of one process; None where unknown."""

    seconds_an_iteration: float | None
    memory_mb: float | None


def read_scalars(directory: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of every ``scalars.json`` in a run's work directory, in order.

    A resumed run leaves several files. Lines that are not entries are skipped, such as the
    half-written last line of a run that was killed.
    """
    for log in sorted(directory.glob('*/vis_data/scalars.json')):
        for line in read_lines(log):
            try:
                entry = json_entry(line)
            except ValueError:
                continue
            if entry is not None:
                yield entry


def evaluation_curve(directory: Path, metric: Metric) -> list[tuple[int, float]]:
    """Every evaluation in a run's work directory: ``(step, percent)``, by step.

    Where a resumed run evaluated a step again, the later value counts.
    """
    curve = {
        int(entry['step']): round(float(entry[metric.key]) * metric.factor, 4)
        for entry in read_scalars(directory)
        if metric.key in entry and 'step' in entry
    }
    return sorted(curve.items())


def untrained_curve(metrics: Path, metric: Metric) -> list[tuple[int, float]]:
    """The single evaluation, at step 0, of an untrained network.

    Args:
        metrics: File that ``rm-mm test --out`` wrote.
        metric: Metric to look for.

    Raises:
        RejectedError: If the file does not hold the metric.
    """
    value = json.loads(metrics.read_text(encoding='utf-8')).get(metric.key)
    if value is None:
        raise RejectedError(f'{metrics} holds no value of {metric.key}')
    return [(0, round(float(value) * metric.factor, 4))]


def training_pace(directory: Path, process_memory_mb: float | None = None) -> TrainingPace:
    """How fast the run of a work directory trained, and how much memory it took.

    mmengine logs the memory of a GPU only; without one, ``process_memory_mb`` is reported.
    """
    entries = [entry for entry in read_scalars(directory) if 'iter' in entry]
    times = [float(entry['time']) for entry in entries if 'time' in entry]
    memory = [float(entry['memory']) for entry in entries if 'memory' in entry]
    return TrainingPace(
        round(statistics.median(times), 4) if times else None,
        max(memory, default=process_memory_mb),
    )
