"""Checks of cores, memory, disk, port and Slurm, and of the configs and data sets of rm_mm."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from rm_mm.doctor.finding import Finding
from rm_mm.errors import InputError

#: What `make mini` writes (data, checkpoints and logs), measured and rounded up.
MINI_FREE_MB = 1000
#: Memory of `make mini`: the largest sum over its processes of proportional memory (PSS), sampled
#: every 0.3 s in a shortened run on two cores, was 2495 MB.
MINI_MEMORY_MB = 2600
# Largest resident memory of a process that takes two training steps of ResNet-50 (SGD with
# momentum, float32, 224 x 224, torch 2.14.1, CPU). Batch 4: 1469 MB, 8: 1927, 16: 2644, 32: 3957.
# Least squares gives 1186 MB + 87.5 MB per image, rounded up here.
_STEP_MB = 1200
_IMAGE_MB = 90
# Bytes of the batches that eight loader workers hold: two each, of 32 images of 3 x 224 x 224.
_LOADER_BYTES = 8 * 2 * 32 * 3 * 224 * 224
_SLURM = ('sinfo', 'srun', 'sbatch')
SLURM_SECONDS = 5.0
#: Where the configs expect each data set, by its name for ``rm-mm data``.
DATA_ROOTS = {
    'imagenet': 'data/imagenet',
    'cifar10': 'data/cifar10',
    'cifar100': 'data/cifar100',
    'coco': 'data/coco',
    'ade20k': 'data/ade/ADEChallengeData2016',
}


def check_cores() -> Iterator[Finding]:
    """Count the cores that this process may use, which can be fewer than the machine has."""
    total, allowed = os.cpu_count() or 1, len(os.sched_getaffinity(0))
    usable = min(allowed, cgroup_cores() or allowed)
    found = f'{usable:g} of {total} are usable' if usable < total else f'{total}'
    yield Finding('cores', 'ok', found)


def cgroup_cores(root: Path = Path('/sys/fs/cgroup')) -> float | None:
    """Return the number of cores that the control group allows, or None without a limit."""
    try:
        quota, period = (root / 'cpu.max').read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def largest_batch(megabytes: int, *, fixed: bool = True) -> int:
    """Return the largest batch whose ResNet-50 training step in float32 fits into memory.

    ``fixed`` tells whether Python and its libraries occupy the same memory, as on a CPU.
    """
    return max(0, (megabytes - (_STEP_MB if fixed else 0)) // _IMAGE_MB)


def check_memory() -> Iterator[Finding]:
    """Compare the available memory, which a container may limit, with what training needs."""
    total, available = machine_memory()
    limit = cgroup_memory()
    limited = ''
    if limit is not None and limit[0] < total:
        total, available = limit[0], min(available, limit[0] - limit[1])
        limited = ' (limit of this container)'
    found = (
        f'{available} of {total} MB are free{limited}: a ResNet-50 step of up to '
        f'{largest_batch(available)} images in float32 ({_STEP_MB + 32 * _IMAGE_MB} MB for 32)'
    )
    if available < MINI_MEMORY_MB:
        fix = f'free {MINI_MEMORY_MB} MB, or run `rm-mm suite --preset mini --jobs 1`'
        yield Finding('memory', 'note', found, fix)
    else:
        yield Finding('memory', 'ok', found)


def machine_memory() -> tuple[int, int]:
    """Return the total and the available memory of the machine, in MB."""
    lines = map(str.split, Path('/proc/meminfo').read_text().splitlines())
    sizes = {name: int(kilobytes) // 1024 for name, kilobytes, *_ in lines}
    return sizes['MemTotal:'], sizes['MemAvailable:']


def cgroup_memory(root: Path = Path('/sys/fs/cgroup')) -> tuple[int, int] | None:
    """Return the memory that the control group allows and uses, in MB, or None without a limit."""
    for limit, used in (
        ('memory.max', 'memory.current'),
        ('memory/memory.limit_in_bytes', 'memory/memory.usage_in_bytes'),
    ):
        try:
            text = (root / limit).read_text().strip()
            # Version 1 of control groups expresses "no limit" as a number beyond any memory.
            if text.isdigit() and int(text) < 2**60:
                return int(text) // 2**20, int((root / used).read_text()) // 2**20
        except (OSError, ValueError):
            continue
    return None


def check_shared_memory() -> Iterator[Finding]:
    """Check /dev/shm, through which loader workers pass batches; docker gives it only 64 MB."""
    try:
        total = shutil.disk_usage('/dev/shm').total
    except OSError:
        return
    found = f'{total // 2**20} MB in /dev/shm'
    if total < _LOADER_BYTES:
        fix = 'docker run --shm-size 8g, or --cfg-options train_dataloader.num_workers=0'
        yield Finding('shared memory', 'note', f'{found}: loader workers die with a bus error', fix)
    else:
        yield Finding('shared memory', 'ok', found)


def check_disk() -> Iterator[Finding]:
    """Check that there is room for what a run writes."""
    folder = Path('work_dirs').resolve() if Path('work_dirs').exists() else Path.cwd()
    free = shutil.disk_usage(folder).free // 2**20
    if free < MINI_FREE_MB:
        yield Finding('disk', 'broken', f'{free} MB free here', f'free {MINI_FREE_MB} MB')
    else:
        yield Finding('disk', 'ok', f'{free} MB free here')


def check_port() -> Iterator[Finding]:
    """Check that the port through which processes on several machines connect is free."""
    name = next((name for name in ('PORT', 'MASTER_PORT') if os.environ.get(name)), '')
    text = os.environ.get(name, '29500')
    if not text.isdecimal() or not 0 < int(text) < 65536:
        yield Finding('port', 'note', f'{name}={text!a} is not a port', f'unset {name}')
        return
    needed = 'only runs on several machines need it'
    with socket.socket() as tested:
        tested.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tested.bind(('', int(text)))
        except OSError as error:
            with socket.socket() as other:
                other.bind(('', 0))
                free = other.getsockname()[1]
            found = f'{text} cannot be used ({error.strerror}); {needed}'
            yield Finding('port', 'note', found, f'export PORT={free}')
        else:
            yield Finding('port', 'ok', f'{text} is free; {needed}')


def check_slurm() -> Iterator[Finding]:
    """Check for a Slurm cluster to submit to."""
    present = [name for name in _SLURM if shutil.which(name)]
    if not present:
        yield Finding('slurm', 'note', 'not here; only --cluster slurm needs it')
        return
    if missing := [name for name in _SLURM if name not in present]:
        yield Finding('slurm', 'note', f'has {" ".join(present)}, lacks {" ".join(missing)}')
        return
    command = ['sinfo', '--noheader', '--format=%P %D %t']
    try:
        sinfo = subprocess.run(command, capture_output=True, text=True, timeout=SLURM_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        yield Finding('slurm', 'note', 'sinfo does not answer', 'scontrol ping')
        return
    if sinfo.returncode:
        message = ' '.join(sinfo.stderr.split())[:200]
        yield Finding('slurm', 'note', f'sinfo failed: {message}', 'scontrol ping')
    else:
        yield Finding('slurm', 'ok', '; '.join(sinfo.stdout.split('\n')[:4]).strip('; '))


def check_configs() -> Iterator[Finding]:
    """Check that the configs of rm_mm are there."""
    from rm_mm.compat.config_scopes import configs_root

    try:
        yield Finding('configs', 'ok', str(configs_root()))
    except InputError as error:
        yield Finding('configs', 'broken', str(error), 'pip install -e .')


def check_data_roots() -> Iterator[Finding]:
    """Check that each data set is where the configs expect it, not that it is complete."""
    for name, text in DATA_ROOTS.items():
        root = Path(text)
        prepare = f'rm-mm data prepare {name} {text}'
        if root.is_dir() and any(root.iterdir()):
            found = f'{text}; rm-mm data check {name} {text} tells whether it is complete'
            yield Finding(name, 'ok', found)
        elif root.is_symlink() and not root.exists():
            found = f'{text} is a link to {root.readlink()}, which does not exist'
            yield Finding(name, 'note', found, f'ln -sfn DIR {text}')
        elif root.is_dir():
            yield Finding(name, 'note', f'{text} is empty', prepare)
        else:
            yield Finding(name, 'note', f'not at {text}; the mini suite does not need it', prepare)
