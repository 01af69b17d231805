"""Process many files in several processes, in order, even if some processes die."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
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
    function: Callable[[T], R], items: Sequence[T], jobs: int, lost: Callable[[T], R]
) -> Iterator[R]:
    """Apply a function to every item in several processes, and yield the results in order.

    Args:
        function: Does not raise. Both it and the items can be pickled.
        items: A few are handled in this process.
        jobs: Number of processes; 1 is this process.
        lost: Result for an item that kills the process that handles it.

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
    # New processes inherit the blocked signal: only the command itself is to react to Ctrl-C.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        try:
            results = pool.map(function, items, chunksize=chunk)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        yield from results
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """End this worker when the command is killed, instead of waiting for work forever."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
