"""Which GPUs each of several cells at a time has for itself."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

VARIABLE = 'CUDA_VISIBLE_DEVICES'


def visible() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    if (named := os.environ.get(VARIABLE)) is not None:
        return [name.strip() for name in named.split(',') if name.strip()]
    from torch.cuda import device_count

    return [str(number) for number in range(device_count())]


class Devices:
    """Deals out GPUs, and takes them back. May be asked from several threads.

    Args:
        names: Of those there are.
        each: How many a cell takes; 0 deals out none, and every cell sees all.
    """

    def __init__(self, names: Sequence[str], each: int) -> None:
        self._free, self._each = list(names), each
        self._changed = threading.Condition()

    @contextmanager
    def deal(self) -> Iterator[str | None]:
        """Yield GPUs that no other cell has, as ``CUDA_VISIBLE_DEVICES`` takes them.

        Waits until there are as many. None where none are dealt out.
        """
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
