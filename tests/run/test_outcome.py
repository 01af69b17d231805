import os

import pytest

from rm_mm.cli import main
from rm_mm.run.outcome import best_checkpoint, unfinished


@pytest.fixture
def pretraining(tmp_path):
    """The folder of a run of 300 epochs, as mmengine leaves it after the 12th."""
    folder = tmp_path / 'r50_rm_in1k'
    folder.mkdir()
    (folder / 'r50_rm_in1k.py').write_text('train_cfg = dict(by_epoch=True, max_epochs=300)')
    (folder / 'last_checkpoint').write_text(f'{folder}/epoch_12.pth')
    (folder / 'best_accuracy_top1_epoch_9.pth').touch()
    return folder


def test_how_far_a_run_got(pretraining):
    assert unfinished(pretraining) == 'epoch 12 of 300'
    (pretraining / 'last_checkpoint').write_text(f'{pretraining}/epoch_300.pth')
    assert unfinished(pretraining) is None
    # A run of iterations.
    (pretraining / 'r50_rm_in1k.py').write_text('train_cfg = dict(max_iters=80000)')
    (pretraining / 'last_checkpoint').write_text(f'{pretraining}/iter_8000.pth')
    assert unfinished(pretraining) == 'iter 8000 of 80000'
    # A best checkpoint that was copied here tells nothing about a run.
    (pretraining / 'last_checkpoint').unlink()
    assert unfinished(pretraining) is None


def test_an_evaluation_does_not_make_a_run_longer(pretraining):
    # Trained for 12 epochs by --cfg-options; the evaluation left the recipe's own config.
    (pretraining / 'environment.json').write_text('{"length": {"max_epochs": 12}}')
    assert unfinished(pretraining) is None
    (pretraining / 'environment.json').write_text('{"length": {"max_epochs": 13}}')
    assert unfinished(pretraining) == 'epoch 12 of 13'
    # If it is damaged, the config next to it counts.
    (pretraining / 'environment.json').write_text('{"len')
    assert unfinished(pretraining) == 'epoch 12 of 300'


def test_the_best_checkpoint_is_the_newest_of_the_best(pretraining):
    newer = pretraining / 'best_accuracy_top1_epoch_10.pth'
    newer.touch()
    os.utime(pretraining / 'best_accuracy_top1_epoch_9.pth', (1, 1))
    assert best_checkpoint(pretraining) == newer
    # If several metrics have a best checkpoint, the one that counts decides.
    other = pretraining / 'best_accuracy_top5_epoch_11.pth'
    other.touch()
    os.utime(other, (2e9, 2e9))
    assert best_checkpoint(pretraining) == other
    assert best_checkpoint(pretraining, 'accuracy/top1') == newer
    assert best_checkpoint(pretraining, 'mIoU') == other


def test_a_transfer_does_not_take_the_backbone_of_a_run_under_way(
    pretraining, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr('rm_mm.suite.cell.checks.require_data', lambda *_, **__: None)
    call = ['transfer', 'atss', 'coco', '--methods', 'rm', '--work-dir', str(tmp_path)]
    assert main([*call, '--gpus', '8']) == 1
    message = capsys.readouterr().err
    assert 'rm: not run, its pretraining is at epoch 12 of 300' in message
    assert f'--work-dir {pretraining} --resume' in message
    assert not (pretraining / 'backbone.pth').exists()
