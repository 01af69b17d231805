"""COCO's figures by faster-coco-eval's C++ evaluator where it is installed, else by pycocotools.

mmdet's ``CocoMetric`` matches detections with pycocotools, in Python, after every epoch. The same
figures take faster-coco-eval a fraction of the time, so no config has to ask for it. Only the name
by which ``CocoMetric`` finds its evaluator is replaced: pycocotools itself, and what
``use_mp_eval=True`` asks for, stay as they are.
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

#: The first version whose figures were compared.
TESTED_FROM = '1.8.0'
#: What is asked of an evaluation, by the names that the parameters of both have for it.
ASKED = (
    'imgIds', 'catIds', 'iouThrs', 'recThrs', 'maxDets', 'areaRng', 'areaRngLbl', 'useCats',
)  # fmt: skip


class FastCOCOeval(COCOeval):
    """pycocotools' evaluator, with faster-coco-eval to match and accumulate.

    The summary remains pycocotools', which takes the first figure at 100 detections an image;
    faster-coco-eval takes it at the last of ``maxDets``. ``evalImgs``, the matches of each image,
    is only there where pycocotools had to do the work.
    """

    _accumulated: dict[str, Any] | None = None

    def evaluate(self) -> None:
        """Match, and accumulate as well; by pycocotools where faster-coco-eval cannot."""
        self._accumulated = None
        if (faster := evaluator()) is not None:
            try:
                self._accumulated = self._evaluated_by(faster)
                return
            # Whatever a version to come does otherwise: no training ends for want of speed.
            except Exception as error:
                _fall_back(f'failed ({type(error).__name__}: {error})')
        super().evaluate()

    def accumulate(self, p: Any = None) -> None:
        """Put into ``eval`` what :meth:`evaluate` accumulated.

        Args:
            p: Parameters, if others than those of the evaluation.

        Raises:
            ValueError: If ``p`` is given, and faster-coco-eval has evaluated.
        """
        if self._accumulated is None:
            super().accumulate(p)
        elif p is None:
            self.eval = self._accumulated
        else:
            raise ValueError(
                'accumulate() takes the parameters of evaluate() alone; got others, which '
                "pycocotools' own COCOeval takes"
            )

    def _evaluated_by(self, faster: Any) -> dict[str, Any]:
        """What ``eval`` is to be."""
        params = self.params
        fast = faster(self.cocoGt, self.cocoDt, params.iouType, print_function=print)
        for name in ASKED:
            # A parameter that is not there would be set without any effect.
            getattr(fast.params, name)
            setattr(fast.params, name, getattr(params, name))
        fast.evaluate()
        fast.accumulate()
        # In order now, and each once, as pycocotools leaves them.
        for name in ('imgIds', 'catIds', 'maxDets'):
            setattr(params, name, getattr(fast.params, name))
        found: dict[str, Any] = {**fast.eval, 'params': params}
        classes = len(params.catIds) if params.useCats else 1
        rest = (classes, len(params.areaRng), len(params.maxDets))
        thresholds, recalls = len(params.iouThrs), len(params.recThrs)
        for name, shape in (
            ('precision', (thresholds, recalls, *rest)),
            ('scores', (thresholds, recalls, *rest)),
            ('recall', (thresholds, *rest)),
        ):
            if found[name].shape != shape:
                raise ValueError(f'{name} of shape {found[name].shape}, expected {shape}')
        return found


@functools.cache
def evaluator() -> Any:
    """faster-coco-eval's evaluator; None, with a line that says why, if what there is will not do.

    Without a line if it is not installed: it is optional.
    """
    if importlib.util.find_spec('faster_coco_eval') is None:
        return None
    try:
        import faster_coco_eval

        found, faster = faster_coco_eval.__version__, faster_coco_eval.COCOeval_faster
    # A binary for another machine or NumPy need not fail with an ImportError.
    except Exception as error:
        _fall_back(f'does not import ({type(error).__name__}: {error})')
        return None
    if digit_version(found) < digit_version(TESTED_FROM):
        _fall_back(f"{found} is older than {TESTED_FROM} (pip install 'rm_mm[fast]')")
        return None
    return faster


@functools.cache
def _fall_back(reason: str) -> None:
    """Say once that pycocotools evaluates."""
    print_log(
        f'faster-coco-eval {reason}: pycocotools evaluates, with the same figures, in more time',
        logger='current',
        level=logging.WARNING,
    )


# Somebody else's evaluator is left where it is.
if getattr(coco_metric, 'COCOeval', None) is COCOeval:
    coco_metric.COCOeval = FastCOCOeval
