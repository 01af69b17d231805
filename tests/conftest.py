"""What every test begins with, and leaves behind."""

import sys

import pytest

# Before mmdetection, which needs what it supplies.
import rm_mm  # noqa: F401


@pytest.fixture(autouse=True)
def _no_scope_left():
    """Leave no default scope to the next test: in it a registry looks for another library's."""
    yield
    registry = sys.modules.get('mmengine.registry')
    if registry is not None:
        registry.DefaultScope._instance_dict.clear()


def pytest_make_parametrize_id(val, argname):
    """Name no test by bytes: an archive holds its time of making, other in each worker."""
    return argname if isinstance(val, bytes) else None
