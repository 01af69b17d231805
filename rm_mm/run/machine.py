"""What a recipe for GPUs becomes on a machine that has none."""

from __future__ import annotations

import os
import subprocess
from collections.abc import MutableMapping
from typing import Any

#: Below those that systems hand out by themselves (from 32768 on Linux).
_FIRST_PORT, _PORTS = 12_000, 20_000


def has_accelerator() -> bool:
    """Whether training runs on anything but the CPU."""
    from mmengine.device import get_device

    return bool(get_device() != 'cpu')


def adapt_to_cpu(config: Any) -> list[str]:
    """Replace, in place, what cannot run on a CPU.

    Args:
        config: A resolved mmengine config.

    Returns:
        What was changed, a sentence each, for the log.
    """
    notes = []
    wrapper = config.get('optim_wrapper') or {}
    if wrapper.get('type') == 'AmpOptimWrapper':
        # Only if somebody asked for it: the default is float16, which a CPU is slow at or lacks.
        asked = str(wrapper.get('dtype')).removeprefix('torch.') == 'bfloat16'
        wrapper['type'] = 'CPUAutocastOptimWrapper' if asked else 'OptimWrapper'
        for option in ('loss_scale', 'dtype', 'use_fsdp'):
            wrapper.pop(option, None)
        notes.append(
            'no GPU: mixed precision in bfloat16 on the CPU'
            if asked
            else 'no GPU: training in float32 instead of mixed precision'
        )
    if _replace_sync_batch_norm(config.get('model')):
        notes.append('no GPU: SyncBN becomes BN, with the statistics of one process')
    config['env_cfg'] = {**config.get('env_cfg', {}), 'dist_cfg': {'backend': 'gloo'}}
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if config.get(name):
            config[name]['pin_memory'] = False
    if config.get('launcher', 'none') != 'none':
        # mmengine hands DDP the index of a GPU unless it is told otherwise.
        config.setdefault('model_wrapper_cfg', {'type': 'MMDistributedDataParallel'})
        config['model_wrapper_cfg'].setdefault('device_ids', None)
        notes.append('no GPU: processes talk through gloo')
    return notes


def name_slurm_processes(environ: MutableMapping[str, str] = os.environ) -> None:
    """Say as torchrun does who this process of a Slurm step is, and where its processes meet.

    mmengine would have every job of a node meet on port 29500. What is said already stays.
    """
    environ['RANK'] = environ['SLURM_PROCID']
    environ['WORLD_SIZE'] = environ['SLURM_NTASKS']
    environ['LOCAL_RANK'] = environ.get('SLURM_LOCALID', '0')
    environ.setdefault('MASTER_PORT', str(job_port(int(environ['SLURM_JOB_ID']))))
    if 'MASTER_ADDR' not in environ:
        command = ['scontrol', 'show', 'hostnames', environ['SLURM_JOB_NODELIST']]
        asked = subprocess.run(command, capture_output=True, text=True, check=True)
        environ['MASTER_ADDR'] = asked.stdout.split()[0]


def job_port(job_id: int) -> int:
    """A port for the processes of a Slurm job to meet on: another for each of 20,000 in a row."""
    return _FIRST_PORT + job_id % _PORTS


def start_cpu_processes(launcher: str) -> None:
    """Join the process group on gloo; mmengine would first select a GPU.

    Args:
        launcher: ``'pytorch'`` or ``'slurm'``; others are left to mmengine.
    """
    if launcher in ('pytorch', 'slurm') and 'RANK' in os.environ:
        import torch.distributed as dist

        if not dist.is_initialized():
            dist.init_process_group('gloo')


def leave_processes() -> None:
    """Leave the process group, if there is one, after all of it has done its work.

    At the exit of Python it would be too late: threads of gloo that are still there abort the
    process, and torchrun takes a run that was done for one that failed.
    """
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def _replace_sync_batch_norm(node: Any) -> bool:
    """Whether any ``SyncBN`` was found below ``node`` and made a ``BN``, in place."""
    found = False
    if isinstance(node, dict):
        if node.get('type') == 'SyncBN':
            node['type'], found = 'BN', True
        children = list(node.values())
    else:
        children = list(node) if isinstance(node, (list, tuple)) else []
    for child in children:
        found = _replace_sync_batch_norm(child) or found
    return found
