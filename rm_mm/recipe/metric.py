"""The metric of a run that goes into its record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rm_mm.errors import InputError
from rm_mm.recipe.config import entries, type_name


@dataclass(frozen=True)
class Metric:
    """One metric of mmengine's logs.

    Attributes:
        key: Name in the logs.
        factor: Factor that makes it a percentage.
        name: Name in records, with its unit.
    """

    key: str
    factor: float
    name: str


#: By evaluator: the argument that selects metrics, the prefix in the logs, the argument's default,
#: and the metric of each of its values.
_EVALUATORS: dict[str, tuple[str, str, Any, dict[Any, Metric]]] = {
    'Accuracy': ('topk', 'accuracy', None, {1: Metric('top1', 1.0, 'top1_percent')}),
    'CocoMetric': ('metric', 'coco', 'bbox', {
        'bbox': Metric('bbox_mAP', 100.0, 'box_ap_percent'),
        'segm': Metric('segm_mAP', 100.0, 'mask_ap_percent'),
    }),
    'VOCMetric': ('metric', 'pascal_voc', None, {'mAP': Metric('mAP', 100.0, 'map_percent')}),
    'IoUMetric': ('iou_metrics', '', None, {'mIoU': Metric('mIoU', 1.0, 'miou_percent')}),
}  # fmt: skip


def metric_of(config: Any, name: str = '') -> Metric:
    """Return the metric of a config: ``expected.metric``, or else the usual one of its evaluators.

    Args:
        config: A resolved mmengine config of any of the three libraries.
        name: Name of the config, for the message.

    Raises:
        InputError: If its evaluators report no known metric, and it does not name one.
    """
    evaluators = entries(config.get('val_evaluator'))
    known = [metric for evaluator in evaluators for metric in _reported(evaluator)]
    named = (config.get('expected') or {}).get('metric')
    if named:
        same = [metric for metric in known if metric.key == named]
        return same[0] if same else Metric(named, 1.0, named)
    if known:
        return known[0]
    place = f'{name}: ' if name else ''
    raise InputError(
        f'{place}no metric: the config validates with none of Accuracy (top 1), CocoMetric (bbox, '
        'segm), VOCMetric (mAP), IoUMetric (mIoU); name the one that counts, as the log spells it: '
        "expected = dict(metric='…')"
    )


def _reported(evaluator: Any) -> list[Metric]:
    """Return the known metrics that an evaluator reports, the main one first."""
    kind = type_name(evaluator)
    if evaluator.get('format_only') or kind not in _EVALUATORS:
        return []
    argument, prefix, default, metrics = _EVALUATORS[kind]
    # An argument may have one value or several; None selects all.
    value = evaluator.get(argument, default)
    prefix = evaluator.get('prefix') or prefix
    return [
        replace(metric, key=f'{prefix}/{metric.key}'.lstrip('/'))
        for wanted, metric in metrics.items()
        if value is None or wanted in entries(value)
    ]
