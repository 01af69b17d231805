"""A training loader that starts at any iteration and seeds each sample by its position."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.dataset.sampler import InfiniteSampler
from mmengine.logging import print_log
from torch.utils.data import DataLoader, IterableDataset

#: Start of an epoch or pass: the number of its first iteration, and its batches.
Start = tuple[int, Iterator[Any]]


@dataclass(frozen=True)
class Position:
    """A sample by its index in the data set, iteration of the run, and place in that batch."""

    index: Any
    iteration: int
    slot: int


def seed_generators(*key: int, devices: bool = False) -> None:
    """Seed the generators of Python, NumPy and torch with a key, such as (seed, rank, iteration).

    Different keys, of non-negative integers, give unrelated streams. ``devices`` also seeds
    accelerators, which a worker of a loader must not touch.
    """
    # The length is part of the key: otherwise trailing zeros would not matter.
    state = np.random.SeedSequence((len(key), *key)).generate_state(8)
    number = int.from_bytes(state[:2].tobytes(), 'little')
    np.random.seed(state[2:6])
    random.seed(int.from_bytes(state[6:].tobytes(), 'little'))
    if devices:
        torch.manual_seed(number)
    else:
        torch.default_generator.manual_seed(number)


class _Proxy:
    """Stands in for an object and forwards all attributes but its own.

    Hooks read attributes of a run's data set and batch sampler and set them, for instance to change
    the pipeline during a run.
    """

    wrapped: Any

    def __init__(self, wrapped: Any, **own: Any) -> None:
        self.__dict__.update(own, wrapped=wrapped)

    def __getattr__(self, name: str) -> Any:
        # `__getitems__` and the like would bypass the subclass. Copying and unpickling look up
        # attributes of an object that has none yet.
        if name.startswith('__') or name == 'wrapped':
            raise AttributeError(name)
        return getattr(self.wrapped, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.wrapped, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.wrapped, name)

    def __len__(self) -> int:
        return len(self.wrapped)


class SeededDataset(_Proxy):
    """A map-style data set whose samples are the same in any worker and any order.

    Each sample is seeded by its position and by ``key``, the seed of the run and rank.
    """

    def __init__(self, dataset: Any, *key: int) -> None:
        super().__init__(dataset, _key=key)

    def __getitem__(self, position: Position) -> Any:
        """Return the sample at a position."""
        seed_generators(*self._key, position.iteration, position.slot)
        return self.wrapped[position.index]


class PositionedBatches(_Proxy):
    """A batch sampler that yields positions in the run instead of indices.

    ``start`` is called for each pass over the batches.
    """

    def __init__(self, batches: Any, start: Callable[[], Start]) -> None:
        super().__init__(batches, start=start)

    def __iter__(self) -> Iterator[list[Position]]:
        # A generator starts with its first batch: a loader with workers creates two iterators and
        # uses one, and a sampler may keep what it gave to the other.
        iteration, batches = self.start()
        for number, batch in enumerate(batches, iteration):
            yield [Position(index, number, slot) for slot, index in enumerate(batch)]


def skip(batches: Iterator[Any], number: int) -> int:
    """Skip batches of indices, which loads no data; return how many batches were missing."""
    for missing in range(number, 0, -1):
        if next(batches, None) is None:
            return missing
    return 0


def position_loader(loop: Any, *key: int, done: int | None = None) -> bool:
    """Make the loader of a training loop seed samples by position and start at the loop's position.

    Changes the loader in place, since hooks and loops keep references to it.

    Args:
        loop: mmengine's loop of epochs or iterations, at the position where it resumes.
        key: Seed of the run and rank.
        done: Finished batches of the current epoch; by default, derived from the loop's position.

    Returns:
        False if the loader has no batches of indices and was left unchanged.
    """
    loader = loop.dataloader
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return False
    if (batches := loader.batch_sampler) is None:
        return False
    by_iteration = hasattr(loop, 'dataloader_iterator')
    for started in (loader, getattr(loop, 'dataloader_iterator', None)):
        # A loop of iterations starts to load as soon as it is built.
        workers: Any = getattr(started, '_iterator', None)
        if hasattr(workers, '_shutdown_workers'):
            workers._shutdown_workers()
    start = _IterationStart(loop, batches) if by_iteration else _EpochStart(loop, batches, done)
    # DataLoader's `__setattr__` rejects another data set because running workers would not see it.
    object.__setattr__(loader, 'dataset', SeededDataset(loader.dataset, *key))
    object.__setattr__(loader, 'batch_sampler', PositionedBatches(batches, start))
    if hasattr(loader, '_iterator'):
        loader._iterator = None
    if by_iteration:
        loop.dataloader_iterator = start
    return True


def sampler_of(loader: Any) -> Any:
    """Return the sampler that shuffles."""
    batches = getattr(loader, 'batch_sampler', None)
    return getattr(batches, 'sampler', None) or getattr(loader, 'sampler', None)


def done_of_epoch(loader: Any, epoch: int, iteration: int) -> int | None:
    """Return how many batches of a checkpoint's epoch are finished, at its iteration.

    None in a loop of iterations, or if the loader is not positioned.
    """
    start = getattr(getattr(loader, 'batch_sampler', None), 'start', None)
    if not isinstance(start, _EpochStart):
        return None
    return iteration - start.first_iteration if epoch == start.epoch else 0


class _EpochStart:
    """Start of each epoch; a resumed run may start its first one in the middle."""

    def __init__(self, loop: Any, batches: Any, done: int | None) -> None:
        self._loop, self._batches = loop, batches
        self._done = loop.iter - loop.epoch * len(batches) if done is None else done
        #: Current epoch (-1 before the first), and its first iteration, in this process or before.
        self.epoch, self.first_iteration = -1, 0

    def __call__(self) -> Start:
        batches, iteration = iter(self._batches), self._loop.iter
        # Only once: a hook may iterate over the data too, as for the statistics of norms.
        done, self._done = self._done, 0
        if self._loop.epoch != self.epoch:
            self.epoch, self.first_iteration = self._loop.epoch, iteration - done
        skip(batches, done)
        return iteration, batches


class _IterationStart:
    """Endless batches for a loop of iterations; replaces mmengine's iterator.

    When a sampler is exhausted, a new pass with a new order begins.
    """

    def __init__(self, loop: Any, batches: Any) -> None:
        self._loop, self._batches = loop, batches
        self._passes, self._started = 0, False
        self._open: Iterator[Any] | None = None
        # Older loops do not call `skip_iter` but request the batches that were trained already.
        replays = not hasattr(loop, 'fast_forward_on_resume')
        self._replays = loop.iter if replays else 0

    def skip_iter(self, _number: int) -> None:
        """Do nothing: the first batch is the one at the position of the loop."""

    def __iter__(self) -> _IterationStart:
        return self

    def __next__(self) -> Any:
        if self._replays:
            self._replays -= 1
            return None
        if self._open is None:
            self._open = iter(self._loop.dataloader)
        if (batch := next(self._open, None)) is None:
            self._begin_pass()
            self._open = iter(self._loop.dataloader)
            batch = next(self._open)
        return batch

    def __call__(self) -> Start:
        """Return the batches from the iteration of the loop on, whichever pass contains it."""
        sampler = getattr(self._batches, 'sampler', None)
        if isinstance(sampler, InfiniteSampler):
            # Otherwise a new iterator would continue where the last one stopped, as in a hook.
            sampler.indices = sampler._indices_of_rank()
        batches = iter(self._batches)
        remaining = 0 if self._started else self._loop.iter
        self._started = True
        while missing := skip(batches, remaining):
            if missing == remaining:
                raise ValueError('the training sampler yields no batches')
            self._begin_pass()
            batches, remaining = iter(self._batches), missing
        return self._loop.iter, batches

    def _begin_pass(self) -> None:
        self._passes += 1
        sampler = sampler_of(self._loop.dataloader)
        if hasattr(sampler, 'set_epoch'):
            sampler.set_epoch(self._passes)
        print_log(f'pass {self._passes + 1} through the training data', logger='current')
