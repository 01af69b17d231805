"""What a run changed of its recipe, key by key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rm_mm.recipe.flat import flatten


def config_diff(recipe: Any, run: Any, work_dir: Path) -> dict[str, list[Any]]:
    """Compare two resolved configs.

    Args:
        recipe: As it stands below ``configs/``.
        run: What was run.
        work_dir: Paths below it are given from it, so that a record does not name this machine's.

    Returns:
        ``[recipe, run]`` for each flat key that differs; None where one has no such key.
    """
    before, after = (flatten(_plain(config.to_dict())) for config in (recipe, run))
    keys = [*after, *(key for key in before if key not in after)]
    return {
        key: [_below(config.get(key), work_dir) for config in (before, after)]
        for key in keys
        if before.get(key) != after.get(key)
    }


def _plain(values: Any) -> Any:
    return json.loads(json.dumps(values, default=str))


def _below(value: Any, work_dir: Path) -> Any:
    if isinstance(value, str) and Path(value).is_relative_to(work_dir):
        return str(Path(value).relative_to(work_dir))
    return value
