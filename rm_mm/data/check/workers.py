"""Work on many files in several processes, in order, none of which can hang the command."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

from rm_mm.errors import RejectedError

T = TypeVar('T')
R = TypeVar('R')

#: Items handed to a process at a time: their results are small beside the cost of handing over.
_CHUNK = 32
#: Below it, processes would take longer to start than the work takes.
_FEW = 64
#: So many processes may die before it is the machine, and not a file, that is to blame.
_MOST_DEATHS = 8


def default_jobs() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


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
        jobs: Processes; with 1, or few items, all is done in this one.
        lost: The result for an item whose process died, every time that it was tried.

    Yields:
        The results, in the order of the items.

    Raises:
        RejectedError: If process after process dies.
    """
    if jobs == 1 or len(items) <= _FEW:
        yield from map(function, items)
        return
    deaths = 0
    waiting = iter(items)
    pending: deque[tuple[list[T], Future[list[R]] | None]] = deque()
    pool = _pool(jobs)
    try:
        while True:
            while len(pending) < 2 * jobs and (chunk := list(islice(waiting, _CHUNK))):
                pending.append((chunk, _submit(pool, function, chunk)))
            if not pending:
                return
            chunk, future = pending[0]
            results = _result(future)
            if results is not None:
                pending.popleft()
                yield from results
                continue
            # A process that dies takes the pool along; whose fault it was is not said. What was
            # under way is done again one at a time, each in the sight of one process.
            pool.shutdown(wait=False, cancel_futures=True)
            deaths += 1
            again, pending = pending, deque()
            pool = _pool(1)
            for chunk, future in again:
                if (results := _result(future)) is not None:
                    yield from results
                    continue
                for item in chunk:
                    alone = _result(_submit(pool, function, [item]))
                    if alone is None:
                        deaths += 1
                        if deaths > _MOST_DEATHS:
                            raise RejectedError(
                                f'{deaths} processes that read files have died: is there memory '
                                f'for {jobs}? Say --jobs 1'
                            )
                        pool = _pool(1)
                    yield from [lost(item)] if alone is None else alone
            pool.shutdown()
            pool = _pool(jobs)
    finally:
        pool.shutdown(cancel_futures=True)


def _apply(function: Callable[[T], R], chunk: list[T]) -> list[R]:
    return [function(item) for item in chunk]


def _submit(
    pool: ProcessPoolExecutor, function: Callable[[T], R], chunk: list[T]
) -> Future[list[R]] | None:
    # Ctrl-C goes to all processes of a terminal. Blocked while they are started, it stays so in
    # them, and only this one ends the work.
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(_apply, function, chunk)
    except BrokenProcessPool:
        return None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _result(future: Future[R] | None) -> R | None:
    """The result, waited for; None if the process that was to give it died."""
    try:
        return None if future is None else future.result()
    except BrokenProcessPool:
        return None


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Not fork, which copies the threads' locks of whoever calls.
    context = multiprocessing.get_context('spawn')
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_leave_with_parent)


def _leave_with_parent() -> None:
    """End this worker when the command is killed, instead of waiting for work for ever."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
