"""The shell scripts, called as a user calls them, with two processes on gloo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rm_mm.data import mini

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def run(command):
    environment = {**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'}
    result = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def call(*command):
    return run(['bash', *command])


def test_two_processes_train_and_test(tmp_path):
    root = mini.prepare_mini(
        tmp_path / 'mini', train_images=40, val_images=20, train_scenes=2, val_scenes=2
    )
    config = 'configs/classification/r18_rm_mini.py'
    options = ['--data-root', root / 'imagenet', '--work-dir', tmp_path / 'run']
    short = ['train_dataloader.batch_size=5', 'train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
    again = ['--batch-policy', 'as-is', '--cfg-options', *short]
    log = call('tools/dist_train.sh', config, 2, *options, *again)
    assert "global batch 10 (2 processes x 5) instead of the recipe's 32, as asked for" in log
    # 40 images in batches of 5 on two processes are 4 iterations.
    assert 'processes communicate through gloo' in log
    assert 'GPU number: 2' in log
    (best,) = (tmp_path / 'run').glob('best_*.pth')
    log = call('tools/dist_test.sh', config, best, 2, *options)
    assert 'accuracy/top1' in log
    log = call('tools/dist_test.sh', config, 'none', 2, *options)
    assert 'accuracy/top1' in log


def test_another_batch_is_rejected_once_and_with_exit_2(tmp_path):
    root = mini.prepare_mini(
        tmp_path / 'mini', train_images=40, val_images=20, train_scenes=2, val_scenes=2
    )
    script = ['bash', 'tools/dist_train.sh', 'configs/classification/r18_rm_mini.py', '2']
    options = ['--data-root', root / 'imagenet', '--work-dir', tmp_path / 'run']
    environment = {**os.environ, 'PYTHON': sys.executable}
    result = subprocess.run(
        [*script, *map(str, options)], capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert result.returncode == 2
    assert result.stderr.count('--batch-policy accumulate') == 1
    assert "global batch 64 (2 processes x 32) is not the recipe's 32" in result.stderr
    assert not (tmp_path / 'run').exists()


def test_one_process_through_the_python_scripts(tmp_path):
    root = mini.prepare_mini(
        tmp_path / 'mini', train_images=20, val_images=10, train_scenes=4, val_scenes=2
    )
    for config, data in (
        ('detection/atss_r18_scratch_mini.py', 'coco'),
        ('segmentation/upernet_r18_scratch_mini.py', 'ade/ADEChallengeData2016'),
    ):
        options = ['--data-root', root / data, '--work-dir', tmp_path / data]
        short = ['train_dataloader.batch_size=2', 'train_dataloader.num_workers=0']
        length = 'max_epochs' if data == 'coco' else 'max_iters'
        short += [f'train_cfg.{length}=1', 'train_cfg.val_interval=1']
        # Accumulate the recipe's batch of 8 from two images at a time.
        options += ['--batch-policy', 'accumulate']
        script = [sys.executable, 'tools/train.py', config, *options, '--cfg-options', *short]
        options = options[:-2]
        run(script)
        checkpoint = next((tmp_path / data).glob('best_*.pth'), None)
        checkpoint = checkpoint or next((tmp_path / data).glob('*_1.pth'))
        test = [sys.executable, 'tools/test.py', config, checkpoint, *options]
        test += ['--out', tmp_path / f'{length}.json']
        run(test)
        assert (tmp_path / f'{length}.json').read_text().startswith('{')
