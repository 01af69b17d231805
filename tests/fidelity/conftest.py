"""Old configs and ours."""

import pytest

from tests.fidelity.changes import RECIPES, read


@pytest.fixture(scope='module', params=RECIPES)
def recipe(request):
    return request.param, *request.getfixturevalue(request.param)


@pytest.fixture(scope='module')
def coco():
    return read('coco')


@pytest.fixture(scope='module')
def ade20k():
    return read('ade20k')
