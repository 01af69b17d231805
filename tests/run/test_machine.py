# Our optimiser wrapper is registered once it is imported, as in every run.
import mmengine.runner  # noqa: F401
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper

from rm_mm.errors import InputError
from rm_mm.run.machine import adapt_to_cpu, set_slurm_ranks


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


def test_jobs_that_share_a_node_use_different_ports():
    step = {'SLURM_PROCID': '9', 'SLURM_NTASKS': '16', 'SLURM_LOCALID': '1', 'MASTER_ADDR': 'a'}
    ports = []
    for job in ('41', '42'):
        environ = {**step, 'SLURM_JOB_ID': job}
        set_slurm_ranks(environ)
        assert [environ[name] for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK')] == ['9', '16', '1']
        ports.append(environ['MASTER_PORT'])
    assert ports == ['12041', '12042']
    environ = {**step, 'SLURM_JOB_ID': '41', 'MASTER_PORT': '5'}
    set_slurm_ranks(environ)
    assert environ['MASTER_PORT'] == '5'
    with pytest.raises(InputError, match='process that srun started, SLURM_JOB_ID is not set'):
        set_slurm_ranks(dict(step))


class Linear(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1, bias=False)

    def forward(self, inputs, mode):
        self.found = self.layer(inputs)
        return {'loss': self.found.sum()}


@pytest.mark.parametrize(
    ('dtype', 'computed'),
    [
        ('bfloat16', torch.bfloat16),
        (torch.bfloat16, torch.bfloat16),
        ('float16', torch.float32),
        (None, torch.float32),
    ],
)
def test_bfloat16_is_kept_if_it_was_asked_for(dtype, computed):
    wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic', dtype=dtype)
    wrapper['optimizer'] = dict(type='SGD', lr=0.5)
    config = ConfigDict(optim_wrapper=wrapper)
    (note,) = adapt_to_cpu(config)
    assert ('bfloat16' in note) == (computed == torch.bfloat16)
    model = Linear()
    torch.nn.init.ones_(model.layer.weight)
    optim_wrapper = build_optim_wrapper(model, config.optim_wrapper)
    # 1 + 2**-10 is not a bfloat16, which has 7 bits behind the point; 1 is the nearest.
    model.train_step({'inputs': torch.tensor([[1 + 2**-10, 0.0]])}, optim_wrapper)
    assert model.found.dtype == computed
    assert model.found.item() == (1.0 if computed == torch.bfloat16 else 1 + 2**-10)
    assert model.layer.weight.dtype == torch.float32
    assert model.layer.weight[0, 1].item() == 1.0
    # One step of 0.5 down the gradient, which is the input.
    gradient = 1.0 if computed == torch.bfloat16 else 1 + 2**-10
    assert model.layer.weight[0, 0].item() == 1 - gradient / 2


def test_a_config_without_env_cfg_uses_gloo():
    config = Config(dict(model=dict(type='X')))
    adapt_to_cpu(config)
    assert config.env_cfg.dist_cfg == dict(backend='gloo')
