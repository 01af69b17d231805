"""A small run that draws wherever a real one does, with mmengine's runner and loops."""

import copy
import random

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch.utils.data import Dataset

from rm_mm.run.resume.hooks import ExactResumeHook, SeedHook
from tests.pretrain.conftest import MODEL


class Images(Dataset):
    """22 images, each with noise from all three generators."""

    def __len__(self):
        return 22

    def __getitem__(self, index):
        noise = torch.from_numpy(np.random.rand(3, 32, 32)).float() + torch.rand(3, 1, 1)
        image = index / 22 + random.random() * noise
        return {'inputs': image, 'data_samples': DataSample().set_gt_label(index % 5)}


class Cut(Hook):
    """Interrupts the run like a signal, in an iteration or an evaluation."""

    priority = 'LOWEST'

    def __init__(self, at):
        self.at = at

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == self.at:
            raise KeyboardInterrupt

    def before_val_epoch(self, runner):
        if self.at == f'evaluation {runner.iter}':
            raise KeyboardInterrupt


class Score:
    """An evaluation that depends on all weights and also draws a number."""

    dataset_meta = None

    def __init__(self, seen):
        self.seen = seen

    def process(self, data_samples, data_batch=None):
        self.scores = torch.stack([sample.pred_score for sample in data_samples])

    def evaluate(self, size):
        self.seen.append(float(self.scores.sum() * 1000 + self.scores.std()))
        return {'score': self.seen[-1] % 1 + random.random()}


def run(folder, *, cut=None, resume=False, epochs=None, iterations=None, **changes):
    """Train; return the runner and the results of its evaluations, or None if interrupted."""
    init_default_scope('mmpretrain')
    import mmpretrain.models  # noqa: F401

    model = copy.deepcopy(MODEL)
    # RecursiveMix, which drops its history at each epoch, alternates with another augmentation.
    augments = changes.pop('augments', [dict(type='RecursiveMix'), dict(type='Mixup', alpha=1.0)])
    model['train_cfg'] = dict(augments=augments)
    model['backbone'] = dict(model['backbone'], drop_path_rate=0.2)
    model['data_preprocessor'] = dict(num_classes=5, mean=[0.5] * 3, std=[1.0] * 3)
    infinite = iterations and changes.pop('infinite', True)
    # In iterations, some checkpoints fall into the middle of an epoch.
    interval = changes.pop('interval', 4 if iterations else 1)
    by_epoch = changes.pop('by_epoch', not iterations)
    loader = dict(
        dataset=Images(),
        sampler=dict(type='InfiniteSampler' if infinite else 'DefaultSampler', shuffle=True),
        batch_size=4,
        num_workers=(workers := changes.pop('workers', 0)),
        persistent_workers=workers > 0,
        collate_fn=dict(type='default_collate'),
    )
    if 'batch_sampler' in changes:
        loader['batch_sampler'] = changes.pop('batch_sampler')
    hooks = changes.pop('hooks', [])
    seen = []
    val_cfg = dict(type='ValLoop')
    runner = Runner(
        MODELS.build(model),
        str(folder),
        train_dataloader=loader,
        val_dataloader=dict(
            {name: loader[name] for name in ('dataset', 'batch_size', 'collate_fn')},
            sampler=dict(type='DefaultSampler', shuffle=False),
            num_workers=0,
            persistent_workers=False,
        ),
        val_evaluator=[],
        val_cfg=val_cfg,
        train_cfg=(
            dict(by_epoch=True, max_epochs=epochs, val_interval=2)
            if epochs
            else dict(by_epoch=False, max_iters=iterations, val_interval=5)
        ),
        optim_wrapper=dict(
            optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
            accumulative_counts=changes.pop('accumulate', 1),
            clip_grad=dict(max_norm=1.0),
        ),
        param_scheduler=[
            dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=5),
            dict(type='CosineAnnealingLR', T_max=20, by_epoch=False, begin=5),
        ],
        default_hooks=dict(
            checkpoint=dict(
                type='WholeCheckpointHook',
                interval=interval,
                by_epoch=by_epoch,
                save_best='score',
                rule='greater',
                max_keep_ckpts=1,
            )
        ),
        custom_hooks=[dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.1)],
        randomness=dict(seed=changes.pop('seed', 0), diff_rank_seed=True),
        resume=resume,
        load_from=changes.pop('load_from', None),
        log_level='ERROR',
        experiment_name=f'{folder.name} {cut} {resume} {random.SystemRandom().random()}',
    )
    assert not changes, changes
    runner.val_loop.evaluator = Score(seen)
    for hook in (SeedHook(), ExactResumeHook(), Cut(cut), *hooks):
        runner.register_hook(hook)
    try:
        runner.train()
    except KeyboardInterrupt:
        return None
    finally:
        # Otherwise the garbage collector would wait for each of them.
        if workers:
            runner.train_dataloader._iterator._shutdown_workers()
    return runner, seen


def state(runner):
    """The final state of a run as tensors by name."""
    found = {f'model {name}': value for name, value in runner.model.state_dict().items()}
    ema = next(hook for hook in runner.hooks if type(hook).__name__ == 'EMAHook')
    found |= {f'ema {name}': value for name, value in ema.ema_model.state_dict().items()}
    for index, values in runner.optim_wrapper.state_dict()['state'].items():
        found |= {f'optimizer {index} {name}': value for name, value in values.items()}
    rates = runner.optim_wrapper.get_lr()['lr'] + runner.optim_wrapper.get_momentum()['momentum']
    return found | {'rates': torch.tensor(rates, dtype=torch.float64)}


def differences(first, second):
    """Names of tensors that are not bit-identical."""
    assert first.keys() == second.keys()
    return [name for name in first if not torch.equal(first[name], second[name])]
