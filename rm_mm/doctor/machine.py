"""Cores, disk, ports and Slurm."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from rm_mm.doctor.finding import Finding

#: What `make mini` writes: data, checkpoints and logs, measured, rounded up.
MINI_FREE_MB = 1000
_SLURM = ('sinfo', 'srun', 'sbatch')
_SLURM_SECONDS = 5


def cores() -> Iterator[Finding]:
    """How many this process may use, which is not what the machine has."""
    there, allowed = os.cpu_count() or 1, len(os.sched_getaffinity(0))
    quota = _quota()
    usable = min(allowed, quota) if quota else allowed
    if usable < there:
        yield Finding('cores', 'ok', f'{usable:g} of {there} may be used here')
    else:
        yield Finding('cores', 'ok', str(there))


def _quota(root: Path = Path('/sys/fs/cgroup')) -> float | None:
    """Cores that the control group allows; None without a limit."""
    try:
        quota, period = (root / 'cpu.max').read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def disk() -> Iterator[Finding]:
    """Is there room for what a run writes?"""
    here = Path('work_dirs').resolve() if Path('work_dirs').exists() else Path.cwd()
    free = shutil.disk_usage(here).free // 2**20
    if free < MINI_FREE_MB:
        yield Finding('disk', 'broken', f'{free} MB free here', f'free {MINI_FREE_MB} MB')
    else:
        yield Finding('disk', 'ok', f'{free} MB free here')


def port() -> Iterator[Finding]:
    """Is the port free on which the processes of several machines meet?"""
    name = next((name for name in ('PORT', 'MASTER_PORT') if os.environ.get(name)), '')
    text = os.environ.get(name, '29500')
    if not text.isdecimal() or not 0 < int(text) < 65536:
        yield Finding('port', 'note', f'{name}={text!a} is no port', f'unset {name}')
        return
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(('', int(text)))
        except OSError as error:
            found = f'{text} cannot be used ({error.strerror}): several machines meet there'
            with socket.socket() as other:
                other.bind(('', 0))
                free = other.getsockname()[1]
            yield Finding('port', 'note', f'{found}; one machine needs none', f'export PORT={free}')
        else:
            yield Finding('port', 'ok', f'{text} is free; one machine takes any')


def slurm() -> Iterator[Finding]:
    """Is there a cluster to submit to?"""
    found = [name for name in _SLURM if shutil.which(name)]
    if not found:
        yield Finding('slurm', 'note', 'not here: --cluster slurm needs it, nothing else does')
        return
    missing = [name for name in _SLURM if name not in found]
    if missing:
        yield Finding('slurm', 'note', f'has {" ".join(found)}, lacks {" ".join(missing)}')
        return
    try:
        asked = subprocess.run(
            ['sinfo', '--noheader', '--format=%P %D %t'],
            capture_output=True,
            text=True,
            timeout=_SLURM_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        yield Finding('slurm', 'note', 'sinfo does not answer', 'scontrol ping')
        return
    if asked.returncode:
        said = ' '.join(asked.stderr.split())[:200]
        yield Finding('slurm', 'note', f'sinfo failed: {said}', 'scontrol ping')
    else:
        yield Finding('slurm', 'ok', '; '.join(asked.stdout.split('\n')[:4]).strip('; '))
