"""What a training run left: its best checkpoint, and whether it reached its end."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from rm_mm.recipe.literal import parse_literals
from rm_mm.run.resume.latest import reached


def _modified(path: Path) -> float:
    return path.stat().st_mtime


def best_checkpoint(directory: Path, metric: str | None = None) -> Path | None:
    """Return the checkpoint of a run's best evaluation; None if it kept none.

    ``metric`` is the metric that counts, as the log names it: a run may keep the best of several.
    """
    found = sorted(directory.glob('best_*.pth'), key=_modified)
    start = f'best_{metric.replace("/", "_")}_' if metric else ''
    matching = [path for path in found if path.name.startswith(start)]
    return (matching or found)[-1] if found else None


def unfinished(directory: Path) -> str | None:
    """Return how far an unfinished run got, such as ``epoch 12 of 300``; None if it is finished.

    The last checkpoint tells how far. The length is in ``environment.json``, or, for a run of
    another tool, in the config next to it. A run of unknown length counts as finished.
    """
    if (progress := reached(directory)) is None:
        return None
    unit, number = progress
    length = _length(directory, f'max_{unit}s')
    return f'{unit} {number} of {length}' if number < length else None


def _length(directory: Path, key: str) -> int:
    """Return the planned length of a run; 0 if it is unknown."""
    environment = directory / 'environment.json'
    if environment.is_file():
        # The file may be damaged.
        with suppress(ValueError, KeyError, TypeError):
            return int(json.loads(environment.read_text(encoding='utf-8'))['length'][key])
    configs = sorted(directory.glob('*.py'), key=_modified)
    if not configs:
        return 0
    values = parse_literals(configs[-1].read_text(encoding='utf-8'), strict=False)
    loop = values.get('train_cfg')
    return int(loop.get(key) or 0) if isinstance(loop, dict) else 0
