"""A checkpoint of unknown origin: what is in it, and who wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from rm_mm.errors import printable
from rm_mm.transfer.container import read_content
from rm_mm.transfer.inputs import Inputs, inputs_from_json
from rm_mm.transfer.networks import Network, find_networks
from rm_mm.transfer.training_meta import CheckpointMeta, read_meta
from rm_mm.transfer.zoo import locate

# How `rm_mm.transfer.export` marks the `meta` of the files that it writes.
EXPORT_MARK = 'rm_mm.backbone'


@dataclass(frozen=True)
class Checkpoint:
    """What is in one file.

    Attributes:
        state_dict: Of its first network: name to dense CPU tensor, detached, names as in the file.
        networks: All dicts of tensors in it, the one above first.
        format: How the file is laid out: ``rm_mm`` (an export of ours), ``mmengine``,
            ``lightning``, ``training-script`` (a ``state_dict`` beside other things) or
            ``state-dict`` (flat).
        container: ``torch`` or ``safetensors``.
        meta: What the file says about its training run.
        inputs: Of an export of ours, what it knows of its inputs.
        sha256: Of the whole file, in hexadecimal.
    """

    state_dict: dict[str, Tensor]
    networks: tuple[Network, ...]
    format: str
    container: str
    meta: CheckpointMeta
    inputs: Inputs | None
    sha256: str


def read_checkpoint(path: Path, *, trust: bool = False) -> Checkpoint:
    """Read the weights in ``path`` onto the CPU, whoever wrote them.

    Only tensors and plain containers are unpickled; no class or function that the file names is
    looked up, save those that PyTorch needs to rebuild tensors.

    Args:
        path: A file, see :func:`rm_mm.transfer.container.read_content`.
        trust: Unpickle whatever it asks for.

    Raises:
        InputError: If there is no such file, it is no checkpoint, it is damaged, it holds
            no weights, or it cannot be read without unpickling arbitrary objects.
    """
    shown = printable(path)
    content = read_content(path, trust=trust)
    networks = find_networks(content.value, shown)
    layout = _layout(content.value)
    return Checkpoint(
        state_dict=networks[0].weights(shown),
        networks=networks,
        format=layout,
        container=content.container,
        meta=read_meta(content.value),
        inputs=inputs_from_json(content.value['meta'].get('inputs')) if layout == 'rm_mm' else None,
        sha256=content.sha256,
    )


def inspected_checkpoint(name: str) -> str:
    """The local file of a whole model's checkpoint, known to be safe to load.

    Where mmengine cannot read a file as tensors, it unpickles whatever the file asks for. So it is
    only given files that :func:`read_checkpoint` has read without doing so.

    Args:
        name: A path, or an ``https://`` address, which is downloaded. Any other address, such as
            ``s3://…`` or ``torchvision://…``, is returned unchanged for mmengine to resolve.

    Raises:
        InputError: If the file is missing or damaged, or holds more than tensors and plain
            containers.
    """
    if '://' in name and not name.startswith('https://'):
        return name
    path = locate(name).path
    read_checkpoint(path)
    return str(path)


def _layout(content: Any) -> str:
    if not isinstance(content, dict) or not isinstance(content.get('state_dict'), dict):
        return 'state-dict'
    meta = content.get('meta')
    if isinstance(meta, dict):
        return 'rm_mm' if meta.get('format') == EXPORT_MARK else 'mmengine'
    return 'lightning' if 'pytorch-lightning_version' in content else 'training-script'
