import importlib.util
import subprocess
import sys

import pytest

from rm_mm.compat import MissingOpError, config_scopes, extend_stack, mmcv_ext, ops_in_use
from rm_mm.compat.ops import OPS


def run(code, *path):
    """Run a fresh interpreter and return what it printed."""
    root = str(config_scopes.PACKAGE.parent)
    done = subprocess.run(
        [sys.executable, '-c', code],
        env={'PYTHONPATH': ':'.join([*map(str, path), root])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def substitute():
    """Build the substitute, whether or not this environment uses it."""
    finder = next(f for f in sys.meta_path if isinstance(f, mmcv_ext._SubstituteFinder))
    spec = finder.find_spec('mmcv._ext', None)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bare_mmcv(tmp_path):
    (tmp_path / 'mmcv').mkdir()
    (tmp_path / 'mmcv' / '__init__.py').touch()
    return tmp_path


def test_importing_the_package_is_light():
    heavy = {'torch', 'torchvision', 'numpy', 'mmengine', 'mmcv', 'mmdet', 'mmseg', 'mmpretrain'}
    assert not heavy & set(run('import rm_mm, sys; print(*sys.modules)'))


def test_a_compiled_extension_wins(bare_mmcv):
    (bare_mmcv / 'mmcv' / '_ext.py').write_text("nms = 'compiled nms'")
    code = """
from rm_mm.compat import ops_in_use
before = ops_in_use()
import mmcv._ext
print(before, ops_in_use(), mmcv._ext.nms.split()[0])
"""
    assert run(code, bare_mmcv) == ['compiled'] * 3


def test_the_substitute_is_found_without_being_loaded(bare_mmcv):
    code = """
import importlib.util, sys
from rm_mm.compat import ops_in_use
found = importlib.util.find_spec('mmcv._ext') is not None
print(ops_in_use(), found, 'torch' in sys.modules, importlib.util.find_spec('mmcv._other'))
"""
    assert run(code, bare_mmcv) == ['substitute', 'True', 'False', 'None']


def test_mmdet_imported_too_early_is_reported(bare_mmcv):
    code = """
import sys, types, warnings
sys.modules['mmdet.models'] = types.ModuleType('mmdet.models')
with warnings.catch_warnings(record=True) as caught:
    import rm_mm
print(caught[0].message)
"""
    assert ' '.join(run(code, bare_mmcv)).startswith('mmdet was imported before rm_mm')


def test_the_substitute_holds_the_ops_and_is_marked(substitute):
    assert {name: getattr(substitute, name) for name in OPS} == OPS
    assert getattr(substitute, mmcv_ext.SUBSTITUTE_MARK)


def test_a_missing_op_exists_and_raises_when_called(substitute):
    assert hasattr(substitute, 'carafe_forward')
    op = substitute.carafe_forward
    with pytest.raises(MissingOpError) as raised:
        op(1, group=2)
    message = str(raised.value)
    assert "'carafe_forward'" in message
    assert 'mim install' in message
    assert '--no-build-isolation' in message
    assert 'torch <= 2.10' in message
    assert isinstance(raised.value, RuntimeError)


def test_private_names_do_not_exist(substitute):
    assert not hasattr(substitute, '__wrapped__')
    assert not hasattr(substitute, '_private')


def test_extending_the_stack_again_changes_nothing():
    before = list(sys.meta_path)
    extend_stack()
    assert sys.meta_path == before


@pytest.mark.skipif(ops_in_use() != 'substitute', reason='mmcv is compiled')
def test_a_layer_that_needs_a_missing_op_names_it():
    import torch
    from mmcv.ops import DeformConv2d

    layer = DeformConv2d(1, 1, 3, padding=1)
    with pytest.raises(MissingOpError, match='deform_conv_forward'):
        layer(torch.zeros(1, 1, 4, 4), torch.zeros(1, 18, 4, 4))


def test_the_environment_report_of_mmcv_still_works():
    from mmcv.utils import collect_env

    assert collect_env()['MMCV Compiler']
