"""Files that are no checkpoints: one clear line each, and nothing in them is run."""

import argparse
import collections
import gzip
import io
import json
import os
import pathlib
import sys
import tarfile
import types
import zipfile

import pytest
import torch

from rm_mm.cli import main
from rm_mm.errors import InputError
from rm_mm.transfer.container import read_content


def zipped(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as archive:
        archive.addfile(tarfile.TarInfo('model.pth'), io.BytesIO())
    return buffer.getvalue()


def safetensors(weights):
    from safetensors.torch import save

    return save(weights)


SAFE = safetensors({'w': torch.arange(64.0)})
HEADER = json.dumps({'w': {'dtype': 'F32', 'shape': [10**12], 'data_offsets': [0, 4 * 10**12]}})
# 3 * 10**8 zeros become 300 kB: a file that is a thousandth of what it unpacks to.
BOMB = zipped({'x/data.pkl': bytes(3 * 10**8)}, zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (BOMB, r'declares 300000000 bytes in a file of \d+, like a zip bomb'),
        (zipped({'a.txt': b'x'}), r'zip archive of other files \(a\.txt\)'),
        (zipped({}), r'zip archive of other files \(nothing\)'),
        (
            zipped({'x/data.pkl': b'', 'x/code/x.py': b'', 'x/constants.pkl': b''}),
            'TorchScript program',
        ),
        (tarred(), 'tar archive: unpack it'),
        (gzip.compress(b'x' * 99), 'compressed: unpack it'),
        (SAFE[:-5], 'truncated or damaged safetensors'),
        (SAFE[:20], 'truncated or damaged safetensors'),
        (len(HEADER).to_bytes(8, 'little') + HEADER.encode(), 'damaged safetensors'),
        (b'{"message": "Not Found"}', 'not a PyTorch checkpoint'),
        (bytes(4096), 'not a PyTorch checkpoint'),
        (b'PK\x03\x04' + bytes(100), 'truncated or damaged'),
    ],
)
def test_each_file_is_rejected_in_one_line_and_writes_nothing(tmp_path, content, message, capsys):
    path = tmp_path / 'file.pth'
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_content(path)
    assert '\n' not in str(caught.value)
    assert main(['export', str(path), '-o', str(tmp_path / 'out' / 'b.pth')]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith('rm-mm export: ')
    assert printed.count('\n') == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ['file.pth']


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    path = tmp_path / 'bomb.pth'
    path.write_bytes(BOMB)
    monkeypatch.setattr(torch, 'load', lambda *a, **k: pytest.fail('it was read'))
    with pytest.raises(InputError, match='zip bomb'):
        read_content(path)


def test_a_checkpoint_that_was_zipped_again_is_read(tmp_path):
    torch.save({'w': torch.arange(4096.0)}, tmp_path / 'plain.pth')
    with zipfile.ZipFile(tmp_path / 'plain.pth') as plain:
        members = {info.filename: plain.read(info) for info in plain.infolist()}
    (tmp_path / 'again.pth').write_bytes(zipped(members, zipfile.ZIP_STORED))
    assert read_content(tmp_path / 'again.pth').value['w'][-1] == 4095


class Setting:
    """A class of a training script."""

    def __init__(self, lr):
        self.lr = lr


def test_arguments_of_training_scripts_are_ignored(tmp_path, save):
    args = argparse.Namespace(lr=0.1, output=pathlib.Path('runs'), nested=argparse.Namespace(x=1))
    value = read_content(save({'w': torch.ones(2), 'args': args})).value
    assert torch.equal(value['w'], torch.ones(2))
    assert not hasattr(value['args'], 'lr')


def pretend(monkeypatch, module, name, base):
    """A class of a library that need not be installed, as its pickles name it."""
    made = type(name, (base,), {'__module__': module})
    parts = module.split('.')
    for end in range(1, len(parts) + 1):
        package = '.'.join(parts[:end])
        monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
        sys.modules[package].__path__ = []
    setattr(sys.modules[module], name, made)
    return made


@pytest.mark.parametrize(
    ('module', 'name', 'base'),
    [
        ('easydict', 'EasyDict', dict),
        ('pytorch_lightning.utilities.parsing', 'AttributeDict', dict),
        ('yacs.config', 'CfgNode', dict),
        ('omegaconf.dictconfig', 'DictConfig', object),
    ],
)
def test_the_settings_of_other_libraries_are_ignored(save, monkeypatch, module, name, base):
    setting = pretend(monkeypatch, module, name, base)()
    if base is dict:
        setting['lr'] = 0.1
    else:
        setting.lr = 0.1
    counts = collections.defaultdict(list, x=[1])
    value = read_content(save({'w': torch.ones(2), 'cfg': setting, 'counts': counts})).value
    assert torch.equal(value['w'], torch.ones(2))
    assert type(value['cfg']).__module__ != module
    assert dict(value['counts']) == {'x': [1]}


def test_objects_that_torch_cannot_fill_are_not_called_damage(save, monkeypatch):
    made = pretend(monkeypatch, 'omegaconf.listconfig', 'ListConfig', list)([1])
    with pytest.raises(InputError, match=r'cannot be read without running them \(Can only append'):
        read_content(save({'w': torch.ones(2), 'cfg': made}))


def test_any_other_class_is_named_and_needs_trust(tmp_path, save):
    path = save({'w': torch.ones(2), 'setting': Setting(0.1)})
    with pytest.raises(InputError, match=r'class or function .*test_container\.Setting.*--trust'):
        read_content(path)
    assert read_content(path, trust=True).value['setting'].lr == 0.1


def test_a_whole_module_is_only_exported_with_trust(tmp_path, save, backbone_class, weights):
    network = backbone_class()
    network.load_state_dict(weights)
    path, output = save(network), tmp_path / 'b.pth'
    with pytest.raises(InputError, match=r'class or function \S*mmpretrain\S*ResNet'):
        read_content(path)
    assert not output.exists()
    assert main(['export', str(path), '-o', str(output), '--trust']) == 0
    written = torch.load(output, weights_only=True)['state_dict']
    assert all(torch.equal(written[name], weights[name]) for name in weights)


def test_trust_names_what_is_not_installed(tmp_path, save, monkeypatch):
    path = save({'w': torch.ones(2), 'setting': Setting(0.1)})
    monkeypatch.delattr(__import__(__name__, fromlist=['x']), 'Setting')
    with pytest.raises(InputError, match='needs something that is not installed'):
        read_content(path, trust=True)


@pytest.mark.skipif(os.geteuid() == 0, reason='root may read everything')
def test_a_file_without_read_permission(tmp_path, save):
    path = save({'w': torch.ones(2)})
    path.chmod(0)
    with pytest.raises(InputError, match='cannot read'):
        read_content(path)
