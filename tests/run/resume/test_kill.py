"""The mini recipes, killed with signal 9 in 20 random iterations and resumed."""

import multiprocessing
import os
import random
import signal
import sys
import threading

import pytest
import torch

from rm_mm.data import mini
from rm_mm.logs.scalars import evaluation_curve
from rm_mm.recipe.metric import Metric

KILLS = 20
#: Recipe, folder of its data, options that shorten it to about 30 iterations, metric.
RUNS = {
    'classification': (
        'classification/r18_rm_mini.py',
        'imagenet',
        ['train_dataloader.batch_size=16', 'train_cfg.max_epochs=3', 'train_cfg.val_interval=1'],
        'accuracy/top1',
    ),
    'detection': (
        'detection/atss_r18_rm_mini.py',
        'coco',
        ['train_dataloader.batch_size=4', 'train_cfg.max_epochs=4'],
        'coco/bbox_mAP',
    ),
    'segmentation': (
        'segmentation/upernet_r18_rm_mini.py',
        'ade/ADEChallengeData2016',
        [
            'train_dataloader.batch_size=4', 'train_cfg.max_iters=28', 'train_cfg.val_interval=7',
            'default_hooks.checkpoint.interval=4',
        ],
        'mIoU',
    ),
}  # fmt: skip
CONTEXT = multiprocessing.get_context('forkserver')


def train(arguments, log, kill_at, delay):
    """Train in a child process that is killed some time after an iteration began."""
    torch.set_num_threads(1)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    from mmengine.hooks import Hook
    from mmengine.runner import Runner

    from rm_mm.cli import main

    class Kill(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == kill_at:
                threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()

    built = Runner.train

    def with_kill(self):
        self.register_hook(Kill())
        return built(self)

    Runner.train = with_kill
    sys.exit(main(arguments))


def run(arguments, log, kill_at=-1, delay=0.0):
    """Exit code of the process; negative for a signal."""
    process = CONTEXT.Process(target=train, args=(arguments, str(log), kill_at, delay))
    process.start()
    process.join(300)
    return process.exitcode


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data')
    return mini.prepare_mini(folder, train_images=160, val_images=20, train_scenes=28, val_scenes=4)


def tensors(path):
    """Weights and optimiser state of a checkpoint by name."""
    checkpoint = torch.load(path, weights_only=False)
    found = dict(checkpoint['state_dict'])
    for index, state in checkpoint['optimizer']['state'].items():
        found |= {f'optimizer {index} {name}': value for name, value in state.items()}
    return found


@pytest.mark.slow
@pytest.mark.parametrize('task', RUNS)
def test_twenty_kills_change_no_bit(images, tmp_path, task):
    config, root, options, key = RUNS[task]
    CONTEXT.set_forkserver_preload(['torch', 'rm_mm', 'mmengine.runner', 'mmdet.models', __name__])

    def arguments(folder):
        call = ['train', config, '--resume', '--batch-policy', 'as-is', '--data-root']
        backbone = ['model.backbone.init_cfg=None'] if task != 'classification' else []
        return [
            *call, str(images / root), '--work-dir', str(tmp_path / folder), '--cfg-options',
            *options, *backbone, 'train_dataloader.num_workers=1', 'val_dataloader.num_workers=0',
        ]  # fmt: skip

    assert run(arguments('whole'), tmp_path / 'log') == 0, (tmp_path / 'log').read_text()[-2000:]
    (last,) = (tmp_path / 'whole').glob('epoch_*.pth' if task != 'segmentation' else 'iter_28.pth')
    length = torch.load(last, weights_only=False)['meta']['iter']

    # In the iteration, in what follows it (checkpoint, evaluation), or in the next.
    seconds = evaluation_curve(tmp_path / 'whole', Metric('time', 1.0, 'time'))[-1][1]
    generator = random.Random(task)
    ended = 0
    for kill_at in sorted(generator.sample(range(1, length), KILLS)):
        code = run(arguments('cut'), tmp_path / 'log', kill_at, generator.uniform(0, 2 * seconds))
        assert code in (0, -signal.SIGKILL), (tmp_path / 'log').read_text()[-2000:]
        ended += code == 0
    # A late kill may miss the end of the run.
    assert ended <= 2
    assert run(arguments('cut'), tmp_path / 'log') == 0

    expected, found = tensors(last), tensors(tmp_path / 'cut' / last.name)
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    best = [next((tmp_path / folder).glob('best_*.pth')) for folder in ('whole', 'cut')]
    assert best[0].name == best[1].name
    curves = [
        evaluation_curve(tmp_path / folder, Metric(key, 1.0, key)) for folder in ('whole', 'cut')
    ]
    assert len(curves[0]) >= 3
    assert curves[0] == curves[1]
