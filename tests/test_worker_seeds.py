"""What the workers of a loader draw, through mmengine's own loop."""

import random

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from rm_mm.run_hooks import WorkerSeedHook


class Draws(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.tensor([np.random.rand(), random.random(), float(torch.rand(()))])


class Collect(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []

    def forward(self, *draws, mode):
        self.seen += torch.stack(draws).flatten().tolist()
        return {'loss': self.weight.sum()}


def draws(folder, *, epochs=3, hook=True, seed=0, resume=False):
    """The draws of each epoch of a run, in order."""
    model = Collect()
    runner = Runner(
        model,
        str(folder),
        train_dataloader=dict(
            dataset=Draws(),
            sampler=dict(type='DefaultSampler', shuffle=False),
            batch_size=2,
            num_workers=2,
            persistent_workers=False,
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(logger=None, runtime_info=None),
        randomness=dict(seed=seed),
        resume=resume,
        experiment_name=f'{folder.name}{epochs}',
    )
    if hook:
        runner.register_hook(WorkerSeedHook())
    runner.train()
    # 8 samples of 3 draws an epoch.
    return [tuple(model.seen[start : start + 24]) for start in range(0, len(model.seen), 24)]


def test_epochs_draw_anew_and_the_same_in_every_run(tmp_path):
    first = draws(tmp_path / 'a')
    assert len({value for epoch in first for value in epoch}) == 3 * 24
    assert draws(tmp_path / 'b') == first
    assert set(draws(tmp_path / 'c', seed=5)[1]).isdisjoint(first[1])
    # mmengine's, without the hook, whose first epoch is kept.
    assert draws(tmp_path / 'd', hook=False)[0] == first[0]


def test_a_resumed_run_does_not_begin_with_the_draws_of_the_first_epoch(tmp_path):
    whole = draws(tmp_path / 'whole')
    assert len(set(whole)) == 3
    first = draws(tmp_path / 'parts', epochs=1)
    assert first + draws(tmp_path / 'parts', resume=True) == whole
