"""Prepare from Python."""

import pytest

from rm_mm.data.prepare import PrepareRequest, prepare_data
from rm_mm.errors import InputError
from tests.data.prepare import archives


def test_result_and_notes(tmp_path):
    archives.cifar10(tmp_path / 'a')
    notes = []
    request = PrepareRequest('cifar10', str(tmp_path / 'r'), str(tmp_path / 'a'), subset=1)
    result = prepare_data(request, note=notes.append)
    assert result.root == tmp_path / 'r'
    # One image of each of ten classes.
    assert result.written == {'train': 10, 'test': 10}
    assert result.present == {}
    assert result.notes == notes
    assert 'is not the published file' in notes[0]
    again = prepare_data(request)
    assert (again.written, again.present) == ({}, {'train': 10, 'test': 10})


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'name': 'cifar'}, 'unknown data set cifar: expected one of imagenet, '),
        ({'subset': 0}, 'the subset has 0 images per class: expected at least 1'),
        ({'archives': '/nowhere'}, 'no folder /nowhere: expected the archives of coco'),
        ({'name': 'custom'}, 'custom has no official archives'),
    ],
)
def test_invalid_requests(tmp_path, options, message):
    with pytest.raises(InputError, match=f'^{message}'):
        PrepareRequest(**{'name': 'coco', 'root': tmp_path} | options)
