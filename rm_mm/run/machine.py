"""Adapting a recipe for GPUs to this machine: CPU training, process groups, Slurm."""

from __future__ import annotations

import os
import subprocess
from collections.abc import MutableMapping
from typing import Any

from rm_mm.errors import InputError
from rm_mm.recipe.network import replace_sync_batch_norm

#: Below the range from which Linux assigns ports itself (32768 and up).
_FIRST_PORT, _PORTS = 12_000, 20_000
_SLURM_STEP = ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_JOB_ID')


def has_accelerator() -> bool:
    """Return whether training would run on anything but the CPU."""
    from mmengine.device import get_device

    return bool(get_device() != 'cpu')


def adapt_to_cpu(config: Any) -> list[str]:
    """Replace everything in a config that a CPU cannot run, in place.

    Returns:
        One sentence per change, for the log.
    """
    notes = []
    wrapper = config.get('optim_wrapper') or {}
    if wrapper.get('type') == 'AmpOptimWrapper':
        # Only on request: the default is float16, which CPUs lack or are slow at.
        if str(wrapper.get('dtype')).removeprefix('torch.') == 'bfloat16':
            wrapper['type'] = 'CPUAutocastOptimWrapper'
            notes.append('no GPU: mixed precision in bfloat16 on the CPU')
        else:
            wrapper['type'] = 'OptimWrapper'
            notes.append('no GPU: training in float32 instead of mixed precision')
        for option in ('loss_scale', 'dtype', 'use_fsdp'):
            wrapper.pop(option, None)
    if replace_sync_batch_norm(config.get('model')):
        notes.append('no GPU: SyncBN becomes BN, with the statistics of one process')
    config['env_cfg'] = {**config.get('env_cfg', {}), 'dist_cfg': {'backend': 'gloo'}}
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if config.get(name):
            config[name]['pin_memory'] = False
    if config.get('launcher', 'none') != 'none':
        # By default mmengine passes DDP the index of a GPU.
        config.setdefault('model_wrapper_cfg', {'type': 'MMDistributedDataParallel'})
        config['model_wrapper_cfg'].setdefault('device_ids', None)
        notes.append('no GPU: processes communicate through gloo')
    return notes


def set_slurm_ranks(environ: MutableMapping[str, str] = os.environ) -> None:
    """Set the variables that torchrun sets, for a process of a Slurm step.

    mmengine would use port 29500 for all jobs of a node. ``MASTER_ADDR`` and ``MASTER_PORT`` are
    kept if they are set.

    Raises:
        InputError: If Slurm did not start this process.
    """
    if missing := [name for name in _SLURM_STEP if name not in environ]:
        raise InputError(
            f'--launcher slurm: expected a process that srun started, {missing[0]} is not set'
        )
    environ['RANK'] = environ['SLURM_PROCID']
    environ['WORLD_SIZE'] = environ['SLURM_NTASKS']
    environ['LOCAL_RANK'] = environ.get('SLURM_LOCALID', '0')
    environ.setdefault('MASTER_PORT', str(job_port(int(environ['SLURM_JOB_ID']))))
    if 'MASTER_ADDR' not in environ:
        command = ['scontrol', 'show', 'hostnames', environ['SLURM_JOB_NODELIST']]
        asked = subprocess.run(command, capture_output=True, text=True, check=True)
        environ['MASTER_ADDR'] = asked.stdout.split()[0]


def job_port(job_id: int) -> int:
    """Return the rendezvous port of a Slurm job; 20,000 consecutive job ids get distinct ports."""
    return _FIRST_PORT + job_id % _PORTS


def join_process_group(launcher: str) -> None:
    """Join the process group of torchrun or Slurm through gloo; mmengine would select a GPU."""
    if launcher in ('pytorch', 'slurm') and 'RANK' in os.environ:
        import torch.distributed as dist

        if not dist.is_initialized():
            dist.init_process_group('gloo')


def leave_process_group() -> None:
    """Leave the process group, if there is one, once all processes have finished.

    At the exit of Python, threads of gloo that are still alive would abort the process, and
    torchrun would report a finished run as failed.
    """
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
