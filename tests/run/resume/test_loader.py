"""What a sample draws depends on its position in the run and on nothing else."""

import copy
import pickle
import random

import numpy as np
import pytest
import torch

from rm_mm.run.resume.loader import (
    Position,
    PositionedBatches,
    SeededDataset,
    seed_generators,
    skip,
)


def draw():
    return (random.random(), float(np.random.rand()), float(torch.rand(())))


def test_a_key_seeds_all_three_generators():
    seed_generators(1, 2, 3)
    first = draw()
    assert len(set(first)) == 3
    draw()
    seed_generators(1, 2, 3)
    assert draw() == first
    for other in ((1, 2, 4), (0, 2, 3), (3, 2, 1), (1, 2), (1, 2, 3, 0)):
        seed_generators(*other)
        assert set(draw()).isdisjoint(first)


def test_seeding_devices_draws_the_same_on_the_cpu():
    seed_generators(5, 6)
    first = draw()
    seed_generators(5, 6, devices=True)
    assert draw() == first


class Draws:
    def __init__(self):
        self.metainfo = {'classes': ('a', 'b')}

    def __len__(self):
        return 7

    def __getitem__(self, index):
        return index, draw()


def test_a_sample_draws_by_its_position():
    dataset = SeededDataset(Draws(), 0, 1)
    first = dataset[Position(3, iteration=2, slot=1)]
    assert first[0] == 3
    for position in (Position(3, 2, 0), Position(3, 1, 1), Position(3, 5, 5)):
        assert dataset[position][1] != first[1]
    # Another image at the same position draws the same numbers, in any worker.
    assert dataset[Position(6, 2, 1)] == (6, first[1])
    assert SeededDataset(Draws(), 0, 2)[Position(3, 2, 1)] != first


def test_attributes_are_those_of_the_wrapped_data_set():
    dataset = SeededDataset(Draws(), 0)
    assert (len(dataset), dataset.metainfo['classes']) == (7, ('a', 'b'))
    assert not hasattr(dataset, '__getitems__')
    assert not hasattr(dataset, 'pipeline')
    # A hook that sets an attribute sets it on the wrapped data set.
    dataset.pipeline = 'new'
    assert dataset.wrapped.pipeline == 'new'
    del dataset.pipeline
    assert not hasattr(dataset.wrapped, 'pipeline')
    for other in (copy.copy(dataset), pickle.loads(pickle.dumps(dataset))):
        assert other[Position(1, 0, 0)] == dataset[Position(1, 0, 0)]


def test_batches_are_numbered_from_their_start():
    sampler = torch.utils.data.BatchSampler(range(7), 3, drop_last=False)
    starts = [(10, 1), (12, 0)]

    def start():
        iteration, number = starts.pop(0)
        batches = iter(sampler)
        assert skip(batches, number) == 0
        return iteration, batches

    positioned = PositionedBatches(sampler, start)
    assert (len(positioned), positioned.batch_size) == (3, 3)
    assert list(positioned) == [
        [Position(3, 10, 0), Position(4, 10, 1), Position(5, 10, 2)], [Position(6, 11, 0)],
    ]  # fmt: skip
    assert [position.iteration for batch in positioned for position in batch] == [12] * 3 + [
        13
    ] * 3 + [14]


@pytest.mark.parametrize(('number', 'missing'), [(0, 0), (2, 0), (3, 0), (4, 1), (9, 6)])
def test_skip_returns_the_number_of_missing_batches(number, missing):
    assert skip(iter([[0], [1], [2]]), number) == missing
