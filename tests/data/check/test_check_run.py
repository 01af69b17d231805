import os
from pathlib import Path

import pytest
from check_sets import own_classes

from rm_mm.data.check import check_data, datasets, images
from rm_mm.errors import InputError


@pytest.mark.parametrize(('given', 'used'), [(None, len(os.sched_getaffinity(0))), (3, 3)])
def test_processes_are_as_many_as_cores_or_as_asked(tmp_path, monkeypatch, given, used):
    asked = []
    real = images.map_in_processes

    def record(function, items, jobs, lost):
        asked.append(jobs)
        return real(function, items, 1, lost)

    monkeypatch.setattr(images, 'map_in_processes', record)
    own_classes(tmp_path)
    assert check_data('custom', tmp_path, jobs=given).total == 0
    assert set(asked) == {used}


def test_progress_is_told_of_listing_and_reading(tmp_path):
    own_classes(tmp_path)
    lines = []
    check_data('custom', tmp_path, jobs=1, progress=lines.append)
    assert lines == [
        'train: 1 of 2 classes listed',
        'train: 2 of 2 classes listed',
        'train: 2 of 2 images read',
        'val: 1 of 2 classes listed',
        'val: 2 of 2 classes listed',
        'val: 2 of 2 images read',
    ]


def test_a_root_of_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    own_classes(tmp_path / 'data')
    assert check_data('custom', Path('~/data'), jobs=1).root == tmp_path / 'data'
    with pytest.raises(InputError, match=r'none cannot be checked'):
        check_data('custom', Path('~/none'))


def test_all_names_of_the_command_line_are_known():
    from rm_mm.names import DATASETS

    assert set(datasets._INSPECT) == set(DATASETS)
