"""What a user gets wrong in a call of train or test: one line, exit code 2, no traceback."""

import pytest
import torch

from rm_mm.cli import main

#: A run on a folder with one empty image, which is never read.
TEXT = """
_base_ = 'rm_mm::classification/resnet18_rm_cifar10.py'
data = dict(_delete_=True, type='CustomDataset', data_root='images', pipeline=[])
train_dataloader = dict(dataset=data)
val_dataloader = train_dataloader
test_dataloader = train_dataloader
auto_scale_lr = None
"""


def write_tiny(folder, text=TEXT):
    (folder / 'tiny.py').write_text(text)
    (folder / 'images' / 'a').mkdir(parents=True)
    (folder / 'images' / 'a' / '1.png').touch()


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['test', 'nothing.pth'], ['no checkpoint at nothing.pth']),
        (['test', 'tiny.py'], ['tiny.py is not a PyTorch checkpoint']),
        (['train', '--resume', 'nothing.pth'], ['no checkpoint at nothing.pth']),
        (['train', '--resume', 'tiny.py'], ['tiny.py is not a PyTorch checkpoint']),
        (['train', '--cfg-options', 'model.backbone.type=Nope'], ['does not build', 'Nope']),
        (['train', '--cfg-options', 'model.backbone.dept=3'], ['does not build', 'dept']),
        (['train', '--cfg-options', 'optim_wrapper.optimizer.type=No'], ['does not build', 'No']),
        (['train', '--cfg-options', 'val_evaluator.type=No'], ['does not build', 'No']),
        (['train', '--cfg-options', 'train_dataloader=None'], ['has no train_dataloader']),
        (['train', '--cfg-options', 'model'], ['KEY=VALUE']),
        (
            [
                'train',
                '--cfg-options',
                'param_scheduler.type=WarmupCosineLR',
                'param_scheduler.T_max=300',
                'train_cfg.max_epochs=301',
            ],
            ['max_epochs=301 is more than T_max=300'],
        ),
        (['train', '--work-dir', '/dev/null/runs'], ['/dev/null/runs']),
        (
            [
                'train',
                '--cfg-options',
                'model.backbone.init_cfg.type=VerifiedBackbone',
                'model.backbone.init_cfg.checkpoint=none.pth',
            ],
            ['no backbone at none.pth', 'rm-mm export'],
        ),
    ],
)
def test_one_line_and_exit_2(arguments, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path)
    command, *rest = arguments
    assert main([command, 'tiny.py', *rest]) == 2
    message = capsys.readouterr().err
    # mmengine's logger may still hold the stream of an earlier test, and complain before.
    message = message[message.index(f'rm-mm {command}: ') :]
    assert message.count('\n') == 1
    for word in words:
        assert word in message


def test_a_config_that_imports_what_is_not_there(tmp_path, capsys):
    config = tmp_path / 'mine.py'
    config.write_text("custom_imports = dict(imports='no_such_module')\n")
    assert main(['train', str(config)]) == 2
    assert 'no_such_module' in capsys.readouterr().err


def test_a_check_finds_an_absent_backbone_before_anything_starts(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "model = dict(backbone=dict(init_cfg=dict(type='VerifiedBackbone', checkpoint='x')))"
    write_tiny(tmp_path, TEXT + text)
    assert main(['train', 'tiny.py', '--check']) == 2
    assert 'no backbone at x' in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ['images', 'tiny.py']


@pytest.mark.parametrize(
    'config', ['detection/gfl_r50_coco.py', 'mmseg::fcn/fcn_r50-d8_4xb4-80k_ade20k-512x512.py']
)
def test_any_config_takes_a_backbone_by_option(tmp_path, capsys, monkeypatch, config):
    monkeypatch.setattr('rm_mm.run.preparation.require_data', lambda *_: None)
    path = tmp_path / 'mine.py'
    path.write_text(f"_base_ = '{config if '::' in config else f'rm_mm::{config}'}'")
    call = ['train', str(path), '--check', '--batch-policy', 'as-is', '--backbone']
    backbone = tmp_path / 'backbone.pth'
    assert main([*call, str(backbone)]) == 2
    assert f'no backbone at {backbone}' in capsys.readouterr().err
    backbone.touch()
    assert main([*call, str(backbone)]) == 0


def test_a_resumed_run_keeps_its_batch(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path, TEXT.replace('auto_scale_lr = None', ''))
    runs = tmp_path / 'runs'
    runs.mkdir()
    torch.save({'state_dict': {'weight': torch.zeros(1)}}, runs / 'epoch_1.pth')
    (runs / 'environment.json').write_text('{"batch": "the recipe\'s"}')
    call = ['train', 'tiny.py', '--work-dir', 'runs', '--resume', '--check']
    assert main(call) == 0
    half = ['--cfg-options', 'train_dataloader.batch_size=64', '--batch-policy', 'as-is']
    assert main([*call, *half]) == 2
    assert "was begun with the recipe's, this call has global batch 64" in capsys.readouterr().err
    (runs / 'environment.json').write_text('{"bat')
    assert main(call) == 2
    assert 'environment.json is damaged' in capsys.readouterr().err
