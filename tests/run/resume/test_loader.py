"""What a sample draws depends on its place in the run, and on nothing else."""

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


def test_a_key_begins_all_three_generators():
    seed_generators(1, 2, 3)
    first = draw()
    assert len(set(first)) == 3
    draw()
    seed_generators(1, 2, 3)
    assert draw() == first
    for other in ((1, 2, 4), (0, 2, 3), (3, 2, 1), (1, 2), (1, 2, 3, 0)):
        seed_generators(*other)
        assert set(draw()).isdisjoint(first)


def test_a_key_of_devices_begins_the_same():
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


def test_a_sample_draws_by_its_place():
    dataset = SeededDataset(Draws(), 0, 1)
    first = dataset[Position(3, iteration=2, slot=1)]
    assert first[0] == 3
    for position in (Position(3, 2, 0), Position(3, 1, 1), Position(3, 5, 5)):
        assert dataset[position][1] != first[1]
    # Another image at the same place: the same draws, whichever worker it is.
    assert dataset[Position(6, 2, 1)] == (6, first[1])
    assert SeededDataset(Draws(), 0, 2)[Position(3, 2, 1)] != first


def test_the_data_set_answers_for_itself():
    dataset = SeededDataset(Draws(), 0)
    assert (len(dataset), dataset.metainfo['classes']) == (7, ('a', 'b'))
    assert not hasattr(dataset, '__getitems__')
    assert not hasattr(dataset, 'pipeline')
    # A hook that sets something sets it where it counts.
    dataset.pipeline = 'new'
    assert dataset.dataset.pipeline == 'new'
    del dataset.pipeline
    assert not hasattr(dataset.dataset, 'pipeline')
    for other in (copy.copy(dataset), pickle.loads(pickle.dumps(dataset))):
        assert other[Position(1, 0, 0)] == dataset[Position(1, 0, 0)]


def test_batches_are_numbered_from_where_they_begin():
    sampler = torch.utils.data.BatchSampler(range(7), 3, drop_last=False)
    beginnings = [(10, 1), (12, 0)]

    def begin():
        iteration, number = beginnings.pop(0)
        batches = iter(sampler)
        assert skip(batches, number) == 0
        return iteration, batches

    positioned = PositionedBatches(sampler, begin)
    assert (len(positioned), positioned.batch_size) == (3, 3)
    assert list(positioned) == [
        [Position(3, 10, 0), Position(4, 10, 1), Position(5, 10, 2)], [Position(6, 11, 0)],
    ]  # fmt: skip
    assert [position.iteration for batch in positioned for position in batch] == [12] * 3 + [
        13
    ] * 3 + [14]


@pytest.mark.parametrize(('number', 'left'), [(0, 0), (2, 0), (3, 0), (4, 1), (9, 6)])
def test_skipping_says_what_was_not_there(number, left):
    assert skip(iter([[0], [1], [2]]), number) == left
