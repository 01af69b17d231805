"""What a run left about itself, for its record: what it ran on, how fast, in how much memory."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
