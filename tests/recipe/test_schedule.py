"""Scaled schedules, stepped through what mmengine builds, against the schedules they come from."""

from itertools import islice

import pytest
from mmengine.config import Config

from rm_mm.fidelity.schedule import stepped_rates
from rm_mm.recipe.config import read_config
from rm_mm.recipe.schedule import scale_length, scale_scheduler

#: Iterations per epoch.
EPOCH = 100


def rates(config, steps):
    return list(islice(stepped_rates(config, EPOCH), steps))


def run_of(schedulers, **loop):
    return Config(
        dict(
            train_cfg=loop,
            default_scope='mmengine',
            default_hooks={},
            param_scheduler=schedulers,
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.0)),
        )
    )


@pytest.mark.parametrize('factor', [0.5, 0.1, 0.02])
def test_a_scaled_warm_up_is_the_same_function_of_progress(factor):
    """``LinearLR`` reaches the full rate at ``end - 1``, so that is what has to be scaled.

    With ``end`` itself scaled, a warm-up over 500 steps would at 0.02 end after 9 steps, not 10.
    """
    warm_up = dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=501)
    config = run_of([warm_up], type='IterBasedTrainLoop', max_iters=1000)
    whole = rates(config, 1000)
    scale_length(config, factor)
    assert config.train_cfg.max_iters == 1000 * factor
    assert config.param_scheduler[0].end == 500 * factor + 1
    stride = round(1 / factor)
    assert rates(config, round(1000 * factor)) == pytest.approx(whole[::stride])


@pytest.mark.parametrize('factor', [0.5, 0.25, 0.02])
def test_a_scaled_polynomial_is_the_same_function_of_progress(factor):
    """The recipe's ``end=80001`` makes its last decay that of step 80,000."""
    config = read_config('segmentation/upernet_r50_rm_ade20k.py')
    config.train_cfg.max_iters, config.param_scheduler[0].end = 1000, 1001
    whole = rates(config, 1000)
    scale_length(config, factor)
    stride = round(1 / factor)
    assert rates(config, round(1000 * factor)) == pytest.approx(whole[::stride])


@pytest.mark.parametrize('explicit', [True, False])
def test_a_scaled_cosine_after_its_warm_up_is_the_same_function_of_progress(explicit):
    """Without ``T_max`` its length is ``end - begin``, which rounding must not change."""
    length = dict(T_max=900) if explicit else {}
    schedulers = [
        dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=101),
        dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=1000, **length),
    ]
    config = run_of(schedulers, type='IterBasedTrainLoop', max_iters=1000)
    whole = rates(config, 1000)
    scale_length(config, 0.1)
    assert config.param_scheduler[1].T_max == 90
    assert rates(config, 100) == pytest.approx(whole[::10])


def test_epochs_and_iterations_are_both_scaled():
    config = read_config('detection/atss_r50_rm_coco.py')
    scale_length(config, 0.25)
    assert config.train_cfg.max_epochs == 3
    assert config.param_scheduler[1].milestones == [2, 3]
    # 500 steps of warm-up, which end at step 125.
    assert config.param_scheduler[0].end == 126
    # A run of epochs counts its checkpoints in epochs, of which each is one.
    assert config.default_hooks.checkpoint.interval == 1


def test_a_run_of_iterations_scales_its_evaluations_and_checkpoints():
    config = read_config('segmentation/upernet_r50_rm_ade20k.py')
    scale_length(config, 0.01)
    assert (config.train_cfg.max_iters, config.train_cfg.val_interval) == (800, 80)
    assert config.default_hooks.checkpoint.interval == 80
    # An interval of -1 means never.
    config.default_hooks.checkpoint.interval = -1
    scale_length(config, 0.5)
    assert config.default_hooks.checkpoint.interval == -1


@pytest.mark.parametrize(
    ('entry', 'expected'),
    [
        (dict(type='StepLR', step_size=30), dict(step_size=3)),
        (dict(type='CosineRestartLR', periods=[10, 50]), dict(periods=[1, 5])),
        (dict(type='OneCycleLR', total_steps=100), dict(total_steps=10)),
        (dict(type='OneCycleLR', begin=10, end=100), dict(total_steps=9, begin=1, end=10)),
        (dict(type='WarmupCosineLR', T_max=300, warmup=5), dict(T_max=30, warmup=1)),
        (dict(type='ConstantLR', end=51), dict(end=6)),
        (dict(type='PolyLRRatio', end=101), dict(end=11)),
        (dict(type='QuadraticWarmupLR', end=50), dict(end=5)),
        (dict(type='ExponentialLR', gamma=0.9), dict(gamma=0.9)),
    ],
)
def test_each_scheduler_by_a_tenth(entry, expected):
    # round(5 * 0.1) is 0; every length stays at least 1.
    scale_scheduler(entry, 0.1)
    assert {key: entry[key] for key in expected} == expected


def test_a_warm_up_in_epochs_that_mmengine_converts_ends_where_the_cosine_begins():
    """``convert_to_iter_based``: five epochs of 100 steps become one."""
    schedulers = [
        dict(type='LinearLR', start_factor=0.1, begin=0, end=5, convert_to_iter_based=True),
        dict(type='CosineAnnealingLR', begin=5, end=50, T_max=45),
    ]
    config = run_of(schedulers, type='EpochBasedTrainLoop', max_epochs=50)
    scale_length(config, 0.2)
    assert (config.param_scheduler[0].end, config.param_scheduler[1].begin) == (1, 1)
    scaled = rates(config, 3 * EPOCH)
    assert scaled[EPOCH - 1] == pytest.approx(1.0)
    # From 0.1 to 1 in 99 steps.
    assert scaled[33] == pytest.approx(0.1 + 0.9 / 3)
