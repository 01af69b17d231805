"""The training loader, so that it begins wherever a run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.dataset.sampler import InfiniteSampler
from mmengine.logging import print_log
from torch.utils.data import DataLoader, IterableDataset

from rm_mm.run.resume.places import Beginning, PlacedBatches, SeededDataset, skip


def place_loader(loop: Any, *key: int, done: int | None = None) -> bool:
    """Let the loader of a training loop seed each sample by its place, and begin at the loop's.

    Changes the loader in place: hooks and loops hold on to it, and ask for its batch size.

    Args:
        loop: mmengine's of epochs or of iterations, its position as it was resumed.
        key: The run's seed and the rank.
        done: How many batches of its epoch are done, of a loop of epochs; by its position if not
            given.

    Returns:
        False if the loader gives no batches by index, so that it stays as it is.
    """
    loader = loop.dataloader
    batches = getattr(loader, 'batch_sampler', None)
    dataset = getattr(loader, 'dataset', None)
    if (
        not isinstance(loader, DataLoader)
        or batches is None
        or isinstance(dataset, IterableDataset)
    ):
        return False
    by_iteration = hasattr(loop, 'dataloader_iterator')
    for begun in (loader, getattr(loop, 'dataloader_iterator', None)):
        # mmengine's own line begins to load as soon as a loop of iterations is built.
        workers: Any = getattr(begun, '_iterator', None)
        if hasattr(workers, '_shutdown_workers'):
            workers._shutdown_workers()
    begin = _Stream(loop, batches) if by_iteration else _Epochs(loop, batches, done)
    # Its own `__setattr__` admits no other data set, for workers would keep the one they have.
    object.__setattr__(loader, 'dataset', SeededDataset(dataset, *key))
    object.__setattr__(loader, 'batch_sampler', PlacedBatches(batches, begin))
    if hasattr(loader, '_iterator'):
        loader._iterator = None
    if by_iteration:
        loop.dataloader_iterator = begin
    return True


def sampler_of(loader: Any) -> Any:
    """The sampler that shuffles, wherever a loader keeps it."""
    batches = getattr(loader, 'batch_sampler', None)
    return getattr(batches, 'sampler', None) or getattr(loader, 'sampler', None)


def done_of_epoch(loader: Any, epoch: int, iteration: int) -> int | None:
    """How many batches of an epoch are done at an iteration of it.

    Args:
        loader: That of the run.
        epoch: Of the checkpoint; one that has not begun has none done.
        iteration: Of the checkpoint.

    Returns:
        None in a loop of iterations, or of a loader that was not placed.
    """
    begin = getattr(getattr(loader, 'batch_sampler', None), 'begin', None)
    if not isinstance(begin, _Epochs):
        return None
    return iteration - begin.began if epoch == begin.epoch else 0


def _anew(sampler: Any) -> None:
    """Begin mmengine's infinite sampler again: an iterator of it goes on where another was left."""
    if isinstance(sampler, InfiniteSampler):
        sampler.indices = sampler._indices_of_rank()


class _Epochs:
    """Where each epoch begins: the first of a resumed run perhaps in its middle.

    Attributes:
        epoch: The one that is under way; -1 before there is one.
        began: The run's iteration with which it began, whether in this process or before.
    """

    def __init__(self, loop: Any, batches: Any, done: int | None) -> None:
        self._loop, self._batches = loop, batches
        self._done = loop.iter - loop.epoch * len(batches) if done is None else done
        self.epoch, self.began = -1, 0

    def __call__(self) -> Beginning:
        batches, iteration = iter(self._batches), self._loop.iter
        # Once: a hook may go through the data too, as one does for the statistics of norms.
        done, self._done = self._done, 0
        if self._loop.epoch != self.epoch:
            self.epoch, self.began = self._loop.epoch, iteration - done
        skip(batches, done)
        return iteration, batches


class _Stream:
    """Batches without an end, for a loop of iterations; in the place of mmengine's own.

    A sampler that comes to an end is gone through again, in a new order.
    """

    def __init__(self, loop: Any, batches: Any) -> None:
        self._loop, self._batches = loop, batches
        self._passes = 0
        self._begun = False
        self._open: Iterator[Any] | None = None
        # A loop that knows nothing of `skip_iter` goes through what was trained already.
        replays = not hasattr(loop, 'fast_forward_on_resume')
        self._replays = loop.iter if replays else 0

    def skip_iter(self, _number: int) -> None:
        """Nothing: what mmengine asks to be skipped is not begun with."""

    def __iter__(self) -> _Stream:
        return self

    def __next__(self) -> Any:
        if self._replays:
            self._replays -= 1
            return None
        if self._open is None:
            self._open = iter(self._loop.dataloader)
        batch = next(self._open, None)
        if batch is None:
            self._begin_pass()
            self._open = iter(self._loop.dataloader)
            batch = next(self._open)
        return batch

    def __call__(self) -> Beginning:
        """Where the loader begins: at first at the loop's iteration, in whatever pass that is."""
        # A stream of its own, also for a hook that goes through the data beside the loop.
        _anew(getattr(self._batches, 'sampler', None))
        batches = iter(self._batches)
        if self._begun:
            return self._loop.iter, batches
        self._begun = True
        left = skip(batches, self._loop.iter)
        while left:
            self._begin_pass()
            batches, before = iter(self._batches), left
            left = skip(batches, left)
            if left == before:
                raise ValueError('the training sampler gives no batches')
        return self._loop.iter, batches

    def _begin_pass(self) -> None:
        self._passes += 1
        sampler = sampler_of(self._loop.dataloader)
        if hasattr(sampler, 'set_epoch'):
            sampler.set_epoch(self._passes)
        print_log(f'pass {self._passes + 1} through the training data', logger='current')
