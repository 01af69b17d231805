"""What mmengine writes it reads, on both lines; what somebody else slips in stays shut."""

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
only_upstream = pytest.mark.skipif(not UPSTREAM, reason='the onedl line has its own way')


def curve():
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    buffer.update(np.float64(6.0))
    return buffer


def load_as_upstream(path):
    """What torch.load does with the globals that upstream mmengine is lent, on either line."""
    with torch.serialization.safe_globals(safe_globals()):
        return torch.load(path, weights_only=True)


def test_the_curves_of_a_run_come_back(tmp_path):
    torch.save({'message_hub': {'log_scalars': {'loss': curve()}}}, tmp_path / 'run.pth')
    for content in (
        CheckpointLoader.load_checkpoint(str(tmp_path / 'run.pth')),
        load_as_upstream(tmp_path / 'run.pth'),
    ):
        buffer = content['message_hub']['log_scalars']['loss']
        # (1 + 2 + 6) / 3, over the whole and the last two.
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
def test_numbers_of_numpy_come_back(tmp_path, value):
    torch.save({'value': value}, tmp_path / 'run.pth')
    assert np.array_equal(load_as_upstream(tmp_path / 'run.pth')['value'], value)


def test_a_run_goes_on_under_the_other_numpy(tmp_path):
    """NumPy 1 names its functions in numpy.core, NumPy 2 in numpy._core; the file has the other."""
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


def test_nothing_stays_allowed(tmp_path):
    before = torch.serialization.get_safe_globals()
    torch.save({'loss': curve()}, tmp_path / 'run.pth')
    CheckpointLoader.load_checkpoint(str(tmp_path / 'run.pth'))
    assert set(map(str, torch.serialization.get_safe_globals())) == set(map(str, before))


class _Call:
    """Unpickled, it calls a function with arguments, and sets the state of what comes back."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = function, arguments, *([state] if state is not None else [])

    def __reduce__(self):
        return self.reduced


def kind(letters, *state):
    return _Call(np.dtype, letters, False, True, state=state or None)


def array(shape, dtype, content, function=RECONSTRUCT, cls=np.ndarray):
    return _Call(function, cls, (0,), b'b', state=(1, shape, dtype, False, content))


EVIL = {
    'a command': lambda trap: _Call(os.mkdir, str(trap)),
    'an attribute of a class': lambda trap: _Call(getattr, HistoryBuffer, '__init__'),
    'a method of something else': lambda trap: _Call(getattr, np.ndarray, 'mean'),
    'another method': lambda trap: _Call(getattr, HistoryBuffer, 'register_statistics'),
    'no name': lambda trap: _Call(getattr, HistoryBuffer, 3),
    # Pointers of the file's choice: reading one of these ends the process.
    'an array of objects': lambda trap: _Call(np.ndarray, (10,), kind('O'), b'A' * 80),
    'an array called for': lambda trap: _Call(np.ndarray, (10,)),
    'objects by state': lambda trap: array((1,), kind('O8'), [{}]),
    'raw bytes by state': lambda trap: array((1,), kind('V8'), b'A' * 8),
    'too few bytes': lambda trap: array((1000,), kind('f8'), b'A' * 8),
    'too many bytes': lambda trap: array((1,), kind('f8'), b'A' * 80),
    'a negative size': lambda trap: array((-1,), kind('f8'), b''),
    'no size': lambda trap: array(None, kind('f8'), b''),
    'flags of a kind': lambda trap: array(
        (1,), kind('f8', 3, 'x', None, None, None, 8, 8, 63), b'A' * 8
    ),
    'a scalar of another length': lambda trap: _Call(SCALAR, kind('f8'), b'A'),
    'a scalar of an object': lambda trap: _Call(SCALAR, kind('O8'), b'A' * 8),
}


@pytest.mark.parametrize('name', EVIL)
def test_anything_else_is_refused(tmp_path, name):
    trap = tmp_path / 'ran'
    torch.save({'x': EVIL[name](trap)}, tmp_path / 'evil.pth')
    with pytest.raises((pickle.UnpicklingError, ValueError)):
        load_as_upstream(tmp_path / 'evil.pth')
    assert not trap.exists()


def test_what_is_read_is_saved_as_if_it_had_never_been_away(tmp_path):
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
    """What mmengine 0.10.7 has: it leaves torch.load its default."""

    class CheckpointLoader:
        @classmethod
        def load_checkpoint(cls, path):
            return torch.load(path, weights_only=True)


def test_the_mend_is_what_lets_it_read(tmp_path):
    torch.save({'loss': curve()}, tmp_path / 'run.pth')
    bare = type('bare', (), {'CheckpointLoader': _Bare.CheckpointLoader})
    with pytest.raises(pickle.UnpicklingError):
        bare.CheckpointLoader.load_checkpoint(tmp_path / 'run.pth')
    upstream._read_own_checkpoints(bare)
    before = set(map(str, torch.serialization.get_safe_globals()))
    assert bare.CheckpointLoader.load_checkpoint(tmp_path / 'run.pth')['loss'].mean() == 3.0
    assert set(map(str, torch.serialization.get_safe_globals())) == before


@only_upstream
def test_it_is_mended_there():
    assert isinstance(CheckpointLoader.__dict__['load_checkpoint'], wrapt.FunctionWrapper)


@only_upstream
def test_mmengine_itself_refuses_too(tmp_path):
    trap = tmp_path / 'ran'
    torch.save({'x': EVIL['a command'](trap)}, tmp_path / 'evil.pth')
    with pytest.raises(pickle.UnpicklingError):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'evil.pth'))
    assert not trap.exists()


@pytest.mark.skipif(UPSTREAM, reason='it is mended there')
def test_the_onedl_line_is_left_alone():
    assert not isinstance(CheckpointLoader.__dict__['load_checkpoint'], wrapt.FunctionWrapper)


def test_class_weights_stand_beside_pixels_to_ignore():
    from mmseg.models.losses import CrossEntropyLoss

    # Two classes that are as likely: log 2 each. Of the weights 1 and 3 the ignored pixel has none.
    loss = CrossEntropyLoss(class_weight=[1.0, 3.0])
    scores = torch.zeros(1, 2, 1, 3)
    label = torch.tensor([[[0, 1, 255]]])
    assert loss(scores, label, ignore_index=255).item() == pytest.approx(np.log(2))
    scores[0, 0, 0, 0] = np.log(3)
    # log 4/3 with weight 1, log 2 with weight 3.
    expected = (np.log(4 / 3) + 3 * np.log(2)) / 4
    assert loss(scores, label, ignore_index=255).item() == pytest.approx(expected)
    plain = CrossEntropyLoss()
    # Without weights, over all pixels, as ever.
    expected = (np.log(4 / 3) + np.log(2)) / 3
    assert plain(scores, label, ignore_index=255).item() == pytest.approx(expected)
