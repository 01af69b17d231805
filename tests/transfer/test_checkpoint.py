import hashlib
import io
import os
import pickle

import numpy as np
import pytest
import torch

from rm_mm.errors import InputError
from rm_mm.transfer.checkpoint import inspected_checkpoint, read_checkpoint


def bytes_of(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


class Evil:
    def __init__(self, victim):
        self.victim = victim

    def __reduce__(self):
        return (open, (str(self.victim), 'w'))


def mmengine_content(epoch, best_epoch):
    from mmengine.logging import HistoryBuffer

    return {
        'meta': {'epoch': epoch, 'iter': 10 * epoch, 'seed': np.int64(3), 'mmengine_version': '0'},
        'state_dict': {'backbone.conv1.weight': torch.ones(2)},
        'message_hub': {
            'log_scalars': {'train/loss': HistoryBuffer([1.5], [1])},
            'runtime_info': {
                'best_score': 71.25,
                'best_ckpt': f'/w/best_accuracy_top1_epoch_{best_epoch}.pth',
                'lr': np.float64(0.1),
            },
            'resumed_keys': {},
        },
        'optimizer': {'state': {}, 'param_groups': [{'lr': np.float64(0.1)}]},
    }


def test_reads_what_mmengine_saves_with_the_weights(save):
    path = save(mmengine_content(epoch=3, best_epoch=3))
    # PyTorch alone would reject this content, which is more than tensors.
    assert torch.serialization.get_unsafe_globals_in_checkpoint(path)

    checkpoint = read_checkpoint(path)

    assert checkpoint.format == 'mmengine'
    assert checkpoint.epoch == 3
    assert checkpoint.metrics == {'accuracy_top1': 71.25}
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert torch.equal(checkpoint.state_dict['backbone.conv1.weight'], torch.ones(2))


def test_a_score_of_an_earlier_epoch_is_ignored(save):
    assert read_checkpoint(save(mmengine_content(epoch=4, best_epoch=3))).metrics == {}


def test_reads_the_layout_of_training_scripts(save):
    content = {
        'epoch': 300,
        'best_acc1': torch.tensor(78.5),
        'state_dict': {'module.conv1.weight': torch.ones(2)},
        'optimizer': {},
    }
    checkpoint = read_checkpoint(save(content))
    assert checkpoint.format == 'training-script'
    assert checkpoint.epoch == 300
    assert checkpoint.metrics == {'best_acc1': 78.5}


@pytest.mark.parametrize(
    'value',
    [10**400, torch.ones(1) * 1j, torch.ones(2), torch.ones(1, device='meta'), True, '71'],
    ids=['beyond-any-float', 'complex', 'two', 'meta', 'bool', 'text'],
)
def test_an_accuracy_that_is_no_finite_number_is_ignored(save, value):
    content = {'state_dict': {'w': torch.ones(2)}, 'acc1': value, 'best_acc1': 71}
    assert read_checkpoint(save(content)).metrics == {'best_acc1': 71.0}


def test_reads_a_flat_state_dict_with_parameters_in_it(save):
    checkpoint = read_checkpoint(save({'w': torch.nn.Parameter(torch.ones(2))}))
    assert checkpoint.format == 'state-dict'
    assert not checkpoint.state_dict['w'].requires_grad


@pytest.mark.parametrize('legacy', [False, True])
def test_nothing_in_a_file_is_run_and_the_message_names_it(tmp_path, legacy):
    victim = tmp_path / 'victim'
    path = tmp_path / 'evil.pth'
    torch.save(
        {'state_dict': {'w': torch.ones(2)}, 'x': Evil(victim)},
        path,
        _use_new_zipfile_serialization=not legacy,
    )
    with pytest.raises(InputError, match=r'io\.open'):
        read_checkpoint(path)
    assert not victim.exists()
    # The test is sound: unpickled without care, the file does write.
    torch.load(path, weights_only=False)
    assert victim.exists()


def test_nothing_is_run_even_if_another_library_has_allowed_it(tmp_path):
    victim = tmp_path / 'victim'
    path = tmp_path / 'evil.pth'
    torch.save({'w': torch.ones(2), 'x': Evil(victim)}, path)
    with torch.serialization.safe_globals([(open, '_io.open'), (open, 'io.open')]):
        with pytest.raises(InputError, match='open'):
            read_checkpoint(path)
        assert (open, 'io.open') in torch.serialization.get_safe_globals()
    assert not victim.exists()


def test_getattr_is_a_stand_in(tmp_path):
    """mmengine allows `getattr`, which gives a pickle any method of a tensor."""

    class Reach:
        def __reduce__(self):
            return (getattr, (torch.ones(2), 'numpy'))

    path = tmp_path / 'reach.pth'
    torch.save({'state_dict': {'w': torch.ones(2)}, 'x': Reach()}, path)
    assert list(read_checkpoint(path).state_dict) == ['w']


WHOLE = bytes_of({'w': torch.arange(4096.0)})
LFS = b'version https://git-lfs.github.com/spec/v1\noid sha256:' + b'a' * 64 + b'\nsize 9\n'


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'is empty'),
        (WHOLE[: len(WHOLE) // 2], 'truncated'),
        (WHOLE[:50], 'truncated'),
        (b'\n  <!DOCTYPE html><html><body>404</body></html>', 'web page'),
        (LFS, 'git-LFS pointer'),
        (b'just some text\n', 'not a PyTorch checkpoint'),
        (pickle.dumps([1, 2]), 'not a PyTorch checkpoint'),
        (bytes_of([torch.ones(2)]), 'expected a dict, found a list'),
        (bytes_of({'epoch': 3, 'args': 'x'}), 'found epoch, args'),
        (bytes_of({'w': torch.ones(2), 'lr': 0.1}), 'found lr of type float'),
        (bytes_of({'w': torch.ones(2).to_sparse()}), 'dense tensors, found w'),
    ],
)
def test_a_file_that_is_no_checkpoint_is_rejected_in_one_line(tmp_path, content, message):
    path = tmp_path / 'file.pth'
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_checkpoint(path)
    assert '\n' not in str(caught.value)


def test_paths_without_a_file(tmp_path):
    with pytest.raises(InputError, match='no such file'):
        read_checkpoint(tmp_path / 'absent.pth')
    with pytest.raises(InputError, match='not a file'):
        read_checkpoint(tmp_path)
    link = tmp_path / 'link.pth'
    os.symlink(tmp_path / 'nowhere', link)
    with pytest.raises(InputError, match=r'link to .*nowhere, which does not exist'):
        read_checkpoint(link)


def test_control_characters_do_not_reach_the_terminal(tmp_path, save):
    with pytest.raises(InputError) as caught:
        read_checkpoint(save({'\x1b[2Jgone': 1, 'x\ny': 2}))
    assert str(caught.value).isprintable()
    assert '\\x1b[2Jgone' in str(caught.value)
    with pytest.raises(InputError) as caught:
        read_checkpoint(tmp_path / '\x1b[2J.pth')
    assert str(caught.value).isprintable()


def test_a_sound_checkpoint_of_a_whole_model_is_inspected_and_named(save, monkeypatch):
    path = save({'state_dict': {'backbone.w': torch.ones(2)}})
    assert inspected_checkpoint(str(path)) == str(path)
    monkeypatch.setenv('HOME', str(path.parent))
    assert inspected_checkpoint(f'~/{path.name}') == str(path)


def test_an_unsafe_or_missing_checkpoint_of_a_whole_model_is_rejected(tmp_path, save):
    victim = tmp_path / 'victim'
    evil = save({'state_dict': {'w': torch.ones(2)}, 'x': Evil(victim)})
    with pytest.raises(InputError, match=r'io\.open'):
        inspected_checkpoint(str(evil))
    assert not victim.exists()
    with pytest.raises(InputError, match='no checkpoint at'):
        inspected_checkpoint(str(tmp_path / 'absent.pth'))


def test_addresses_that_mmengine_resolves_are_left_to_it():
    for address in ('s3://bucket/x.pth', 'torchvision://resnet50', 'open-mmlab://resnet50'):
        assert inspected_checkpoint(address) == address
