"""Dealing out GPUs to cells that run at the same time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

VARIABLE = 'CUDA_VISIBLE_DEVICES'


def visible_devices() -> list[str]:
    """Return the GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    if (named := os.environ.get(VARIABLE)) is not None:
        return [name.strip() for name in named.split(',') if name.strip()]
    from torch.cuda import device_count

    return [str(number) for number in range(device_count())]


class DevicePool:
    """Deals out the named GPUs, ``each`` to one cell, and takes them back; thread-safe.

    With ``each`` 0, none are dealt out and every cell sees all.
    """

    def __init__(self, names: Sequence[str], each: int) -> None:
        self._free, self._each = list(names), each
        self._changed = threading.Condition()

    @contextmanager
    def deal(self) -> Iterator[str | None]:
        """Wait for free GPUs; yield a value of ``CUDA_VISIBLE_DEVICES``, or None for all."""
        if not self._each:
            yield None
            return
        with self._changed:
            self._changed.wait_for(lambda: len(self._free) >= self._each)
            taken, self._free = self._free[: self._each], self._free[self._each :]
        try:
            yield ','.join(taken)
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()
