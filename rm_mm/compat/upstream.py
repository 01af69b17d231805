"""What the upstream line lacks on today's torch, each with the thread that it belongs to.

mmengine 0.10.7 and mmsegmentation 1.2.2 are its last releases. The onedl line has mended these;
nothing is changed there.
"""

from __future__ import annotations

import importlib.metadata
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import wrapt


def install() -> None:
    """Mend each module as soon as it is imported, or now if it is there already."""
    wrapt.register_post_import_hook(_read_own_checkpoints, 'mmengine.runner.checkpoint')
    wrapt.register_post_import_hook(
        _weigh_no_ignored_pixel, 'mmseg.models.losses.cross_entropy_loss'
    )


def _read_own_checkpoints(checkpoint: ModuleType) -> None:
    """Let mmengine read what mmengine wrote (mmengine#1655).

    From 2.6 on, ``torch.load`` refuses every class that nobody vouches for, and a checkpoint of a
    training run holds mmengine's ``HistoryBuffer``, in which are NumPy arrays: no run could be
    resumed. Those are read, by :mod:`rm_mm.compat.curves`, and nothing else is; the usual advice,
    ``weights_only=False``, would run whatever a file asks for.
    """
    if hasattr(checkpoint, '_safe_torch_load'):
        return
    wrapt.wrap_function_wrapper(checkpoint, 'CheckpointLoader.load_checkpoint', _vouched)


def _vouched(
    original: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    import torch

    from rm_mm.compat.curves import safe_globals

    with torch.serialization.safe_globals(safe_globals()):
        return original(*args, **kwargs)


def _weigh_no_ignored_pixel(losses: ModuleType) -> None:
    """Let class weights stand beside pixels to ignore (mmsegmentation#3734).

    The average of the loss is over the weights of the pixels' classes, and 255, which is what a
    crop is padded with, was looked up among them.
    """
    try:
        importlib.metadata.distribution('mmsegmentation')
    except importlib.metadata.PackageNotFoundError:
        return
    wrapt.wrap_function_wrapper(losses, 'cross_entropy', _averaged)


def _averaged(
    original: Callable[..., Any], _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    call = inspect.signature(original).bind(*args, **kwargs)
    call.apply_defaults()
    given = call.arguments
    weights, label = given['class_weight'], given['label']
    if weights is not None and given['avg_factor'] is None and given['reduction'] == 'mean':
        given['avg_factor'] = weights[label[label != given['ignore_index']]].sum()
    return original(*call.args, **call.kwargs)
