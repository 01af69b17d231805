"""Which figure of a run goes into its record, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rm_mm.errors import InputError


@dataclass(frozen=True)
class Metric:
    """One figure of mmengine's logs.

    Attributes:
        key: What the logs call it.
        factor: That makes it per cent.
        name: What records call it, with its unit.
    """

    key: str
    factor: float
    name: str


#: By the evaluator's class: the prefix that it puts before its keys, and the metric that counts.
_EVALUATORS: dict[str, tuple[str, Callable[[Any], Metric]]] = {
    'Accuracy': ('accuracy', lambda _: Metric('top1', 1.0, 'top1_percent')),
    'CocoMetric': ('coco', lambda evaluator: _coco(evaluator)),
    'VOCMetric': ('pascal_voc', lambda _: Metric('mAP', 100.0, 'map_percent')),
    'IoUMetric': ('', lambda _: Metric('mIoU', 1.0, 'miou_percent')),
}


def metric_of(config: Any) -> Metric:
    """The metric that a config's validation reports.

    Args:
        config: A resolved mmengine config of any of the three stacks.

    Raises:
        InputError: If its evaluator is unknown and the config does not name a metric itself.
    """
    entries = config.get('val_evaluator') or []
    for evaluator in [entries] if isinstance(entries, dict) else entries:
        kind = str(evaluator.get('type')).rpartition('.')[2].rstrip("'>")
        if kind in _EVALUATORS:
            prefix, choose = _EVALUATORS[kind]
            metric = choose(evaluator)
            prefix = evaluator.get('prefix') or prefix
            return Metric(f'{prefix}/{metric.key}'.lstrip('/'), metric.factor, metric.name)
    if named := (config.get('expected') or {}).get('metric'):
        return Metric(named, 1.0, named)
    raise InputError(
        f'no metric: the config validates with none of {", ".join(_EVALUATORS)}; name the one that '
        "counts, as the log spells it: expected = dict(metric='…')"
    )


def _coco(evaluator: Any) -> Metric:
    kinds = evaluator.get('metric', 'bbox')
    if 'bbox' in ([kinds] if isinstance(kinds, str) else kinds):
        return Metric('bbox_mAP', 100.0, 'box_ap_percent')
    return Metric('segm_mAP', 100.0, 'mask_ap_percent')
