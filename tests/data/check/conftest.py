"""Counts of the data sets in check_sets as the published ones."""

import check_sets
import pytest

from rm_mm.data.catalog import PUBLISHED, Published


@pytest.fixture
def small(monkeypatch):
    made = {
        'imagenet': Published({'train': 6, 'val': 3}, 3, {'train': (1, 2), 'val': (1, 1)}),
        'cifar10': Published({'train': 50, 'test': 10}, 10, {'train': (5, 5), 'test': (1, 1)}),
        'coco': Published({'train2017': 3, 'val2017': 1}, 80),
        'ade20k': Published({'training': 2, 'validation': 1}, 150),
    }
    for name, published in made.items():
        monkeypatch.setitem(PUBLISHED, name, published)
    monkeypatch.setattr('rm_mm.data.check.class_folders.imagenet_wnids', lambda: check_sets.WNIDS)
