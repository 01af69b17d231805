"""Which figure of a run goes into its record, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rm_mm.errors import InputError
from rm_mm.recipe.config import entries, type_name


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


def metric_of(config: Any, name: str = '') -> Metric:
    """The metric that a config's validation reports: ``expected.metric``, or else the usual one.

    Args:
        config: A resolved mmengine config of any of the three stacks.
        name: What to call it.

    Raises:
        InputError: If its evaluators report none that is known here, and it does not name one.
    """
    evaluators = entries(config.get('val_evaluator'))
    known = [metric for evaluator in evaluators for metric in _reported(evaluator)]
    named = (config.get('expected') or {}).get('metric')
    if named:
        same = [metric for metric in known if metric.key == named]
        return same[0] if same else Metric(named, 1.0, named)
    if known:
        return known[0]
    raise InputError(
        (f'{name}: ' if name else '')
        + 'no metric: the config validates with none of Accuracy (top 1), CocoMetric (bbox, segm), '
        'VOCMetric (mAP), IoUMetric (mIoU); name the one that counts, as the log spells it: '
        "expected = dict(metric='…')"
    )


def _reported(evaluator: Any) -> list[Metric]:
    """What an evaluator reports, the figure that counts first."""
    kind = type_name(evaluator)
    if evaluator.get('format_only'):
        return []
    if kind == 'Accuracy':
        metrics = [Metric('top1', 1.0, 'top1_percent')] if _has(evaluator, 'topk', 1) else []
        default = 'accuracy'
    elif kind == 'CocoMetric':
        kinds = {'bbox': 'box_ap_percent', 'segm': 'mask_ap_percent'}
        metrics = [
            Metric(f'{part}_mAP', 100.0, name)
            for part, name in kinds.items()
            if _has(evaluator, 'metric', part, default='bbox')
        ]
        default = 'coco'
    elif kind == 'VOCMetric':
        metrics = [Metric('mAP', 100.0, 'map_percent')] * _has(evaluator, 'metric', 'mAP')
        default = 'pascal_voc'
    elif kind == 'IoUMetric':
        metrics = [Metric('mIoU', 1.0, 'miou_percent')] * _has(evaluator, 'iou_metrics', 'mIoU')
        default = ''
    else:
        return []
    prefix = evaluator.get('prefix') or default
    return [
        Metric(f'{prefix}/{metric.key}'.lstrip('/'), metric.factor, metric.name)
        for metric in metrics
    ]


def _has(evaluator: Any, key: str, wanted: Any, default: Any = None) -> bool:
    """Whether an argument, one value or several, holds this one; the usual one if not given."""
    value = evaluator.get(key, default)
    return value is None or wanted in entries(value)
