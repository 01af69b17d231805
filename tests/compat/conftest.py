import sys
from types import SimpleNamespace

import pytest

# First, so that mmcv finds its ops when the tests import it.
import rm_mm  # noqa: F401


@pytest.fixture
def substitute_ops(monkeypatch):
    """Make mmcv's wrappers call the substitutes, also where an extension is compiled."""
    import mmcv.ops  # noqa: F401

    from rm_mm.compat.ops import OPS

    for wrapper in ('nms', 'roi_align', 'roi_pool', 'focal_loss'):
        # By name: mmcv.ops.nms is the function.
        module = sys.modules[f'mmcv.ops.{wrapper}']
        monkeypatch.setattr(module, 'ext_module', SimpleNamespace(**OPS))
