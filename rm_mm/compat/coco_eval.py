"""COCO evaluation with faster-coco-eval's C++ code if it is installed, else with pycocotools.

mmdet's ``CocoMetric`` matches detections with pycocotools, in Python, after every epoch.
faster-coco-eval computes the same figures in a fraction of the time, so no config option is needed.
Only the name by which ``CocoMetric`` finds its evaluator is replaced: pycocotools and
``use_mp_eval=True`` are unchanged.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
from typing import Any

from mmdet.evaluation.metrics import coco_metric
from mmengine.logging import print_log
from mmengine.utils import digit_version
from pycocotools.cocoeval import COCOeval

#: The first version whose figures were compared with pycocotools'.
MINIMUM_VERSION = '1.8.0'
#: Parameters of an evaluation, which have the same names in both libraries.
_PARAMETERS = (
    'imgIds', 'catIds', 'iouThrs', 'recThrs', 'maxDets', 'areaRng', 'areaRngLbl', 'useCats',
)  # fmt: skip


class FastCOCOeval(COCOeval):
    """pycocotools' evaluator, with faster-coco-eval for matching and accumulation.

    The summary remains pycocotools', whose first figure is at 100 detections per image;
    faster-coco-eval's is at the last of ``maxDets``. ``evalImgs``, the matches of each image, is
    only filled when pycocotools does the matching.
    """

    _accumulated: dict[str, Any] | None = None

    def evaluate(self) -> None:
        """Match and accumulate; if faster-coco-eval fails, with pycocotools."""
        self._accumulated = None
        if (faster := faster_evaluator()) is not None:
            try:
                self._accumulated = self._evaluate_with(faster)
                return
            # A future version may fail in any way, and a training must not end because of it.
            except Exception as error:
                _warn_fallback(f'failed ({type(error).__name__}: {error})')
        super().evaluate()

    def accumulate(self, p: Any = None) -> None:
        """Set ``eval`` to what :meth:`evaluate` accumulated.

        Raises:
            ValueError: If faster-coco-eval did that, and ``p`` has other parameters.
        """
        if self._accumulated is None:
            super().accumulate(p)
        elif p is None:
            self.eval = self._accumulated
        else:
            raise ValueError(
                'accumulate() only supports the parameters of evaluate(), got others; '
                "use pycocotools' own COCOeval for these"
            )

    def _evaluate_with(self, faster: Any) -> dict[str, Any]:
        params = self.params
        fast = faster(self.cocoGt, self.cocoDt, params.iouType, print_function=print)
        for name in _PARAMETERS:
            # Fails if there is no such parameter, which setattr would create without any effect.
            getattr(fast.params, name)
            setattr(fast.params, name, getattr(params, name))
        fast.evaluate()
        fast.accumulate()
        # Sorted and without duplicates, as pycocotools leaves them.
        for name in ('imgIds', 'catIds', 'maxDets'):
            setattr(params, name, getattr(fast.params, name))
        result: dict[str, Any] = {**fast.eval, 'params': params}
        classes = len(params.catIds) if params.useCats else 1
        rest = (classes, len(params.areaRng), len(params.maxDets))
        recall = (len(params.iouThrs), *rest)
        precision = (len(params.iouThrs), len(params.recThrs), *rest)
        shapes = {'precision': precision, 'scores': precision, 'recall': recall}
        for name, shape in shapes.items():
            if result[name].shape != shape:
                raise ValueError(f'{name} of shape {result[name].shape}, expected {shape}')
        return result


@functools.cache
def faster_evaluator() -> Any:
    """Return faster-coco-eval's evaluator, or None without a usable one.

    It is optional: a warning is logged only if it is installed and cannot be used.
    """
    if importlib.util.find_spec('faster_coco_eval') is None:
        return None
    try:
        import faster_coco_eval

        version, faster = faster_coco_eval.__version__, faster_coco_eval.COCOeval_faster
    # A binary for another machine or NumPy may raise more than ImportError.
    except Exception as error:
        _warn_fallback(f'does not import ({type(error).__name__}: {error})')
        return None
    if digit_version(version) < digit_version(MINIMUM_VERSION):
        _warn_fallback(f"{version} is older than {MINIMUM_VERSION} (pip install 'rm_mm[fast]')")
        return None
    return faster


@functools.cache
def _warn_fallback(reason: str) -> None:
    """Log, once per reason, that pycocotools evaluates."""
    print_log(
        f'faster-coco-eval {reason}: pycocotools evaluates instead, slower, with the same figures',
        logger='current',
        level=logging.WARNING,
    )


# Another package may have replaced the evaluator already; its choice is kept.
if getattr(coco_metric, 'COCOeval', None) is COCOeval:
    coco_metric.COCOeval = FastCOCOeval
