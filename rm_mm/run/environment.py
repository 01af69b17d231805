"""What a run ran on: versions, commit, config, data."""

from __future__ import annotations

import hashlib
import marshal
import platform
import resource
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    'rm_mm', 'torch', 'torchvision', 'numpy', 'onedl-mmengine', 'mmengine', 'onedl-mmcv', 'mmcv',
    'onedl-mmpretrain', 'mmpretrain', 'onedl-mmdetection', 'mmdet', 'onedl-mmsegmentation',
    'mmsegmentation', 'pycocotools', 'faster-coco-eval',
)  # fmt: skip


def versions() -> dict[str, str]:
    """Python, machine, and the version of each package of the stack that is installed."""
    found = {'python': platform.python_version(), 'machine': platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def peak_memory_mb() -> float:
    """The most memory that this process has had at once, in MiB."""
    try:
        with open('/proc/self/status', encoding='ascii', errors='replace') as file:
            line = next(line for line in file if line.startswith('VmHWM'))
        return int(line.split()[1]) / 1024
    except (OSError, StopIteration):
        # Not first: on Linux it counts the process that started this one, too. Bytes on a Mac.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == 'darwin' else 1024)


def git_commit() -> str | None:
    """The commit of the checkout that this package runs from, or None outside of one.

    Returns:
        The hash, followed by ``-dirty`` if tracked files differ from it.
    """
    root = Path(__file__).resolve().parents[2]
    # A package that is installed into somebody else's checkout is not that checkout.
    if not (root / '.git').exists():
        return None
    command = ['git', '-C', str(root), 'describe', '--always', '--abbrev=40', '--exclude=*']
    try:
        found = subprocess.run([*command, '--dirty'], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None


def config_digest(config: Any) -> str:
    """SHA-256 of the resolved text of an mmengine config."""
    return hashlib.sha256(str(config.pretty_text).encode()).hexdigest()


def data_fingerprint(dataset: Any) -> str | None:
    """SHA-256 over the names and annotations of a data set's samples, in order.

    The same wherever the data lies: paths count from ``data_root``. Pixels that only files hold are
    not read; a data set that keeps them in memory, as CIFAR, is hashed with them.

    Args:
        dataset: An mmengine ``BaseDataset``, or a wrapper of one.

    Returns:
        The hash; None for a data set that cannot say what its samples are.
    """
    while not hasattr(dataset, 'get_data_info') and hasattr(dataset, 'dataset'):
        dataset = dataset.dataset
    if not hasattr(dataset, 'get_data_info'):
        return None
    root = str(getattr(dataset, 'data_root', None) or '')
    digest = hashlib.sha256()
    for index in range(len(dataset)):
        # Version 2 has no references between equal objects, and so only depends on values.
        digest.update(marshal.dumps(_portable(dataset.get_data_info(index), root), 2))
    return digest.hexdigest()


def _portable(value: Any, root: str) -> Any:
    """Plain values, without the data root."""
    if isinstance(value, str):
        return value.removeprefix(root).lstrip('/') if root else value
    if isinstance(value, dict):
        return [(str(key), _portable(value[key], root)) for key in sorted(value, key=str)]
    if isinstance(value, (list, tuple)):
        return [_portable(part, root) for part in value]
    if value is None or isinstance(value, (bool, int, float, bytes)):
        return value
    if hasattr(value, 'tobytes'):
        return [str(value.dtype), list(value.shape), value.tobytes()]
    return repr(value)
