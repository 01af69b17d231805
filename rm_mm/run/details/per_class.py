"""Figures of each class, out of the evaluators of mmdetection and mmsegmentation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rm_mm.recipe.config import entries, type_name
from rm_mm.recipe.metric import metric_of

#: What ends the key of a class's figure, and the factor that makes it per cent.
_ENDINGS = {'_precision': 100.0, '_IoU': 1.0}


def ask_per_class(config: Any) -> None:
    """Have the evaluators of a config's test report each class too, in place."""
    for evaluator in entries(config.get('test_evaluator')):
        kind = type_name(evaluator)
        if kind == 'CocoMetric':
            evaluator['classwise'] = True
            # Of boxes and masks the classes share their keys: the figure that counts.
            if metric_of(config).name in ('box_ap_percent', 'mask_ap_percent'):
                is_box = metric_of(config).name == 'box_ap_percent'
                evaluator['metric'] = 'bbox' if is_box else 'segm'
        elif kind == 'IoUMetric':
            # Registers it; mmsegmentation is there, for the config needs it.
            import rm_mm.run.details.iou  # noqa: F401

            evaluator['type'] = 'mmseg.PerClassIoUMetric'


def read_per_class(metrics: Mapping[str, Any], classes: Sequence[str]) -> dict[str, float]:
    """The figures of the classes, in per cent, in the order of the classes.

    Args:
        metrics: What the evaluation returned.
        classes: Names, as the data set has them.

    Returns:
        A figure for each class that has one: it is no number where the truth has none of it.
    """
    found = {}
    for key, value in metrics.items():
        for ending, factor in _ENDINGS.items():
            if key.endswith(ending) and math.isfinite(float(value)):
                name = key.removesuffix(ending)
                found[name] = found[name.partition('/')[2]] = round(float(value) * factor, 2)
    return {name: found[name] for name in classes if name in found}
