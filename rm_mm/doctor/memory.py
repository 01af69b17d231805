"""How much memory there is, and what a training step of ResNet-50 needs of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from rm_mm.doctor.finding import Finding

# Highest resident memory of a process that takes two steps (SGD with momentum, float32, 224 x 224)
# with torch 2.14.1 on a CPU: batch 4: 1469 MB, 8: 1927, 16: 2644, 32: 3957. The line of least
# squares is 1186 + 87.5 a image, rounded up.
_STEP_MB = 1200
_IMAGE_MB = 90
#: What `make mini` takes: the highest of its processes' proportional memory (PSS) together, sampled
#: every 0.3 s in a shortened run on two cores, was 2495 MB. Less is a note and no more.
MINI_MB = 2600


def step_mb(batch: int) -> int:
    """Memory of a ResNet-50 training step in float32."""
    return _STEP_MB + _IMAGE_MB * batch


def largest_batch(megabytes: int, *, fixed: bool = True) -> int:
    """The largest batch whose step fits.

    Args:
        megabytes: What there is.
        fixed: Whether Python and its libraries, most of the fixed part, are in there too, as on a
            CPU.
    """
    return max(0, (megabytes - (_STEP_MB if fixed else 0)) // _IMAGE_MB)


def memory() -> Iterator[Finding]:
    """What is available, which a container may limit below what the machine has."""
    try:
        total, available = _machine()
    except (OSError, ValueError, KeyError) as error:
        yield Finding('memory', 'note', f'cannot be told: {error}')
        return
    limit = _container()
    limited = ''
    if limit is not None and limit[0] < total:
        total, available = limit[0], min(available, limit[0] - limit[1])
        limited = ', by the limit of this container'
    batch = largest_batch(available)
    found = (
        f'{available} of {total} MB are free{limited}: a ResNet-50 step of up to {batch} images in '
        f'float32 ({step_mb(32)} MB for 32)'
    )
    if available < MINI_MB:
        mend = f'free {MINI_MB} MB, or run `rm-mm suite --preset mini --jobs 1`'
        yield Finding('memory', 'note', found, mend)
    else:
        yield Finding('memory', 'ok', found)


def shared_memory() -> Iterator[Finding]:
    """Loader workers hand batches over in /dev/shm; docker's 64 MB end them with a bus error."""
    try:
        total = shutil.disk_usage('/dev/shm').total // 2**20
    except OSError:
        return
    # Eight workers with two batches each of 32 images: 8 * 2 * 32 * 3 * 224 * 224 bytes.
    needed = 8 * 2 * 32 * 3 * 224 * 224 // 2**20
    if total < needed:
        mend = 'docker run --shm-size 8g, or --cfg-options train_dataloader.num_workers=0'
        found = f'{total} MB in /dev/shm: loader workers end with a bus error'
        yield Finding('shared memory', 'note', found, mend)
    else:
        yield Finding('shared memory', 'ok', f'{total} MB in /dev/shm')


def _machine() -> tuple[int, int]:
    """MB in all, and MB available."""
    entries = {}
    for line in Path('/proc/meminfo').read_text().splitlines():
        name, _, rest = line.partition(':')
        entries[name] = int(rest.split()[0]) // 1024
    return entries['MemTotal'], entries['MemAvailable']


def _container(root: Path = Path('/sys/fs/cgroup')) -> tuple[int, int] | None:
    """MB that the control group allows, and MB that it uses; None without a limit."""
    for limit, used in (
        ('memory.max', 'memory.current'),
        ('memory/memory.limit_in_bytes', 'memory/memory.usage_in_bytes'),
    ):
        try:
            found = (root / limit).read_text().strip()
            # The older kind says "no limit" as a number beyond any memory.
            if found.isdigit() and int(found) < 2**60:
                return int(found) // 2**20, int((root / used).read_text()) // 2**20
        except (OSError, ValueError):
            continue
    return None
