"""What mmengine writes it reads, on both lines; what somebody else slips in stays shut."""

import os
import pickle
import zipfile

import mmengine.runner.checkpoint
import numpy as np
import pytest
import torch
import wrapt
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader

import rm_mm  # noqa: F401
from rm_mm.compat import upstream

UPSTREAM = not hasattr(mmengine.runner.checkpoint, '_safe_torch_load')
only_upstream = pytest.mark.skipif(not UPSTREAM, reason='the onedl line has its own way')


def curve():
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    buffer.update(np.float64(6.0))
    return buffer


def load_as_upstream(path):
    """What torch.load does with the globals that upstream mmengine is lent, on either line."""
    with torch.serialization.safe_globals(upstream._own_globals()):
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


@pytest.mark.parametrize('value', [np.float32(2.5), np.int64(3), np.arange(4, dtype='f4')])
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


class _Command:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class _Reach:
    """Asks for an attribute of something that is no buffer."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, '__init__')


@pytest.mark.parametrize('kind', ['command', 'attribute'])
def test_anything_else_is_refused(tmp_path, kind):
    trap = tmp_path / 'ran'
    torch.save({'x': _Command(trap) if kind == 'command' else _Reach()}, tmp_path / 'evil.pth')
    with pytest.raises((pickle.UnpicklingError, ValueError)):
        load_as_upstream(tmp_path / 'evil.pth')
    assert not trap.exists()


@only_upstream
def test_it_is_mended_there():
    assert isinstance(CheckpointLoader.__dict__['load_checkpoint'], wrapt.FunctionWrapper)


@only_upstream
def test_mmengine_itself_refuses_too(tmp_path):
    trap = tmp_path / 'ran'
    torch.save({'x': _Command(trap)}, tmp_path / 'evil.pth')
    with pytest.raises(pickle.UnpicklingError):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'evil.pth'))
    assert not trap.exists()


@pytest.mark.skipif(UPSTREAM, reason='it is mended there')
def test_the_onedl_line_is_left_alone():
    assert not isinstance(CheckpointLoader.__dict__['load_checkpoint'], wrapt.FunctionWrapper)
