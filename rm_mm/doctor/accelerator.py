"""Check of the GPUs, and the reason if torch cannot use them."""

from __future__ import annotations

import ctypes
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rm_mm.doctor.finding import Finding
from rm_mm.doctor.imports import ImportResult
from rm_mm.doctor.machine import largest_batch

_SMI_SECONDS = 10


def check_gpus(results: Mapping[str, ImportResult]) -> Iterator[Finding]:
    """Check which GPUs there are, and whether torch can use them, alone and together."""
    facts = results['=torch'].facts
    if not facts:
        # The check of torch reports that it does not load.
        return
    if facts['available'] and facts['devices']:
        yield from _usable(facts)
    elif gpu := visible_gpu():
        yield _unusable(facts, gpu)
    else:
        yield Finding('gpu', 'note', 'none: enough for `make mini`, not for the full recipes')


def _usable(facts: Mapping[str, Any]) -> Iterator[Finding]:
    arches = [str(arch) for arch in facts['arches']]
    for index, (name, major, minor, memory) in enumerate(facts['devices']):
        megabytes = memory // 2**20
        if arches and not runs_on(arches, major, minor):
            found = f'{name} has compute capability {major}.{minor}, torch has {" ".join(arches)}'
            fix = f'pip install torch=={_release(facts)} built for this GPU: https://pytorch.org'
            yield Finding(f'gpu {index}', 'note', found, fix)
        else:
            batch = largest_batch(megabytes, fixed=False)
            room = f'about {batch} images per ResNet-50 step in float32, estimated from a CPU'
            yield Finding(f'gpu {index}', 'ok', f'{name}, {megabytes} MB: {room}')
    driver = driver_cuda()
    limit = f', the driver supports up to {driver[0]}.{driver[1]}' if driver else ''
    yield Finding('cuda', 'ok', f'torch is built for {facts["cuda"]}{limit}')
    if facts['nccl']:
        yield Finding('nccl', 'ok', str(facts.get('nccl_version', 'available')))
    elif len(facts['devices']) > 1:
        fix = 'pip install --force-reinstall torch built for CUDA: https://pytorch.org'
        yield Finding('nccl', 'note', 'torch has none: only one of the GPUs can train', fix)


def _unusable(facts: Mapping[str, Any], gpu: str) -> Finding:
    if not facts['cuda']:
        release = _release(facts)
        fix = f'pip install --force-reinstall torch=={release} torchvision built for CUDA'
        return Finding('gpu', 'note', f'{gpu}, but torch {release} is built for CPUs only', fix)
    driver = driver_cuda()
    if driver is None:
        found = f'{gpu}, but there is no driver (no libcuda.so.1)'
        return Finding('gpu', 'note', found, 'install the NVIDIA driver, or docker run --gpus all')
    # A driver supports all minor versions of its major version.
    if driver[0] < int(str(facts['cuda']).split('.')[0]):
        supported = f'its driver supports CUDA up to {driver[0]}.{driver[1]}'
        fix = f'update the driver, or install torch for CUDA {driver[0]}: https://pytorch.org'
        found = f'{gpu}; {supported}, torch is built for {facts["cuda"]}'
        return Finding('gpu', 'note', found, fix)
    hidden = 'torch cannot use it: check CUDA_VISIBLE_DEVICES and nvidia-smi'
    return Finding('gpu', 'note', f'{gpu}; {hidden}', 'unset CUDA_VISIBLE_DEVICES')


def runs_on(arches: list[str], major: int, minor: int) -> bool:
    """Return whether a build of torch has code for a GPU of this compute capability.

    Architectures are ``sm_80`` for compiled code, which runs within its major version, and
    ``compute_80`` for PTX, which runs on any later version.
    """
    for arch in arches:
        if match := re.match(r'(sm|compute)_(\d+)(\d)', arch):
            capability = int(match[2]), int(match[3])
            if capability <= (major, minor) and (match[1] == 'compute' or capability[0] == major):
                return True
    return False


def driver_cuda() -> tuple[int, int] | None:
    """Return the newest CUDA version of the driver, or None without one. Initialises no GPU."""
    try:
        library = ctypes.CDLL('libcuda.so.1')
        number = ctypes.c_int()
        if library.cuDriverGetVersion(ctypes.byref(number)) != 0:
            return None
    except (OSError, AttributeError):
        return None
    return number.value // 1000, number.value % 1000 // 10


def visible_gpu() -> str:
    """Return the evidence for a GPU, independent of torch, or an empty string."""
    command = ['nvidia-smi', '-L']
    try:
        smi = subprocess.run(command, capture_output=True, text=True, timeout=_SMI_SECONDS)
        names = [line.split(' (')[0] for line in smi.stdout.splitlines() if 'GPU' in line]
        if smi.returncode == 0 and names:
            return ', '.join(names)
    except subprocess.TimeoutExpired:
        return 'nvidia-smi is there but does not answer'
    except OSError:
        pass
    devices = sorted(path.name for path in Path('/dev').glob('nvidia[0-9]*'))
    return f'/dev/{devices[0]}' if devices else ''


def _release(facts: Mapping[str, Any]) -> str:
    """Return the version of torch without the suffix of its build."""
    return str(facts['version']).split('+')[0]
