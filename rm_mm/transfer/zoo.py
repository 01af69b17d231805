"""Published weights by name: ``torchvision://resnet50``."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.error import URLError

from rm_mm.errors import InputError
from rm_mm.transfer.printable import printable

PREFIX = 'torchvision://'


def locate(name: str) -> Path:
    """The file behind a checkpoint's name, downloaded if it is an entry of torchvision's zoo.

    The weights are ``IMAGENET1K_V1``, those of mmdetection's ``torchvision://``. A file that is
    already in torch's cache is not downloaded again; a download is checked against the hash in the
    file's name.

    Args:
        name: A path, or ``torchvision://`` and the name of a network.

    Raises:
        InputError: If torchvision has no such network, or the download fails.
    """
    if not name.startswith(PREFIX):
        return Path(name)
    network = name.removeprefix(PREFIX)
    url = _url(network)
    import torch

    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    target = folder / url.rpartition('/')[2]
    if not target.exists():
        found = re.search(r'-([0-9a-f]{8,})\.', target.name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(target), found[1] if found else None)
        except (OSError, RuntimeError) as error:
            # A refused hash is a RuntimeError, anything about the network an OSError.
            reason = error.reason if isinstance(error, URLError) else error
            raise InputError(
                f'cannot download {name}: {printable(reason)}. Fetch {url} elsewhere and put it '
                f'at {printable(target)}'
            ) from error
    return target


def _url(network: str) -> str:
    from torchvision.models import get_model_weights

    try:
        weights = get_model_weights(network)['IMAGENET1K_V1']
    except (ValueError, KeyError) as error:
        raise InputError(
            f'torchvision has no ImageNet weights for {network!a}: expected a name such as '
            f'{PREFIX}resnet50'
        ) from error
    return str(weights.url)
