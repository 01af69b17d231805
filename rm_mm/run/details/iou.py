"""The IoU of each class, which mmsegmentation prints but does not return."""

from __future__ import annotations

from typing import Any

from mmseg.evaluation.metrics import IoUMetric
from mmseg.registry import METRICS


@METRICS.register_module()
class PerClassIoUMetric(IoUMetric):
    """``IoUMetric`` that also returns ``{class}_IoU`` in per cent, for classes that occur."""

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Compute the usual metrics and those of the classes.

        ``results`` has, for each image, the pixels of intersection, union, prediction and ground
        truth by class.
        """
        metrics: dict[str, float] = dict(super().compute_metrics(results))
        if self.format_only:
            return metrics
        intersection, union, *_ = (sum(part).tolist() for part in zip(*results, strict=True))
        classes = self.dataset_meta['classes']
        for name, common, whole in zip(classes, intersection, union, strict=True):
            if whole:
                metrics[f'{name}_IoU'] = round(100 * common / whole, 2)
        return metrics
