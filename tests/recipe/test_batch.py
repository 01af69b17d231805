"""The recipe's batch on another number of processes."""

import json
import socket
from itertools import islice
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from rm_mm.errors import InputError
from rm_mm.fidelity.schedule import stepped_rates
from rm_mm.recipe.batch import apply_batch_policy, process_count
from rm_mm.recipe.config import read_config

IMAGENET = 'classification/r50_rm_in1k.py'
COCO = 'detection/atss_r50_rm_coco.py'
ADE = 'segmentation/upernet_r50_rm_ade20k.py'


def test_the_recipes_batch_is_left_alone():
    for name in (IMAGENET, COCO, ADE):
        config = read_config(name)
        before = config.pretty_text
        assert apply_batch_policy(config, 8, None) is None
        assert config.pretty_text == before


def test_another_batch_needs_a_policy():
    with pytest.raises(InputError) as refusal:
        apply_batch_policy(read_config(COCO), 2, None)
    # 2 processes x 2 images; 16 / 4 batches a step; the rate would be a quarter.
    assert str(refusal.value) == (
        "global batch 4 (2 processes x 2) is not the recipe's 16. Pass --batch-policy accumulate "
        '(keeps the recipe: 4 batches a step), --batch-policy scale-lr (linear rule: rate x 0.25, '
        'warm-up over as many images) or --batch-policy as-is'
    )


def test_as_is_changes_nothing():
    config = read_config(COCO)
    before = config.pretty_text
    assert 'global batch 4' in apply_batch_policy(config, 2, 'as-is')
    assert config.pretty_text == before


def test_accumulate_counts_iterations_in_batches_and_schedules_in_steps():
    config = read_config(ADE)
    apply_batch_policy(config, 2, 'accumulate')
    assert config.optim_wrapper.accumulative_counts == 4
    assert config.train_cfg.max_iters == 320_000
    assert config.train_cfg.val_interval == config.default_hooks.checkpoint.interval == 32_000
    assert config.param_scheduler[0].end == 80_001
    assert config.optim_wrapper.optimizer.lr == 1e-4


def test_accumulation_by_hand_is_refused():
    """Two processes of 2 images, 4 batches a step: 16, but 80,000 batches, not steps."""
    config = read_config(ADE)
    config.optim_wrapper.accumulative_counts = 4
    for policy in (None, 'accumulate', 'scale-lr'):
        with pytest.raises(InputError, match='count batches instead of steps'):
            apply_batch_policy(config, 2, policy)
    assert 'accumulated as the config says' in apply_batch_policy(config, 2, 'as-is')
    assert config.train_cfg.max_iters == 80_000


def test_checkpoints_that_are_never_written_stay_so():
    config = read_config(ADE)
    config.default_hooks.checkpoint.interval = -1
    apply_batch_policy(config, 4, 'scale-lr')
    assert config.default_hooks.checkpoint.interval == -1


def test_epochs_stay_epochs_under_accumulation():
    config = read_config(IMAGENET)
    apply_batch_policy(config, 1, 'accumulate')
    assert config.optim_wrapper.accumulative_counts == 8
    assert (config.train_cfg.max_epochs, config.param_scheduler.T_max) == (300, 300)


@pytest.mark.parametrize(
    ('processes', 'said'),
    [
        # 16 processes x 2 images are more than 16: one image each is right.
        (16, 'train_dataloader.batch_size=1'),
        # 16 is no multiple of 3.
        (3, 'a number of processes that divides 16'),
    ],
)
def test_accumulation_that_does_not_come_out_even(processes, said):
    with pytest.raises(InputError, match=said):
        apply_batch_policy(read_config(COCO), processes, 'accumulate')
    with pytest.raises(InputError, match='not possible here'):
        apply_batch_policy(read_config(COCO), processes, None)


def test_accumulation_refuses_epochs_counted_in_batches():
    config = read_config(IMAGENET)
    config.param_scheduler = [dict(type='LinearLR', end=5, convert_to_iter_based=True)]
    with pytest.raises(InputError, match='convert_to_iter_based of LinearLR'):
        apply_batch_policy(config, 1, 'accumulate')


def test_scale_lr_follows_the_linear_rule_and_stretches_the_warm_up():
    config = read_config(COCO)
    apply_batch_policy(config, 2, 'scale-lr')
    assert config.optim_wrapper.optimizer.lr == pytest.approx(0.01 / 4)
    # 500 iterations of 16 images are 2000 of 4; the rate is full at end - 1.
    assert config.param_scheduler[0].end == 2001
    assert config.param_scheduler[1].milestones == [8, 11]
    rates = list(islice(stepped_rates(config, 7330), 2001))
    # After n images the rate is a quarter of the recipe's after n images.
    recipe = list(islice(stepped_rates(read_config(COCO), 7330), 501))
    assert [4 * rate for rate in rates[::4]] == pytest.approx(recipe)


def test_scale_lr_keeps_the_images_of_a_run_of_iterations():
    config = read_config(ADE)
    apply_batch_policy(config, 16, 'scale-lr')
    assert config.optim_wrapper.optimizer.lr == pytest.approx(2e-4)
    assert (config.train_cfg.max_iters, config.train_cfg.val_interval) == (40_000, 4_000)
    assert config.param_scheduler[0].end == 40_001


def test_mmengines_own_scaling_is_not_applied_on_top():
    config = read_config(COCO)
    config.auto_scale_lr.enable = True
    apply_batch_policy(config, 2, None)
    assert config.optim_wrapper.optimizer.lr == pytest.approx(0.01 / 4)
    assert config.auto_scale_lr.enable is False


def test_a_config_without_a_recipes_batch_is_left_alone():
    config = read_config(COCO)
    config.auto_scale_lr = None
    assert apply_batch_policy(config, 3, None) is None


def test_how_many_processes():
    assert process_count('none', {'WORLD_SIZE': '8'}) == 1
    assert process_count('pytorch', {'WORLD_SIZE': '8'}) == 8
    assert process_count('slurm', {'SLURM_NTASKS': '16'}) == 16
    with pytest.raises(InputError, match='WORLD_SIZE'):
        process_count('pytorch', {})


def work(rank, port, folder, name, images, epochs):
    """Train a network of one number with a leaf's optimiser and schedule, on two processes."""
    import os

    import torch.distributed as dist
    from mmengine.hooks import Hook
    from mmengine.model import BaseModel
    from mmengine.registry import HOOKS, MODELS
    from mmengine.runner import Runner
    from torch.utils.data import Dataset

    import rm_mm  # noqa: F401
    from rm_mm.run.machine import adapt_to_cpu

    class Numbers(Dataset):
        def __len__(self):
            return images

        def __getitem__(self, index):
            return torch.tensor(float(index % 7)), index

    @MODELS.register_module()
    class OneNumber(BaseModel):
        def __init__(self):
            super().__init__()
            self.number = torch.nn.Parameter(torch.tensor(1.0))
            self.seen = []

        def forward(self, values, indices, mode='loss'):
            self.seen += [int(index) for index in indices]
            return {'loss': ((self.number - torch.stack([*values])) ** 2).mean()}

    steps = []

    @HOOKS.register_module()
    class Watch(Hook):
        def after_train_iter(self, runner, *_, **__):
            if runner.optim_wrapper.should_update():
                model = getattr(runner.model, 'module', runner.model)
                rate = runner.optim_wrapper.get_lr()['lr'][0]
                steps.append([rate, model.seen, float(model.number)])
                model.seen = []

    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    dist.init_process_group('gloo')
    config = read_config(name)
    config.launcher = 'pytorch'
    adapt_to_cpu(config)
    if epochs:
        config.train_cfg.max_epochs = epochs
    else:
        config.train_cfg.max_iters = 10
    assert 'becomes' in apply_batch_policy(config, 2, 'accumulate')
    config.train_dataloader.num_workers = 0
    config.train_dataloader.persistent_workers = False
    loader = {key: config.train_dataloader[key] for key in ('batch_size', 'num_workers')}
    sampler = {'type': 'InfiniteSampler' if not epochs else 'DefaultSampler', 'shuffle': True}
    runner = Runner(
        OneNumber(),
        str(Path(folder, f'work{rank}')),
        train_dataloader=dict(dataset=Numbers(), sampler=sampler, **loader),
        train_cfg=config.train_cfg,
        optim_wrapper=config.optim_wrapper,
        param_scheduler=config.param_scheduler,
        default_hooks=dict(
            param_scheduler=config.default_hooks.param_scheduler, checkpoint=None, logger=None
        ),
        custom_hooks=[dict(type='Watch')],
        launcher='pytorch',
        default_scope=config.default_scope,
        env_cfg=config.env_cfg,
        cfg=dict(model_wrapper_cfg=config.model_wrapper_cfg),
        randomness=dict(seed=0),
    )
    runner.train()
    Path(folder, f'{rank}.json').write_text(json.dumps(steps))
    dist.barrier()
    # Threads of gloo now and then abort a process that takes itself apart.
    os._exit(0)


@pytest.mark.parametrize(
    ('name', 'batch', 'images', 'epochs'),
    # ImageNet's rate changes once an epoch: five epochs of two steps.
    [(IMAGENET, 512, 1024, 5), (COCO, 16, 160, 1), (ADE, 16, 160, 0)],
)
def test_two_processes_take_the_steps_of_eight(tmp_path, name, batch, images, epochs):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(
        work, args=(port, str(tmp_path), name, images, epochs), nprocs=2
    )  # fmt: skip
    steps, others = (json.loads((tmp_path / f'{rank}.json').read_text()) for rank in range(2))

    assert [rate for rate, _, _ in steps] == pytest.approx(
        list(islice(stepped_rates(read_config(name), images // batch), 10)), rel=1e-9
    )
    seen = [[*mine, *theirs] for (_, mine, _), (_, theirs, _) in zip(steps, others, strict=True)]
    assert [len(indices) for indices in seen] == [batch] * 10
    # Each step is the optimiser's on the mean gradient of exactly these images.
    number = torch.nn.Parameter(torch.tensor(1.0))
    optimizer = Config(read_config(name).optim_wrapper.optimizer.to_dict())
    optimizer = getattr(torch.optim, optimizer.pop('type'))([number], **optimizer)
    for (rate, _, after), indices in zip(steps, seen, strict=True):
        optimizer.param_groups[0]['lr'] = rate
        optimizer.zero_grad()
        ((number - torch.tensor([float(index % 7) for index in indices])) ** 2).mean().backward()
        optimizer.step()
        assert after == pytest.approx(number.item(), rel=1e-5)
