"""GPUs, and why torch does not see them."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rm_mm.doctor.children import Answer
from rm_mm.doctor.finding import Finding
from rm_mm.doctor.memory import largest_batch

_SMI_SECONDS = 10


def accelerator(answers: Mapping[str, Answer]) -> Iterator[Finding]:
    """Which GPUs are there, does torch use them, and can it use them together?"""
    facts = answers['=torch'].facts
    if not facts:
        # Its own line says that torch does not load.
        return
    if facts['available'] and facts['devices']:
        yield from _usable(facts)
        return
    there = _gpus_there()
    if not there:
        yield Finding('gpu', 'note', 'none: enough for `make mini`, not for the full recipes')
        return
    yield _unusable(facts, there)


def _usable(facts: Mapping[str, Any]) -> Iterator[Finding]:
    for index, (name, major, minor, memory) in enumerate(facts['devices']):
        arches = [str(arch) for arch in facts['arches']]
        megabytes = memory // 2**20
        if arches and not runs_on(arches, major, minor):
            found = f'{name} is of compute capability {major}.{minor}, torch has {" ".join(arches)}'
            mend = f'pip install torch=={_plain(facts["version"])}, of a build for this GPU'
            yield Finding(f'gpu {index}', 'note', found, f'{mend}: https://pytorch.org')
        else:
            batch = largest_batch(megabytes, fixed=False)
            size = f'about {batch} images a ResNet-50 step in float32, by what a CPU needs'
            yield Finding(f'gpu {index}', 'ok', f'{name}, {megabytes} MB: {size}')
    driver = driver_cuda()
    known = f', the driver takes up to {driver[0]}.{driver[1]}' if driver else ''
    yield Finding('cuda', 'ok', f'torch is built for {facts["cuda"]}{known}')
    if facts['nccl']:
        yield Finding('nccl', 'ok', str(facts.get('nccl_version', 'there')))
    elif len(facts['devices']) > 1:
        mend = 'pip install --force-reinstall torch, of a build for CUDA: https://pytorch.org'
        yield Finding('nccl', 'note', 'torch has none: only one of the GPUs can train', mend)


def _unusable(facts: Mapping[str, Any], there: str) -> Finding:
    version = _plain(facts['version'])
    if not facts['cuda']:
        mend = f'pip install --force-reinstall torch=={version} torchvision, of a build for CUDA'
        return Finding('gpu', 'note', f'{there}, and torch {version} is built for CPUs only', mend)
    driver = driver_cuda()
    built = tuple(int(part) for part in str(facts['cuda']).split('.')[:2])
    if driver is None:
        found = f'{there}, and there is no driver: no libcuda.so.1'
        return Finding('gpu', 'note', found, 'install the NVIDIA driver, or docker run --gpus all')
    # A driver of the same major version runs all of its minor ones.
    if driver[0] < built[0]:
        found = f'{there}; its driver takes CUDA up to {driver[0]}.{driver[1]}, torch is built for '
        mend = f'update the driver, or install torch for CUDA {driver[0]}: https://pytorch.org'
        return Finding('gpu', 'note', found + str(facts['cuda']), mend)
    hidden = 'torch cannot use it: look at CUDA_VISIBLE_DEVICES and at nvidia-smi'
    return Finding('gpu', 'note', f'{there}; {hidden}', 'unset CUDA_VISIBLE_DEVICES')


def runs_on(arches: list[str], major: int, minor: int) -> bool:
    """Whether a build of torch has code for a GPU: its own, or of an earlier minor version."""
    for arch in arches:
        kind, _, number = arch.partition('_')
        digits = ''.join(filter(str.isdigit, number))
        if not digits:
            continue
        theirs = int(digits[:-1]), int(digits[-1])
        # Compiled code runs within a major version; what is still to be compiled, on any later one.
        if theirs <= (major, minor) and (kind == 'compute' or theirs[0] == major):
            return True
    return False


def driver_cuda() -> tuple[int, int] | None:
    """The newest CUDA that the driver takes; None without a driver. No GPU is initialised."""
    try:
        library = ctypes.CDLL('libcuda.so.1')
        number = ctypes.c_int()
        if library.cuDriverGetVersion(ctypes.byref(number)) != 0:
            return None
    except (OSError, AttributeError):
        return None
    return number.value // 1000, number.value % 1000 // 10


def _gpus_there() -> str:
    """What says that there is a GPU, whatever torch thinks; empty if nothing does."""
    try:
        listed = subprocess.run(
            ['nvidia-smi', '-L'], capture_output=True, text=True, timeout=_SMI_SECONDS
        )
        names = [line.split(' (')[0] for line in listed.stdout.splitlines() if 'GPU' in line]
        if listed.returncode == 0 and names:
            return ', '.join(names)
    except subprocess.TimeoutExpired:
        return 'nvidia-smi is there and does not answer'
    except OSError:
        pass
    devices = sorted(path.name for path in Path('/dev').glob('nvidia[0-9]*'))
    return f'/dev/{devices[0]}' if devices else ''


def _plain(version: Any) -> str:
    return str(version).split('+')[0]
