"""A checkpoint of unknown origin: its networks, its layout, and what it reports on its training."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from rm_mm.errors import InputError, printable
from rm_mm.transfer.container import read_content
from rm_mm.transfer.inputs import Inputs, inputs_from_json
from rm_mm.transfer.location import locate

#: Value of ``meta.format`` in files that ``rm-mm export`` writes.
EXPORT_MARK = 'rm_mm.backbone'

# Keys under which tensors belong to the training run, not to a network.
_TRAINING_STATE = re.compile(
    r'(^|_)(optim\w*|lr|scheduler\w*|scaler|callbacks?|loops|message_hub|loss\w*|criterion|meta|rng\w*'
    r'|args|hyper\w*|hparams\w*|config|cfg|amp|history|resume|metrics?)(_|$)',
    re.IGNORECASE,
)
# VISSL nests its weights deepest of all known formats, in five dicts.
_DEEPEST = 6
_BEST_FILE = re.compile(r'best_(?P<metric>.+)_(?P<unit>epoch|iter)_(?P<number>\d+)\.pth$')
_ACCURACY_NAME = re.compile(r'acc|top-?[15]|prec|err', re.IGNORECASE)


@dataclass(frozen=True)
class Network:
    """One dict of tensors in a checkpoint.

    Attributes:
        key: Path of the dict in the file, joined by dots; empty for the file itself.
        entries: Tensors, and possibly other things.
    """

    key: str
    entries: dict[Any, Any]

    def weights(self, shown: str) -> dict[str, Tensor]:
        """The tensors by name: dense, on the CPU, detached.

        Args:
            shown: The file, as messages name it.

        Raises:
            InputError: If there is anything else, or a tensor declares more elements than it has.
        """
        dense = {}
        for name, value in self.entries.items():
            if (
                not isinstance(name, str)
                or not isinstance(value, Tensor)
                or value.layout is not torch.strided
                or value.is_quantized
                or value.is_meta
                or value.numel() * value.element_size() > value.untyped_storage().nbytes()
            ):
                raise InputError(
                    f'{shown} mixes weights with other things: expected names and dense tensors, '
                    f'found {printable(name)} of type {type(value).__name__}'
                )
            dense[name] = value.detach()
        return dense


@dataclass(frozen=True)
class Checkpoint:
    """Content of one checkpoint file.

    Attributes:
        state_dict: Weights of the first network: dense CPU tensors, detached.
        networks: All dicts of tensors, the one of ``state_dict`` first.
        format: Layout of the file: ``rm_mm`` (an export), ``mmengine``, ``lightning``,
            ``training-script`` (a ``state_dict`` among other things) or ``state-dict`` (flat).
        container: ``torch`` or ``safetensors``.
        epoch: Number of epochs trained, or None if unknown.
        metrics: Accuracies by name, in the unit of the file. mmengine's only if they are of these
            weights; those of training scripts (``best_acc1``) name none.
        config: Text of the training config that mmengine and mmcv 1.x save, or empty.
        inputs: Inputs of the network, if the file is an export.
        sha256: Hash of the whole file, hexadecimal.
    """

    state_dict: dict[str, Tensor]
    networks: tuple[Network, ...]
    format: str
    container: str
    epoch: int | None
    metrics: dict[str, float]
    config: str
    inputs: Inputs | None
    sha256: str


def read_checkpoint(path: Path, *, trust: bool = False) -> Checkpoint:
    """Read the weights in a file of any source onto the CPU.

    See :func:`rm_mm.transfer.container.read_content` for what is unpickled.

    Args:
        path: The file.
        trust: Unpickle whatever the file asks for, which can run anything.

    Raises:
        InputError: If the file cannot be read, or holds no weights.
    """
    shown = printable(path)
    content = read_content(path, trust=trust)
    networks = find_networks(content.value, shown)
    layout = _layout(content.value)
    epoch, metrics, config = _training_report(content.value)
    return Checkpoint(
        state_dict=networks[0].weights(shown),
        networks=networks,
        format=layout,
        container=content.container,
        epoch=epoch,
        metrics=metrics,
        config=config,
        inputs=inputs_from_json(content.value['meta'].get('inputs')) if layout == 'rm_mm' else None,
        sha256=content.sha256,
    )


def inspected_checkpoint(name: str) -> str:
    """Find the local file of a whole model's checkpoint, and check that it is safe to load.

    mmengine unpickles anything in a file that it cannot read as tensors. So it is only given files
    that :func:`read_checkpoint` accepts.

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


def find_networks(content: Any, shown: str) -> tuple[Network, ...]:
    """Find every dict of tensors in a saved object, except those of optimisers and the like.

    Returns:
        ``state_dict`` first, then in the order of the file, outer dicts before inner ones.

    Raises:
        InputError: If there is none; the message names the file ``shown``.
    """
    if isinstance(content, nn.Module):
        return (Network('', dict(content.state_dict())),)
    if not isinstance(content, dict):
        raise InputError(
            f'{shown} holds no weights: expected a dict, found a {type(content).__name__}'
        )
    found = sorted(_walk(content, (), set()), key=lambda network: network.key != 'state_dict')
    if not found:
        names = ', '.join(printable(name) for name in list(content)[:8]) or 'nothing'
        raise InputError(
            f'{shown} holds no weights: expected tensors, or a `state_dict` of them; found {names}'
        )
    return tuple(found)


def _walk(node: dict[Any, Any], path: tuple[str, ...], visited: set[int]) -> Iterator[Network]:
    # A pickle can contain itself.
    if id(node) in visited or len(path) > _DEEPEST:
        return
    visited.add(id(node))
    below: list[Network] = []
    for name, value in node.items():
        if isinstance(name, str) and not _TRAINING_STATE.search(name):
            inner = dict(value.state_dict()) if isinstance(value, nn.Module) else value
            if isinstance(inner, dict):
                below += _walk(inner, (*path, name), visited)
    tensors = {name: value for name, value in node.items() if isinstance(value, Tensor)}
    if below:
        # Next to whole networks lie scores and queues; names of weights contain a layer and a dot.
        node = tensors = {name: value for name, value in tensors.items() if '.' in str(name)}
    if tensors:
        yield Network('.'.join(path), node)
    yield from below


def _layout(content: Any) -> str:
    if not isinstance(content, dict) or not isinstance(content.get('state_dict'), dict):
        return 'state-dict'
    meta = content.get('meta')
    if isinstance(meta, dict):
        return 'rm_mm' if meta.get('format') == EXPORT_MARK else 'mmengine'
    return 'lightning' if 'pytorch-lightning_version' in content else 'training-script'


def _training_report(content: Any) -> tuple[int | None, dict[str, float], str]:
    """Epoch, metrics and config in a file."""
    if not isinstance(content, dict):
        return None, {}, ''
    meta = content.get('meta')
    if isinstance(meta, dict):
        config = meta.get('cfg') or meta.get('config')
        scores = _best_scores(content, meta)
        return _whole_number(meta.get('epoch')), scores, config if isinstance(config, str) else ''
    metrics = {}
    for name, value in content.items():
        if isinstance(name, str) and _ACCURACY_NAME.search(name) and _is_number(value):
            metrics[name] = float(value)
    return _whole_number(content.get('epoch')), metrics, ''


def _is_number(value: object) -> TypeGuard[float | Tensor]:
    """Whether a value of unknown origin is a finite number, possibly in a tensor."""
    if isinstance(value, bool) or not isinstance(value, int | float | Tensor):
        return False
    try:
        return math.isfinite(float(value))
    except (ValueError, RuntimeError, OverflowError):
        # A tensor of several numbers or of a complex one, or an integer beyond any float.
        return False


def _best_scores(content: dict[Any, Any], meta: dict[Any, Any]) -> dict[str, float]:
    """The scores that mmengine recorded for exactly these weights.

    A checkpoint is saved before its epoch is validated, so the newest score in it belongs to the
    previous epoch. The best score belongs to these weights only if the best file is of their epoch.
    """
    hub = content.get('message_hub')
    info = hub.get('runtime_info') if isinstance(hub, dict) else None
    if not isinstance(info, dict):
        return {}
    scores: dict[str, float] = {}
    for name, file in info.items():
        best = _BEST_FILE.search(file) if isinstance(file, str) else None
        if best is None or not str(name).startswith('best_ckpt'):
            continue
        score = info.get(str(name).replace('best_ckpt', 'best_score', 1))
        if meta.get(best['unit']) == int(best['number']) and _is_number(score):
            scores[best['metric']] = float(score)
    return scores


def _whole_number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
