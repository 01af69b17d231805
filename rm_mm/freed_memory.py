"""Keeping the memory that a step frees, for the next one."""

from __future__ import annotations

import ctypes

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = -1


def keep_freed_memory() -> bool:
    """Have this process, and those that it forks, never hand freed memory back to the system.

    Torch has a cache of its own for a GPU's memory, none for the CPU's. There a feature map of more
    than 32 MB is mapped anew by each step, and the system clears each of its pages, which takes a
    tenth of a step of ResNet-50 and more. Kept instead, the process stays as large as its largest
    step. Numbers are the same.

    Source: mallopt(3).

    Returns:
        Whether that was done; not where the C library is another than glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    return mallopt is not None and all(
        [mallopt(_MMAP_MAX, 0), mallopt(_TRIM_THRESHOLD, _NEVER)],
    )
