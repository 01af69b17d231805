"""A checkpoint by its name: a file, an address, or an entry of torchvision's zoo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError

from rm_mm.errors import InputError, printable
from rm_mm.transfer.download import download, hash_in_name, shown_address

PREFIX = 'torchvision://'


@dataclass(frozen=True)
class Source:
    """A file, and what is known of it besides.

    Attributes:
        path: Where it is.
        name: For the manifest: the file's name, or the address that it is from.
        metrics: What its publisher measured, in percent.
    """

    path: Path
    name: str
    metrics: dict[str, float] = field(default_factory=dict)


def locate(name: str) -> Source:
    """The file behind a checkpoint's name, downloaded if it is not on this machine.

    Of torchvision's zoo the weights are ``IMAGENET1K_V1``, those of mmdetection's
    ``torchvision://``. A file that is already in torch's cache is not downloaded again; a download
    is checked against the hash in the file's name, if there is one.

    Args:
        name: A path, an address ``https://…``, or ``torchvision://`` and the name of a network.

    Raises:
        InputError: If torchvision has no such network, the address is of another kind, or the
            download fails.
    """
    if name.startswith(PREFIX):
        weights = _weights(name.removeprefix(PREFIX))
        return Source(_from_zoo(name, str(weights.url)), _file_name(weights.url), _metrics(weights))
    if name.startswith('https://'):
        return Source(download(name, _cache() / 'rm_mm'), shown_address(name))
    if '://' in name:
        require_address(name)
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:
        raise InputError(f'{printable(name)} is not a file: {printable(error)}') from error
    return Source(path, path.name)


def require_address(name: str) -> None:
    """Check that an address is one that can be fetched, as far as it shows without a network.

    Raises:
        InputError: If torchvision has no such network, or the address is of another kind.
    """
    if name.startswith(PREFIX):
        _weights(name.removeprefix(PREFIX))
    elif not name.startswith('https://'):
        raise InputError(
            f'cannot read {printable(name)}: expected a file, https://… or torchvision://NETWORK, '
            f'found {printable(name.partition("://")[0])}://; download it and name the file'
        )


def _cache() -> Path:
    import torch

    return Path(torch.hub.get_dir()) / 'checkpoints'


def _file_name(url: str) -> str:
    return url.rpartition('/')[2]


def _from_zoo(name: str, url: str) -> Path:
    import torch

    folder = _cache()
    target = folder / _file_name(url)
    if not target.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(target), hash_in_name(target.name))
        except (OSError, RuntimeError) as error:
            # A refused hash is a RuntimeError, anything about the network an OSError.
            reason = error.reason if isinstance(error, URLError) else error
            raise InputError(
                f'cannot download {name}: {printable(reason)}. Fetch {url} elsewhere and put it '
                f'at {printable(target)}'
            ) from error
    return target


def _weights(network: str) -> Any:
    from torchvision.models import get_model_weights

    try:
        return get_model_weights(network)['IMAGENET1K_V1']
    except (ValueError, KeyError) as error:
        raise InputError(
            f'torchvision has no ImageNet weights for {network!a}: expected a name such as '
            f'{PREFIX}resnet50'
        ) from error


def _metrics(weights: Any) -> dict[str, float]:
    """What torchvision measured on ImageNet-1k, such as ``acc@1``."""
    meta = getattr(weights, 'meta', {})
    metrics = meta.get('_metrics', {}).get('ImageNet-1K', {}) if isinstance(meta, Mapping) else {}
    return {str(name): float(value) for name, value in metrics.items()}
