"""Checkpoints are written atomically, and the previous one is kept until then."""

import pytest
import torch
from mmengine.config import Config

from rm_mm.run.resume.checkpoints import AtomicBackend, WholeCheckpointHook, keep_whole
from tests.run.resume.small import differences, run, state


def test_an_interrupted_write_keeps_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / 'epoch_1.pth'
    backend = AtomicBackend()
    backend.put(b'first', target)

    def half(path, content):
        with path.open('wb') as file:
            file.write(content[:2])
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('pathlib.Path.write_bytes', half)
    with pytest.raises(OSError, match='No space left'):
        backend.put(b'second', target)
    assert target.read_bytes() == b'first'
    assert [path.name for path in tmp_path.iterdir()] == ['epoch_1.pth']


@pytest.mark.parametrize('failing', ['epoch_2.pth', 'best_score'])
def test_a_full_disk_loses_no_checkpoint(tmp_path, monkeypatch, failing):
    expected, _ = run(tmp_path / 'whole', epochs=3)
    put, writes = AtomicBackend.put, []

    def full(self, obj, filepath):
        writes.append(str(filepath))
        if failing in str(filepath):
            raise OSError(28, 'No space left on device')
        put(self, obj, filepath)

    monkeypatch.setattr(AtomicBackend, 'put', full)
    with pytest.raises(OSError, match='No space left'):
        run(tmp_path / 'cut', epochs=3)
    assert failing in writes[-1]
    kept = sorted(path.name for path in (tmp_path / 'cut').glob('*.pth'))
    assert kept == [{'epoch_2.pth': 'epoch_1.pth', 'best_score': 'epoch_2.pth'}[failing]]

    monkeypatch.setattr(AtomicBackend, 'put', put)
    resumed, _ = run(tmp_path / 'cut', epochs=3, resume=True)
    assert differences(state(resumed), state(expected)) == []
    # One checkpoint of each kind, as configured.
    names = [sorted(p.name for p in (tmp_path / f).glob('*.pth')) for f in ('whole', 'cut')]
    assert names[0] == names[1]
    assert len([name for name in names[1] if name.startswith('epoch')]) == 1


def test_the_best_checkpoint_holds_weights_only(tmp_path):
    run(tmp_path, epochs=2)
    (best,) = tmp_path.glob('best_*.pth')
    assert torch.load(best, weights_only=False)['meta']['epoch'] == 2
    assert {'optimizer', 'resume'}.isdisjoint(torch.load(best, weights_only=False))


def test_configs_get_the_atomic_hook():
    config = Config(dict(default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1))))
    keep_whole(config)
    assert config.default_hooks.checkpoint == dict(type='WholeCheckpointHook', interval=1)
    own = Config(dict(default_hooks=dict(checkpoint=dict(type='CustomHook'))))
    keep_whole(own)
    assert own.default_hooks.checkpoint.type == 'CustomHook'
    none = Config(dict(default_hooks=dict(checkpoint=None)))
    keep_whole(none)
    assert none.default_hooks.checkpoint is None
    # Without an entry mmengine adds its default hook.
    for hooks in ({}, {'default_hooks': {'logger': None}}):
        silent = Config(hooks)
        keep_whole(silent)
        assert silent.default_hooks.checkpoint == dict(type='WholeCheckpointHook', interval=1)


def test_other_storage_keeps_its_backend():
    assert WholeCheckpointHook().backend_args == {'backend': 'atomic'}
    assert WholeCheckpointHook(out_dir='s3://bucket').backend_args is None
    assert WholeCheckpointHook(backend_args={'backend': 'petrel'}).backend_args == {
        'backend': 'petrel'
    }


def test_only_incomplete_files_of_a_killed_run_are_removed(tmp_path):
    run(tmp_path, epochs=2)
    names = {'.epoch_3.pth.0123456789abcdef.tmp', 'epoch_1.pth', 'epoch_9.pth.txt'}
    for name in names:
        (tmp_path / name).touch()
    run(tmp_path, epochs=3, resume=True)
    assert {name for name in names if (tmp_path / name).exists()} == {
        'epoch_1.pth', 'epoch_9.pth.txt',
    }  # fmt: skip
