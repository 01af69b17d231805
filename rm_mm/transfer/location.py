"""The file behind a checkpoint's name: a path, an ``https://`` address or a torchvision network.

Downloads are cached. A file appears in the cache complete, or not at all.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import urlopen

from rm_mm import files
from rm_mm.errors import InputError, printable

_TORCHVISION = 'torchvision://'
_CHUNK_BYTES = 1 << 20
# Applies to the connection and to each chunk, not to the whole download.
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class CheckpointSource:
    """A checkpoint file and where it came from.

    Attributes:
        path: Local file.
        name: Name for the manifest: the file name, or the address without its secrets.
        metrics: Accuracies that the publisher reports, in percent.
    """

    path: Path
    name: str
    metrics: dict[str, float] = field(default_factory=dict)


def locate(name: str) -> CheckpointSource:
    """Find the file of a checkpoint, downloading it if it is not cached.

    Downloads are checked against the hash in the file name, if there is one.

    Args:
        name: A path, an ``https://`` address, or ``torchvision://NETWORK`` for the network's
            ``IMAGENET1K_V1`` weights, as in mmdetection.

    Raises:
        InputError: If the address is not supported, or the download fails.
    """
    if name.startswith(_TORCHVISION):
        weights = _torchvision_weights(name)
        path = _cache() / str(weights.url).rpartition('/')[2]
        _download(str(weights.url), path)
        # Accuracies on ImageNet-1k, such as `acc@1`.
        metrics = getattr(weights, 'meta', {}).get('_metrics', {}).get('ImageNet-1K', {})
        return CheckpointSource(path, path.name, {str(k): float(v) for k, v in metrics.items()})
    if name.startswith('https://'):
        path = _cached_path(name)
        _download(name, path)
        return CheckpointSource(path, shown_address(name))
    if '://' in name:
        require_address(name)
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:
        raise InputError(f'{printable(name)} is not a file: {printable(error)}') from error
    return CheckpointSource(path, path.name)


def require_address(name: str) -> None:
    """Check, without connecting, that an address can be fetched.

    Raises:
        InputError: If torchvision has no such network, or the kind of address is not supported.
    """
    if name.startswith(_TORCHVISION):
        _torchvision_weights(name)
    elif not name.startswith('https://'):
        raise InputError(
            f'cannot read {printable(name)}: expected a file, https://… or torchvision://NETWORK, '
            f'found {printable(name.partition("://")[0])}://; download it and pass the file'
        )


def shown_address(address: str) -> str:
    """An address without the parts that may be secret: user, password and query."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition('@')[2], parts.path, '', ''))


def hash_in_name(name: str) -> str | None:
    """Start of the SHA-256 in the name of a published file, such as ``resnet50-0676ba61.pth``.

    A date, as in ``model-20240131.pth``, is none.
    """
    found = re.search(r'-(?!20\d{6}\.)([0-9a-f]{8,64})\.', name)
    return found[1] if found else None


def _cache() -> Path:
    import torch

    return Path(torch.hub.get_dir()) / 'checkpoints'


def _cached_path(address: str) -> Path:
    """One path per address: many published checkpoints are called ``resnet50.pth``."""
    name = re.sub(r'[^\w.-]', '_', unquote(urlsplit(address).path.rpartition('/')[2])) or 'file'
    return _cache() / 'rm_mm' / hashlib.sha256(address.encode()).hexdigest()[:16] / name[-100:]


def _download(address: str, target: Path) -> None:
    """Fetch a file unless it is there already; a failed download leaves nothing behind."""
    if target.exists():
        return
    shown = printable(shown_address(address))
    try:
        with urlopen(address, timeout=_TIMEOUT_SECONDS) as response:
            if urlsplit(response.url).scheme != urlsplit(address).scheme:
                raise InputError(f'{shown} is redirected to an address that is not https')
            with files.replacing(target) as temporary, temporary.open('wb') as file:
                digest = _copy(response, file, target.parent, shown)
                expected = hash_in_name(target.name)
                if expected and not digest.startswith(expected):
                    raise InputError(
                        f'{shown} is damaged or another file: its name promises the hash '
                        f'{expected}, found {digest[:16]}; try again'
                    )
    except InputError:
        raise
    except (OSError, ValueError, HTTPException) as error:
        reason: object = error
        # The reason of an HTTP status such as 404 would only be "Not Found".
        if isinstance(error, URLError) and not isinstance(error, HTTPError):
            reason = error.reason
        raise InputError(
            f'cannot download {shown}: {printable(reason)}. Fetch it elsewhere and pass the file, '
            f'or put it at {printable(target)}'
        ) from error


def _copy(response: Any, file: Any, folder: Path, shown: str) -> str:
    """Copy the body of a response into a file, report progress, and return its SHA-256."""
    declared = response.headers.get('Content-Length')
    size = int(declared) if declared and declared.isdecimal() else None
    free = shutil.disk_usage(folder).free
    if size is not None and size > free:
        raise InputError(f'{shown} has {size} bytes, {printable(folder)} has {free} free')
    digest = hashlib.sha256()
    copied = 0
    reported = -1
    while chunk := response.read(_CHUNK_BYTES):
        file.write(chunk)
        digest.update(chunk)
        copied += len(chunk)
        tenth = copied * 10 // size if size else copied // (100 * _CHUNK_BYTES)
        if tenth != reported:
            reported = tenth
            total = f' of {size >> 20}' if size else ''
            print(f'{shown}: {copied >> 20}{total} MB', file=sys.stderr)
    if size is not None and copied != size:
        raise InputError(f'{shown} was cut short after {copied} of {size} bytes; try again')
    return digest.hexdigest()


def _torchvision_weights(name: str) -> Any:
    from torchvision.models import get_model_weights

    network = name.removeprefix(_TORCHVISION)
    try:
        return get_model_weights(network)['IMAGENET1K_V1']
    except (ValueError, KeyError) as error:
        raise InputError(
            f'torchvision has no ImageNet weights for {network!a}: expected a name such as '
            f'{_TORCHVISION}resnet50'
        ) from error
