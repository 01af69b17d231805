"""What the upstream line lacks on today's torch, each with the thread that it belongs to.

mmengine 0.10.7 is its last release. The onedl line has mended these; nothing is changed there.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import wrapt


def install() -> None:
    """Mend upstream mmengine as soon as it is imported, or now if it is there already."""
    wrapt.register_post_import_hook(_read_own_checkpoints, 'mmengine.runner.checkpoint')


def _read_own_checkpoints(checkpoint: ModuleType) -> None:
    """Let mmengine read what mmengine wrote (mmengine#1655).

    From 2.6 on, ``torch.load`` refuses every class that nobody vouches for, and a checkpoint of a
    training run holds mmengine's ``HistoryBuffer``, in which are NumPy arrays: no run could be
    resumed. These are vouched for while mmengine reads, and nothing else; files that need more are
    still refused, which the usual advice, ``weights_only=False``, would run.
    """
    if hasattr(checkpoint, '_safe_torch_load'):
        return
    wrapt.wrap_function_wrapper(checkpoint, 'CheckpointLoader.load_checkpoint', _vouched)


def _vouched(
    original: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    import torch

    with torch.serialization.safe_globals(_own_globals()):
        return original(*args, **kwargs)


def _own_globals() -> list[Any]:
    """What mmengine puts into a checkpoint, as ``torch.serialization.safe_globals`` takes it."""
    import numpy as np
    from mmengine.logging import HistoryBuffer

    try:
        from numpy._core import multiarray
    except ImportError:  # before NumPy 2
        from numpy.core import multiarray  # type: ignore[no-redef]

    # A curve, or a number in a log, under the names that NumPy 1 and 2 write; an array of another
    # kind is no curve.
    kinds = {type(np.dtype(name)) for name in ('f4', 'f8', 'i4', 'i8', 'u4', 'u8', 'b1')}
    functions = [
        (getattr(multiarray, name), f'numpy.{core}.multiarray.{name}')
        for core in ('core', '_core')
        for name in ('_reconstruct', 'scalar')
    ]

    def method(owner: object, name: str) -> object:
        # A buffer remembers its statistics as `getattr(HistoryBuffer, 'mean')` and the like.
        if owner is not HistoryBuffer or name.startswith('_'):
            raise ValueError(f'a checkpoint asks for {name!a} of {owner!a}: nobody vouches for it')
        return getattr(HistoryBuffer, name)

    return [HistoryBuffer, np.ndarray, np.dtype, *kinds, *functions, (method, 'builtins.getattr')]
