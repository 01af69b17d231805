"""Figures of each class, from the evaluators of mmdetection and mmsegmentation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process

from rm_mm.files import write_json
from rm_mm.names import PER_CLASS
from rm_mm.recipe.config import entries, type_name
from rm_mm.recipe.metric import metric_of

#: Suffix of the key of a class's figure, and the factor that makes it per cent.
_SUFFIXES = {'_precision': 100.0, '_IoU': 1.0}


def ask_per_class(config: Any) -> None:
    """Make the test evaluators of a config report each class too, in place."""
    for evaluator in entries(config.get('test_evaluator')):
        kind = type_name(evaluator)
        if kind == 'CocoMetric':
            evaluator['classwise'] = True
            # Boxes and masks would write to the same keys: evaluate the one that counts.
            name = metric_of(config).name
            if name in ('box_ap_percent', 'mask_ap_percent'):
                evaluator['metric'] = 'bbox' if name == 'box_ap_percent' else 'segm'
        elif kind == 'IoUMetric':
            # Registers the metric; only here is mmsegmentation sure to be installed.
            import rm_mm.run.details.iou  # noqa: F401

            evaluator['type'] = 'mmseg.PerClassIoUMetric'


def read_per_class(metrics: Mapping[str, Any], classes: Sequence[str]) -> dict[str, float]:
    """Return the figures of the classes in the result of an evaluation, in per cent.

    Only of classes that occur in the ground truth, since the figures of others are NaN.
    """
    found = {}
    for key, value in metrics.items():
        for suffix, factor in _SUFFIXES.items():
            if key.endswith(suffix) and math.isfinite(float(value)):
                name = key.removesuffix(suffix)
                found[name] = found[name.partition('/')[2]] = round(float(value) * factor, 2)
    return {name: found[name] for name in classes if name in found}


def write_per_class(runner: Any, metrics: Mapping[str, Any], folder: Path) -> None:
    """Write the figures of the classes after an evaluation."""
    if is_main_process():
        classes = (runner.test_evaluator.dataset_meta or {}).get('classes') or ()
        write_json(folder / PER_CLASS, read_per_class(metrics, classes))
