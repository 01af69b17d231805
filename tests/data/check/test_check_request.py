import os
from pathlib import Path

import pytest
from check_sets import custom_classes

from rm_mm.data.check import CheckRequest, check_data, datasets, images
from rm_mm.errors import InputError


@pytest.mark.parametrize(('given', 'used'), [(None, len(os.sched_getaffinity(0))), (3, 3)])
def test_number_of_processes(tmp_path, monkeypatch, given, used):
    used_jobs = []
    real = images.map_in_processes

    def record(function, items, jobs, lost):
        used_jobs.append(jobs)
        return real(function, items, 1, lost)

    monkeypatch.setattr(images, 'map_in_processes', record)
    custom_classes(tmp_path)
    assert check_data('custom', tmp_path, jobs=given).total == 0
    assert set(used_jobs) == {used}


def test_progress_of_listing_and_reading(tmp_path):
    custom_classes(tmp_path)
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


def test_home_folder_in_the_root_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    custom_classes(tmp_path / 'data')
    assert check_data('custom', Path('~/data'), jobs=1).root == tmp_path / 'data'
    with pytest.raises(InputError, match=r'none cannot be checked'):
        check_data('custom', Path('~/none'))


def test_every_data_set_has_a_check():
    from rm_mm.names import DATASETS

    assert set(datasets._INSPECT) == set(DATASETS)


def test_root_may_be_text_and_a_request_gives_the_same(tmp_path):
    custom_classes(tmp_path)
    request = CheckRequest('custom', str(tmp_path), jobs=1)
    assert check_data(request) == check_data('custom', str(tmp_path), jobs=1)
    assert check_data(request).root == tmp_path


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'name': 'cifar'}, 'unknown data set cifar: expected one of imagenet, '),
        ({'jobs': 0}, 'jobs is 0: expected at least 1'),
        ({'root': '/nowhere'}, '/nowhere cannot be checked: expected the folder'),
    ],
)
def test_invalid_requests(tmp_path, options, message):
    with pytest.raises(InputError, match=f'^{message}'):
        CheckRequest(**{'name': 'custom', 'root': tmp_path} | options)
