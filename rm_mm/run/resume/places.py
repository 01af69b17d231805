"""Where a sample stands in its run, and generators that begin there."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

#: What an epoch or a pass begins with: the number of its first iteration, and its batches.
Beginning = tuple[int, Iterator[Any]]


@dataclass(frozen=True)
class Place:
    """One sample of a run.

    Attributes:
        index: In the data set.
        iteration: Of the run, from 0.
        slot: In the batch of that iteration, from 0.
    """

    index: Any
    iteration: int
    slot: int


def seed_generators(*key: int, devices: bool = False) -> None:
    """Begin the generators of Python, NumPy and torch at a key, such as seed, rank, iteration.

    Args:
        key: Integers of 0 or more. Any other key gives streams that have nothing in common.
        devices: Whether those of accelerators too; a loader's worker must not touch them.
    """
    # With its length: a key and the same with zeros behind it would begin alike.
    state = np.random.SeedSequence((len(key), *key)).generate_state(8)
    number = int.from_bytes(state[:2].tobytes(), 'little')
    np.random.seed(state[2:6])
    random.seed(int.from_bytes(state[6:].tobytes(), 'little'))
    if devices:
        torch.manual_seed(number)
    else:
        torch.default_generator.manual_seed(number)


class _Around:
    """Stands in the place of an object, and lets it answer for itself.

    Hooks read attributes of a run's data set and batch sampler, and set them, as one does that
    changes the pipeline in the middle of a run.
    """

    _own: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        # Asked by name, `__getitems__` and the like would pass this class by; and a copy or an
        # unpickled one is asked before it has anything.
        if name.startswith('__') or name in self._own:
            raise AttributeError(name)
        return getattr(self.__dict__[self._own[0]], name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._own:
            self.__dict__[name] = value
        else:
            setattr(self.__dict__[self._own[0]], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__dict__[self._own[0]], name)


class SeededDataset(_Around):
    """A data set whose samples draw by their places: the same in any worker, in any order.

    Args:
        dataset: A map-style data set, which is indexed by what the sampler gives.
        key: What the places are of: the run's seed and the rank.
    """

    _own = ('dataset', '_key')

    def __init__(self, dataset: Any, *key: int) -> None:
        self.dataset = dataset
        self._key = key

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, place: Place) -> Any:
        """The sample at a place, from generators that begin there."""
        seed_generators(*self._key, place.iteration, place.slot)
        return self.dataset[place.index]


class PlacedBatches(_Around):
    """A batch sampler that says of each index where in the run it stands.

    Args:
        batches: The loader's own batch sampler.
        begin: Asked whenever the batches are gone through: where that begins.
    """

    _own = ('batches', 'begin')

    def __init__(self, batches: Any, begin: Callable[[], Beginning]) -> None:
        self.batches = batches
        self.begin = begin

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[Place]]:
        # With the first batch and no sooner: of two iterators that a loader with workers asks for,
        # it uses one, and a sampler may keep what the other was given.
        iteration, batches = self.begin()
        for number, batch in enumerate(batches, iteration):
            yield [Place(index, number, slot) for slot, index in enumerate(batch)]


def skip(batches: Iterator[Any], number: int) -> int:
    """Pass over batches: of indices, so that nothing is loaded for it.

    Returns:
        How many were not there.
    """
    for left in range(number, 0, -1):
        if next(batches, None) is None:
            return left
    return 0
