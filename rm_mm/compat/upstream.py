"""Fixes for the upstream line on current torch, each with the issue that reports the problem.

mmengine 0.10.7 and mmsegmentation 1.2.2 are the last upstream releases. The onedl line has its own
fixes, so nothing is changed there.
"""

from __future__ import annotations

import importlib.metadata
import inspect
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

import wrapt


def fix_upstream() -> None:
    """Patch each module when it is imported, or now if it already is."""
    losses = 'mmseg.models.losses.cross_entropy_loss'
    wrapt.register_post_import_hook(_read_own_checkpoints, 'mmengine.runner.checkpoint')
    wrapt.register_post_import_hook(_ignore_pixels_in_average, losses)


def _read_own_checkpoints(checkpoint: ModuleType) -> None:
    """Let mmengine read checkpoints that mmengine wrote (mmengine#1655).

    Since torch 2.6, ``torch.load`` rejects classes that are not on its safe list. A training
    checkpoint holds mmengine's ``HistoryBuffer``, which holds NumPy arrays, so no run could be
    resumed. :mod:`rm_mm.compat.curves` reads exactly those. The usual advice,
    ``weights_only=False``, would execute whatever a file asks for.
    """
    if not hasattr(checkpoint, '_safe_torch_load'):
        wrapt.wrap_function_wrapper(checkpoint, 'CheckpointLoader.load_checkpoint', _load_safely)


def _load_safely(original: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    import torch

    from rm_mm.compat.curves import safe_globals

    with torch.serialization.safe_globals(safe_globals()):
        return original(*args, **kwargs)


def _ignore_pixels_in_average(losses: ModuleType) -> None:
    """Let class weights be combined with ignored pixels (mmsegmentation#3734).

    The loss is averaged over the weights of the pixels' classes. 255, the padding of a crop, was
    looked up among the weights too.
    """
    with suppress(importlib.metadata.PackageNotFoundError):
        importlib.metadata.distribution('mmsegmentation')
        wrapt.wrap_function_wrapper(losses, 'cross_entropy', _average_over_valid_pixels)


def _average_over_valid_pixels(
    original: Callable[..., Any], instance: Any, args: Any, kwargs: Any
) -> Any:
    call = inspect.signature(original).bind(*args, **kwargs)
    call.apply_defaults()
    given = call.arguments
    weights, label = given['class_weight'], given['label']
    if weights is not None and given['avg_factor'] is None and given['reduction'] == 'mean':
        given['avg_factor'] = weights[label[label != given['ignore_index']]].sum()
    return original(*call.args, **call.kwargs)
