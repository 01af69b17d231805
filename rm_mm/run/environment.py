"""Facts about a run: versions, commit, memory, config, data."""

from __future__ import annotations

import hashlib
import marshal
import platform
import resource
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    'rm_mm', 'torch', 'torchvision', 'numpy', 'onedl-mmengine', 'mmengine', 'onedl-mmcv', 'mmcv',
    'onedl-mmpretrain', 'mmpretrain', 'onedl-mmdetection', 'mmdet', 'onedl-mmsegmentation',
    'mmsegmentation', 'pycocotools', 'faster-coco-eval',
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the versions of Python, the machine and the installed packages of the stack."""
    found = {'python': platform.python_version(), 'machine': platform.platform()}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def peak_memory_mb() -> float:
    """Return the peak memory of this process in MiB."""
    try:
        with open('/proc/self/status', encoding='ascii', errors='replace') as file:
            line = next(line for line in file if line.startswith('VmHWM'))
        return int(line.split()[1]) / 1024
    except (OSError, StopIteration):
        # Only as a fallback: on Linux it includes the parent process. macOS reports bytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == 'darwin' else 1024)


def git_commit() -> str | None:
    """Return the commit of the checkout that this package runs from; None outside a checkout.

    The hash is followed by ``-dirty`` if tracked files were modified.
    """
    root = Path(__file__).resolve().parents[2]
    # The package may be installed inside the checkout of another project.
    if not (root / '.git').exists():
        return None
    command = ['git', '-C', str(root), 'describe', '--always', '--abbrev=40', '--exclude=*']
    try:
        found = subprocess.run([*command, '--dirty'], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None


def config_digest(config: Any) -> str:
    """Return the SHA-256 of the resolved text of an mmengine config."""
    return hashlib.sha256(str(config.pretty_text).encode()).hexdigest()


def data_fingerprint(dataset: Any) -> str | None:
    """Return the SHA-256 of the names and annotations of all samples of a data set, in order.

    Paths are relative to ``data_root``, so the location of the data does not matter. Image files
    are not read; images in memory, as in CIFAR, are hashed.

    Args:
        dataset: An mmengine ``BaseDataset``, or a wrapper of one. For any other the result is None.
    """
    while not hasattr(dataset, 'get_data_info'):
        if not hasattr(dataset, 'dataset'):
            return None
        dataset = dataset.dataset
    root = str(getattr(dataset, 'data_root', None) or '')
    digest = hashlib.sha256()
    for index in range(len(dataset)):
        # Version 2 of marshal depends on values only, not on which objects are identical.
        digest.update(marshal.dumps(_portable(dataset.get_data_info(index), root), 2))
    return digest.hexdigest()


def _portable(value: Any, root: str) -> Any:
    """Convert to plain values, with paths relative to the data root."""
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
