"""Take one backbone out of the weights that it stands in, under the names of OpenMMLab."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rm_mm.errors import InputError, printable
from rm_mm.transfer.candidates import SEQUENTIAL, Candidate

# What may be left behind, by its first name: classifiers (`fc`, and `fc_roi` of RecursiveMix), the
# heads, necks and queues of self-supervised methods, losses and metrics of training scripts, mean
# and standard deviation of a data preprocessor, and what counts the steps of an average.
_HEAD = re.compile(
    r'((momentum|online|target|student|teacher|ema)_)?'
    r'(fc|fc_roi|heads?|head_dist|neck|classifier|linear|projection(_head)?|projector|predictor'
    r'|prototypes\d*|data_preprocessor|criterion|loss|loss_fn|metrics?|center|n_averaged|steps)'
    r'|queue\d*|queue_\w+|(train|val|test)_(acc\w*|loss|metrics?|top\d)'
)
# Only beside a backbone: in one it is a part of it. Barlow Twins has a last norm layer there.
_BESIDE = re.compile(r'bn|mlp')
_PROJECTORS = {'projector', 'projection', 'projection_head', 'predictor'}


@dataclass(frozen=True)
class FoundBackbone:
    """A network of a checkpoint, taken apart; every key of it is in exactly one of the parts.

    Attributes:
        state_dict: The backbone, without prefixes. Shares the tensors of its source.
        source_format: Whose naming it was, see :func:`_name_format`.
        heads: Known heads that are left behind, in the order of the file; what stands in front of
            the backbone's names is not in front of theirs.
        left_over: Keys beside the backbone that belong to no known head.
        completed: Keys that were added: see :func:`take_backbone`.
    """

    state_dict: dict[str, Tensor]
    source_format: str
    heads: dict[str, Tensor]
    left_over: tuple[str, ...]
    completed: tuple[str, ...]


def take_backbone(candidate: Candidate, wanted: Collection[str] = ()) -> FoundBackbone:
    """Strip what stands before the names, and set known heads and other networks aside.

    The one thing added: PyTorch before 0.4.1 wrote no ``num_batches_tracked``, and some published
    weights still have none. Where a file has not a single one they are set to 0, as PyTorch does
    when it loads such a file; no output of the network depends on them.

    Args:
        candidate: The backbone that is meant.
        wanted: Names of the network to fill, none of which is a head's; without, a ResNet's are.

    Raises:
        InputError: If nothing but heads is found.
    """
    root = candidate.root
    backbone: dict[str, Tensor] = {}
    heads: dict[str, Tensor] = {}
    left_over: list[str] = []
    for name, value in candidate.weights.items():
        if _of_another(name, candidate):
            continue
        if name.startswith(root):
            inner = name.removeprefix(root)
            if inner not in wanted and _HEAD.fullmatch(inner.split('.')[0]):
                heads[inner] = value
            else:
                backbone[_named(inner) if candidate.layout == 'sequential' else inner] = value
            continue
        first = name[len(_shared(name, root)) :].split('.')[0]
        if _HEAD.fullmatch(first) or _BESIDE.fullmatch(first):
            heads[_unwrapped(name)] = value
        else:
            left_over.append(_unwrapped(name))
    if not backbone:
        roots = ', '.join(sorted({printable(name.split('.')[0]) for name in heads}))
        raise InputError(
            f'no backbone found: all keys belong to {roots}; expected `backbone.*`, or the bare '
            'names of a network'
        )
    source_format = _name_format(candidate, heads)
    return FoundBackbone(backbone, source_format, heads, tuple(left_over), _complete(backbone))


def _named(name: str) -> str:
    """The name of a layer that ``nn.Sequential`` has numbered."""
    for number, layer in SEQUENTIAL.items():
        if name.startswith(number):
            return layer + name.removeprefix(number)
    return name


def _unwrapped(name: str) -> str:
    while name.startswith('module.'):
        name = name.removeprefix('module.')
    return name


def _shared(name: str, root: str) -> str:
    """The whole words with which a name and a root both begin, with their dots."""
    shared = ''
    for part in root.split('.')[:-1]:
        if not name.startswith(f'{shared}{part}.'):
            break
        shared += f'{part}.'
    return shared


def _of_another(name: str, candidate: Candidate) -> bool:
    """Whether a name has more in common with another backbone of the dict than with this one."""
    root = candidate.root
    own = len(_shared(name, root))
    return any(
        len(_shared(name, other)) > own
        # A network may stand inside another one's names: `conv1.…` beside `ema.conv1.…`.
        or (root.startswith(other) and not name.startswith(root) and name.startswith(other))
        for other in candidate.others
    )


def _name_format(candidate: Candidate, heads: Mapping[str, Tensor]) -> str:
    """Say whose naming it is.

    Returns:
        ``recursivemix`` (the authors' ``fc_roi``), ``dino``, ``moco``, ``byol``, ``swav``,
        ``barlow-twins``, ``projector`` (SimCLR, VICReg and others: a backbone and a projector),
        ``mmengine`` (``backbone.*``), ``timm`` (a deep stem ``conv1.0``), ``torchvision``
        (``fc.*``; timm's plain ResNets have the same names) or ``backbone`` (no head at all).
    """
    roots = ' '.join([candidate.root, *candidate.others, candidate.key])
    words = {word for root in roots.split() for word in root.split('.')}
    first = {word for name in heads for word in name.split('.')}
    if 'fc_roi' in first:
        return 'recursivemix'
    if words & {'teacher', 'student'}:
        return 'dino'
    if words & {'encoder_q', 'encoder_k', 'base_encoder', 'momentum_encoder'}:
        return 'moco'
    if any(word.startswith(('online', 'target')) for word in words):
        return 'byol'
    if 'prototypes' in first:
        return 'swav'
    if 'projector' in first and 'bn' in first:
        return 'barlow-twins'
    if {name.split('.')[0] for name in heads} & _PROJECTORS:
        return 'projector'
    if 'backbone' in words:
        return 'mmengine'
    if any(name.startswith(f'{candidate.root}conv1.0.') for name in candidate.weights):
        return 'timm'
    return 'torchvision' if 'fc' in first else 'backbone'


def _complete(backbone: dict[str, Tensor]) -> tuple[str, ...]:
    """Add the counters of files that have none at all, in place; return their names."""
    if any(name.endswith('num_batches_tracked') for name in backbone):
        return ()
    names = tuple(
        name.removesuffix('running_var') + 'num_batches_tracked'
        for name in backbone
        if name.endswith('running_var')
    )
    backbone.update({name: torch.zeros((), dtype=torch.int64) for name in names})
    return names
