"""Process many files in several processes, in order, even if some processes die."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from rm_mm.errors import RejectedError

T = TypeVar('T')
R = TypeVar('R')

#: Items sent to a process at a time, to save on communication.
_CHUNK = 32
#: Up to this many items, starting processes would take longer than the work.
_FEW = 64
#: If more processes die, the machine is to blame rather than a file.
_MOST_DEATHS = 8


def map_in_processes(
    function: Callable[[T], R],
    items: Sequence[T],
    jobs: int,
    lost: Callable[[T], R],
) -> Iterator[R]:
    """Apply ``function`` to every item, in ``jobs`` processes.

    Args:
        function: Can be pickled, and does not raise.
        items: Can be pickled.
        jobs: Number of processes; one process, or few items, are handled in this one.
        lost: Result for an item that kills the process that handles it.

    Yields:
        The results, in the order of the items.

    Raises:
        RejectedError: If process after process dies.
    """
    if jobs == 1 or len(items) <= _FEW:
        yield from map(function, items)
        return
    done = deaths = alone_until = 0
    while done < len(items):
        alone = done < alone_until
        part = items[done:alone_until] if alone else items[done:]
        try:
            for result in _map(function, part, 1 if alone else jobs, 1 if alone else _CHUNK):
                done += 1
                yield result
        except BrokenProcessPool:
            deaths += 1
            if deaths > _MOST_DEATHS:
                raise RejectedError(
                    f'{deaths} processes that read files have died: is there enough memory for '
                    f'{jobs}? Pass --jobs 1'
                ) from None
            if alone:
                yield lost(items[done])
                done += 1
            else:
                # A dead process does not name its item: those in progress are repeated one by one.
                alone_until = done + 2 * jobs * _CHUNK


def _map(function: Callable[[T], R], items: Sequence[T], jobs: int, chunk: int) -> Iterator[R]:
    # A fork would copy the locks that threads of the caller hold.
    context = multiprocessing.get_context('spawn')
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_with_parent)
    try:
        with _interrupts_blocked():
            results = pool.map(function, items, chunksize=chunk)
        yield from results
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C in processes started meanwhile: only the command itself is to react to it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent() -> None:
    """End this worker when the command is killed, instead of waiting for work forever."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
