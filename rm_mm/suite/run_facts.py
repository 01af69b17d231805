"""What a run left about itself, for its record: its curve, what it ran on, how fast it was."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rm_mm.errors import RejectedError
from rm_mm.recipe.batch import RECIPES_BATCH
from rm_mm.recipe.metric import Metric

#: Of ``environment.json``: the rest is in the record already, or of this machine alone.
_FACTS = (
    'device', 'cuda', 'cudnn', 'processes', 'threads', 'batch_size', 'workers', 'deterministic',
    'git_commit',
)  # fmt: skip


def read_environment(directory: Path) -> dict[str, Any]:
    """``environment.json`` of a training run, or else of its last evaluation; empty if none.

    Args:
        directory: Work directory of the run.
    """
    own = directory / 'environment.json'
    found = [own] if own.is_file() else sorted(directory.glob('*/environment.json'))[-1:]
    return json.loads(found[0].read_text(encoding='utf-8')) if found else {}


def facts_of(environment: dict[str, Any]) -> dict[str, Any]:
    """Versions and machine, and what the run was on it."""
    chosen = {name: environment[name] for name in _FACTS if name in environment}
    return {**environment.get('versions', {}), **chosen}


def read_entries(directory: Path) -> Iterator[dict[str, Any]]:
    """Every entry of mmengine's ``scalars.json`` of a run, the resumed parts of it in order.

    A half-written last line, as a killed run leaves it, is passed over.
    """
    for log in sorted(directory.glob('*/vis_data/scalars.json')):
        with log.open(encoding='utf-8', errors='replace') as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                except json.JSONDecodeError:
                    continue
                if isinstance(entry, dict):
                    yield entry


def read_pace(directory: Path) -> tuple[float | None, float | None]:
    """Median seconds of a training iteration, and the most memory of one process, in MB.

    Memory is the GPU's where there is one, as mmengine logs it, and else the process's own.
    """
    entries = [entry for entry in read_entries(directory) if 'iter' in entry]
    times = [float(entry['time']) for entry in entries if 'time' in entry]
    memory = [float(entry['memory']) for entry in entries if 'memory' in entry]
    own = read_environment(directory).get('peak_memory_mb')
    seconds = round(statistics.median(times), 4) if times else None
    return seconds, max(memory) if memory else own


def read_floor(metrics: Path, metric: Metric) -> list[tuple[int, float]]:
    """The one evaluation of a network that was not trained, from `rm-mm test --out`."""
    value = json.loads(metrics.read_text(encoding='utf-8')).get(metric.key)
    if value is None:
        raise RejectedError(f'no {metric.key} in {metrics}, or it is not a number')
    return [(0, round(float(value) * metric.factor, 4))]


def read_batch(environment: dict[str, Any]) -> str | None:
    """What a run's ``environment.json`` says of a batch that is not the recipe's."""
    note = environment.get('batch')
    return None if note == RECIPES_BATCH else note


def read_curve(directory: Path, metric: Metric) -> list[tuple[int, float]]:
    """Every evaluation of a run, from mmengine's ``scalars.json``, in per cent.

    A run that was resumed left several logs; where two name the same step, the later one counts.

    Args:
        directory: Work directory of the run.
        metric: What to look for.

    Returns:
        ``(step, value)``, by step.
    """
    curve: dict[int, float] = {}
    for entry in read_entries(directory):
        if metric.key in entry and 'step' in entry:
            value = float(entry[metric.key]) * metric.factor
            curve[int(entry['step'])] = round(value, 4)
    return sorted(curve.items())
