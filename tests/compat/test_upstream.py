"""Both lines read checkpoints that mmengine wrote, and execute nothing in hostile ones."""

import importlib.metadata
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
import wrapt
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader

import rm_mm  # noqa: F401
from rm_mm.compat import upstream
from rm_mm.compat.curves import safe_globals

try:
    from numpy._core.multiarray import _reconstruct as RECONSTRUCT
    from numpy._core.multiarray import scalar as SCALAR
except ImportError:
    from numpy.core.multiarray import _reconstruct as RECONSTRUCT
    from numpy.core.multiarray import scalar as SCALAR

UPSTREAM = any(found.name == 'mmengine' for found in importlib.metadata.distributions())
only_upstream = pytest.mark.skipif(not UPSTREAM, reason='the onedl line has its own fix')


def curve():
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    buffer.update(np.float64(6.0))
    return buffer


def load_as_upstream(path):
    """Load a file with the safe globals that upstream mmengine gets, on either line."""
    with torch.serialization.safe_globals(safe_globals()):
        return torch.load(path, weights_only=True)


def test_histories_are_read(tmp_path):
    torch.save({'message_hub': {'log_scalars': {'loss': curve()}}}, tmp_path / 'run.pth')
    for content in (
        CheckpointLoader.load_checkpoint(str(tmp_path / 'run.pth')),
        load_as_upstream(tmp_path / 'run.pth'),
    ):
        buffer = content['message_hub']['log_scalars']['loss']
        # (1 + 2 + 6) / 3, over all values, then over the last two.
        assert buffer.mean() == 3.0
        assert buffer.mean(2) == 4.0
        assert buffer.statistics('max') == 6.0


KINDS = ('f2', 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u4', 'u8', 'b1')


@pytest.mark.parametrize(
    'value',
    [
        *(np.ones(3, kind) for kind in KINDS),
        np.float32(2.5),
        np.int64(3),
        np.arange(6.0).reshape(2, 3).T,
    ],
)
def test_numpy_values_are_read(tmp_path, value):
    torch.save({'value': value}, tmp_path / 'run.pth')
    assert np.array_equal(load_as_upstream(tmp_path / 'run.pth')['value'], value)


def test_a_checkpoint_of_the_other_numpy_is_read(tmp_path):
    """Functions are in numpy.core in NumPy 1, and in numpy._core in NumPy 2."""
    torch.save({'loss': curve()}, tmp_path / 'run.pth')
    cores = [b'numpy._core.multiarray', b'numpy.core.multiarray']
    with zipfile.ZipFile(tmp_path / 'run.pth') as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    (data,) = (name for name in held if name.endswith('/data.pkl'))
    (written,) = (core for core in cores if core in held[data])
    (other,) = (core for core in cores if core != written)
    held[data] = held[data].replace(written, other)
    with zipfile.ZipFile(tmp_path / 'other.pth', 'w') as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    # (1 + 2 + 6) / 3
    assert load_as_upstream(tmp_path / 'other.pth')['loss'].mean() == 3.0


def test_the_safe_list_is_restored(tmp_path):
    before = torch.serialization.get_safe_globals()
    torch.save({'loss': curve()}, tmp_path / 'run.pth')
    CheckpointLoader.load_checkpoint(str(tmp_path / 'run.pth'))
    assert set(map(str, torch.serialization.get_safe_globals())) == set(map(str, before))


class _Call:
    """When unpickled, calls a function with arguments and sets the state of the result."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = function, arguments, *([state] if state is not None else [])

    def __reduce__(self):
        return self.reduced


def dtype_call(code, *state):
    return _Call(np.dtype, code, False, True, state=state or None)


def array(shape, dtype, content, function=RECONSTRUCT, cls=np.ndarray):
    return _Call(function, cls, (0,), b'b', state=(1, shape, dtype, False, content))


EVIL = {
    'a command': lambda trap: _Call(os.mkdir, str(trap)),
    'an attribute of a class': lambda trap: _Call(getattr, HistoryBuffer, '__init__'),
    'a method of something else': lambda trap: _Call(getattr, np.ndarray, 'mean'),
    'another method': lambda trap: _Call(getattr, HistoryBuffer, 'register_statistics'),
    'an attribute that is no name': lambda trap: _Call(getattr, HistoryBuffer, 3),
    # Pointers chosen by the file: reading one of these would crash the process.
    'an array of objects': lambda trap: _Call(np.ndarray, (10,), dtype_call('O'), b'A' * 80),
    'a direct call of ndarray': lambda trap: _Call(np.ndarray, (10,)),
    'objects by state': lambda trap: array((1,), dtype_call('O8'), [{}]),
    'raw bytes by state': lambda trap: array((1,), dtype_call('V8'), b'A' * 8),
    'too few bytes': lambda trap: array((1000,), dtype_call('f8'), b'A' * 8),
    'too many bytes': lambda trap: array((1,), dtype_call('f8'), b'A' * 80),
    'a negative size': lambda trap: array((-1,), dtype_call('f8'), b''),
    'no shape': lambda trap: array(None, dtype_call('f8'), b''),
    'flags of a dtype': lambda trap: array(
        (1,), dtype_call('f8', 3, 'x', None, None, None, 8, 8, 63), b'A' * 8
    ),
    'a scalar of another length': lambda trap: _Call(SCALAR, dtype_call('f8'), b'A'),
    'a scalar of an object': lambda trap: _Call(SCALAR, dtype_call('O8'), b'A' * 8),
}


@pytest.mark.parametrize('name', EVIL)
def test_anything_else_is_rejected(tmp_path, name):
    trap = tmp_path / 'ran'
    torch.save({'x': EVIL[name](trap)}, tmp_path / 'evil.pth')
    with pytest.raises((pickle.UnpicklingError, ValueError)):
        load_as_upstream(tmp_path / 'evil.pth')
    assert not trap.exists()


def test_what_is_read_can_be_saved_and_read_again(tmp_path):
    torch.save(curve(), tmp_path / 'run.pth')
    torch.save(load_as_upstream(tmp_path / 'run.pth'), tmp_path / 'again.pth')
    first, second = (
        torch.serialization.get_unsafe_globals_in_checkpoint(tmp_path / name)
        for name in ('run.pth', 'again.pth')
    )
    assert sorted(first) == sorted(second)
    buffer = load_as_upstream(tmp_path / 'again.pth')
    buffer.update(3.0)
    # (1 + 2 + 6 + 3) / 4
    assert buffer.mean() == 3.0
    torch.save(buffer, tmp_path / 'longer.pth')
    assert load_as_upstream(tmp_path / 'longer.pth').mean() == 3.0


class _Bare:
    """Like mmengine 0.10.7, which uses the defaults of torch.load."""

    class CheckpointLoader:
        @classmethod
        def load_checkpoint(cls, path):
            return torch.load(path, weights_only=True)


def test_the_fix_is_what_makes_it_readable(tmp_path):
    torch.save({'loss': curve()}, tmp_path / 'run.pth')
    bare = type('bare', (), {'CheckpointLoader': _Bare.CheckpointLoader})
    with pytest.raises(pickle.UnpicklingError):
        bare.CheckpointLoader.load_checkpoint(tmp_path / 'run.pth')
    upstream._read_own_checkpoints(bare)
    before = set(map(str, torch.serialization.get_safe_globals()))
    assert bare.CheckpointLoader.load_checkpoint(tmp_path / 'run.pth')['loss'].mean() == 3.0
    assert set(map(str, torch.serialization.get_safe_globals())) == before


@only_upstream
def test_the_upstream_line_is_fixed():
    assert isinstance(CheckpointLoader.__dict__['load_checkpoint'], wrapt.FunctionWrapper)


@only_upstream
def test_the_fixed_mmengine_rejects_a_command(tmp_path):
    trap = tmp_path / 'ran'
    torch.save({'x': EVIL['a command'](trap)}, tmp_path / 'evil.pth')
    with pytest.raises(pickle.UnpicklingError):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'evil.pth'))
    assert not trap.exists()


@pytest.mark.skipif(UPSTREAM, reason='the fix is for this line')
def test_the_onedl_line_is_left_alone():
    assert not isinstance(CheckpointLoader.__dict__['load_checkpoint'], wrapt.FunctionWrapper)


def test_class_weights_can_be_combined_with_ignored_pixels():
    from mmseg.models.losses import CrossEntropyLoss

    # Two equally likely classes: log 2 each, with weights 1 and 3. The ignored pixel has no weight.
    loss = CrossEntropyLoss(class_weight=[1.0, 3.0])
    scores = torch.zeros(1, 2, 1, 3)
    label = torch.tensor([[[0, 1, 255]]])
    assert loss(scores, label, ignore_index=255).item() == pytest.approx(np.log(2))
    scores[0, 0, 0, 0] = np.log(3)
    # log 4/3 with weight 1, log 2 with weight 3.
    expected = (np.log(4 / 3) + 3 * np.log(2)) / 4
    assert loss(scores, label, ignore_index=255).item() == pytest.approx(expected)
    plain = CrossEntropyLoss()
    # Without weights, the average is over all pixels, as before.
    expected = (np.log(4 / 3) + np.log(2)) / 3
    assert plain(scores, label, ignore_index=255).item() == pytest.approx(expected)
