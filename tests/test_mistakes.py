"""What a user gets wrong in a call of train or test: one line, exit code 2, no traceback."""

import pytest

from rm_mm.cli import main

#: A run whose data are nowhere: they are not looked for before the network is built.
TEXT = """
_base_ = 'rm_mm::classification/resnet18_rm_cifar10.py'
data = dict(_delete_=True, type='CIFAR10', data_root='none://', pipeline=[])
train_dataloader = dict(dataset=data)
val_dataloader = train_dataloader
test_dataloader = train_dataloader
auto_scale_lr = None
"""


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['test', 'nothing.pth'], ['no checkpoint at nothing.pth']),
        (['test', 'tiny.py'], ['tiny.py is not a PyTorch checkpoint']),
        (['train', '--resume', 'nothing.pth'], ['no checkpoint at nothing.pth']),
        (['train', '--resume', 'tiny.py'], ['tiny.py is not a PyTorch checkpoint']),
        (['train', '--cfg-options', 'model.backbone.type=Nope'], ['does not build', 'Nope']),
        (['train', '--cfg-options', 'model.backbone.dept=3'], ['does not build', 'dept']),
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
    (tmp_path / 'tiny.py').write_text(TEXT)
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
    (tmp_path / 'tiny.py').write_text(
        TEXT + "model = dict(backbone=dict(init_cfg=dict(type='VerifiedBackbone', checkpoint='x')))"
    )
    assert main(['train', 'tiny.py', '--check']) == 2
    assert 'no backbone at x' in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['tiny.py']
