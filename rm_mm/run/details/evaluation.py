"""``rm-mm test --details``: what one evaluation leaves for people to look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process

from rm_mm.files import write_json
from rm_mm.run.details.per_class import read_per_class
from rm_mm.run.details.predictions import PredictionsHook

PER_CLASS = 'per_class.json'


def watch_predictions(runner: Any, folder: Path, config_sha256: str) -> None:
    """Have an evaluation that is about to begin leave its pictures in a folder."""
    runner.register_hook(PredictionsHook(folder, config_sha256))


def write_per_class(runner: Any, metrics: Mapping[str, Any], folder: Path) -> None:
    """Write what an evaluation that is over found for each class."""
    if is_main_process():
        classes = (runner.test_evaluator.dataset_meta or {}).get('classes') or ()
        write_json(folder / PER_CLASS, read_per_class(metrics, classes))
