"""Two processes with separate histories and draws, resumed in the middle of an epoch."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rm_mm.data import mini
from rm_mm.logs.scalars import evaluation_curve
from rm_mm.recipe.metric import Metric

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_two_processes_resume_in_the_middle_of_an_epoch(tmp_path):
    images = mini.prepare_mini(
        tmp_path / 'data', train_images=80, val_images=20, train_scenes=2, val_scenes=2
    )

    def train(folder, *arguments, ranks=2):
        launch = ['torch.distributed.run', '--standalone', '--nproc-per-node', str(ranks), '-m']
        done = subprocess.run(
            [
                sys.executable, '-m', *launch, 'rm_mm.cli', 'train',
                'classification/r18_rm_mini.py', '--launcher', 'pytorch', *arguments,
                '--work-dir', str(tmp_path / folder), '--data-root', str(images / 'imagenet'),
                '--batch-policy', 'as-is', '--cfg-options',
                f'train_dataloader.batch_size={10 // ranks}', 'train_cfg.max_epochs=2',
                'default_hooks.checkpoint.by_epoch=False', 'default_hooks.checkpoint.interval=3',
                'default_hooks.checkpoint.max_keep_ckpts=-1',
            ],
            capture_output=True, text=True, cwd=ROOT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        logs.append(done.stdout + done.stderr)
        return torch.load(tmp_path / folder / 'iter_16.pth', weights_only=False)

    logs = []
    whole = train('whole')
    ranks = torch.load(tmp_path / 'whole' / 'iter_6.pth', weights_only=False)['resume']['ranks']
    histories = [rank['histories'][0] for rank in ranks]
    # Otherwise this test would show nothing.
    assert not torch.equal(histories[0]['images'], histories[1]['images'])
    # In another folder, so only the checkpoint can be used.
    resumed = train('resumed', '--resume', str(tmp_path / 'whole' / 'iter_6.pth'))
    for part in ('state_dict', 'param_schedulers'):
        assert str(whole[part]) == str(resumed[part])
    for name, value in whole['state_dict'].items():
        assert torch.equal(value, resumed['state_dict'][name]), name
    for index, state in whole['optimizer']['state'].items():
        assert torch.equal(
            state['momentum_buffer'], resumed['optimizer']['state'][index]['momentum_buffer']
        )

    # Each rank evaluates with its own batch-norm statistics; the checkpoint has those of rank 0.
    top1 = Metric('accuracy/top1', 1.0, 'top1_percent')
    curves = [evaluation_curve(tmp_path / folder, top1) for folder in ('whole', 'resumed')]
    assert curves[1]
    assert curves[0][-len(curves[1]) :] == curves[1]
    buffers = [rank.get('buffers') for rank in ranks]
    assert buffers[0] is None
    name = 'backbone.bn1.running_mean'
    assert not torch.equal(buffers[1][0][name], whole['state_dict'][name])

    # One process, with the same global batch.
    alone = train('alone', '--resume', str(tmp_path / 'whole' / 'iter_6.pth'), ranks=1)
    assert 'of 2 processes and this run has 1' in logs[-1]
    assert alone['meta']['iter'] == 16
