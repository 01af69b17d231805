"""What a checkpoint says about the run that made it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

_BEST_FILE = re.compile(r'best_(?P<metric>.+)_(?P<unit>epoch|iter)_(?P<number>\d+)\.pth$')
_ACCURACY_NAME = re.compile(r'acc|top-?[15]|prec|err', re.IGNORECASE)


@dataclass(frozen=True)
class CheckpointMeta:
    """What a checkpoint says about its training run.

    Attributes:
        epoch: Epochs trained, or None if the file does not say.
        metrics: Name to value, in the unit of the file; only those that hold for these weights, or
            that the file states without saying for which (the ``best_acc1`` of training scripts).
        config: The text of the config, as mmengine and mmcv 1.x keep it; empty if there is none.
    """

    epoch: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    config: str = ''


def read_meta(content: Any) -> CheckpointMeta:
    """Read epoch, accuracies and config out of what was saved, if it says them."""
    if not isinstance(content, dict):
        return CheckpointMeta()
    meta = content.get('meta')
    if isinstance(meta, dict):
        config = meta.get('cfg') or meta.get('config')
        return CheckpointMeta(
            _whole(meta.get('epoch')),
            _best_score(content, meta),
            config if isinstance(config, str) else '',
        )
    metrics = {
        name: float(value)
        for name, value in content.items()
        if isinstance(name, str)
        and _ACCURACY_NAME.search(name)
        and not isinstance(value, bool)
        and (isinstance(value, int | float) or (isinstance(value, Tensor) and value.numel() == 1))
        and math.isfinite(float(value))
    }
    return CheckpointMeta(_whole(content.get('epoch')), metrics)


def _best_score(content: dict[Any, Any], meta: dict[Any, Any]) -> dict[str, float]:
    """Return the scores that mmengine noted for exactly these weights.

    A checkpoint is saved before its epoch is validated, so the newest score in it belongs to the
    epoch before; the best score is its own only if the best file is that of the same epoch.
    """
    hub = content.get('message_hub')
    info = hub.get('runtime_info') if isinstance(hub, dict) else None
    if not isinstance(info, dict):
        return {}
    scores: dict[str, float] = {}
    for name, file in info.items():
        best = _BEST_FILE.search(file) if isinstance(file, str) else None
        if best is None or not str(name).startswith('best_ckpt'):
            continue
        score = info.get(str(name).replace('best_ckpt', 'best_score', 1))
        of_these_weights = meta.get(best['unit']) == int(best['number'])
        if of_these_weights and isinstance(score, int | float) and math.isfinite(score):
            scores[best['metric']] = float(score)
    return scores


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
