from mmengine.config import ConfigDict

from rm_mm.machine import adapt_to_cpu


def test_what_needs_a_gpu_is_replaced_and_named():
    config = ConfigDict(
        optim_wrapper=dict(type='AmpOptimWrapper', loss_scale='dynamic', optimizer=dict(lr=0.1)),
        model=dict(heads=[dict(norm_cfg=dict(type='SyncBN', requires_grad=True))]),
        train_dataloader=dict(pin_memory=True),
        env_cfg=dict(dist_cfg=dict(backend='nccl')),
        launcher='pytorch',
    )
    notes = adapt_to_cpu(config)
    assert config.optim_wrapper == dict(type='OptimWrapper', optimizer=dict(lr=0.1))
    assert config.model['heads'][0].norm_cfg == dict(type='BN', requires_grad=True)
    assert config.env_cfg.dist_cfg.backend == 'gloo'
    assert config.train_dataloader.pin_memory is False
    assert config.model_wrapper_cfg.device_ids is None
    assert len(notes) == 3


def test_what_runs_anywhere_is_left_alone():
    config = ConfigDict(optim_wrapper=dict(type='OptimWrapper'), model=dict(type='A'))
    assert adapt_to_cpu(config) == []
    assert 'model_wrapper_cfg' not in config
