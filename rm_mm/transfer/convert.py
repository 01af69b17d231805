"""Find the backbone among the keys of a state dict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rm_mm.errors import InputError
from rm_mm.transfer.printable import printable

# What may be left behind: classifiers (`fc`, and `fc_roi` of RecursiveMix), the head and neck of an
# mmpretrain model, and the mean and standard deviation of its data preprocessor.
_HEADS = frozenset({'head', 'neck', 'fc', 'fc_roi', 'data_preprocessor'})


@dataclass(frozen=True)
class FoundBackbone:
    """A state dict, taken apart; every key of it is in exactly one of the parts.

    Attributes:
        state_dict: The backbone, without prefixes. Shares the tensors of its source.
        source_format: Whose naming it was: ``mmengine`` (``backbone.*``), ``recursivemix`` (the
            authors' ``fc_roi.*``), ``torchvision`` (``fc.*``) or ``backbone`` (no head at all).
        dropped: Keys of known heads, without wrappers, in the order of the file.
        left_over: Keys beside ``backbone.*`` that belong to no known head.
        completed: Keys that were added: see :func:`find_backbone`.
    """

    state_dict: dict[str, Tensor]
    source_format: str
    dropped: tuple[str, ...]
    left_over: tuple[str, ...]
    completed: tuple[str, ...]


def find_backbone(state_dict: Mapping[str, Tensor]) -> FoundBackbone:
    """Strip wrappers and prefixes, and set known heads aside.

    The one thing added: PyTorch before 0.4.1 wrote no ``num_batches_tracked``, and some published
    weights still have none. Where a file has not a single one they are set to 0, as PyTorch does
    when it loads such a file; no output of the network depends on them.

    Raises:
        InputError: If two keys become one without their wrappers, or nothing but heads is found.
    """
    state = _unwrap(state_dict)
    inside = {
        name.removeprefix('backbone.'): value
        for name, value in state.items()
        if name.startswith('backbone.')
    }
    roots = {name.split('.')[0] for name in state}
    dropped = tuple(name for name in state if name.split('.')[0] in _HEADS)
    if inside:
        source_format = 'mmengine'
        aside = {*dropped}
        left_over = tuple(
            name for name in state if not name.startswith('backbone.') and name not in aside
        )
        backbone = _unwrap(inside)
    else:
        source_format = next(
            (
                name
                for root, name in (('fc_roi', 'recursivemix'), ('fc', 'torchvision'))
                if root in roots
            ),
            'backbone',
        )
        left_over = ()
        backbone = {name: value for name, value in state.items() if name not in {*dropped}}
    if not backbone:
        raise InputError(
            f'no backbone found: all keys belong to {", ".join(map(printable, sorted(roots)))}; '
            'expected `backbone.*`, or the bare names of a network'
        )
    completed = _complete(backbone)
    return FoundBackbone(backbone, source_format, dropped, left_over, completed)


def _unwrap(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Remove what DistributedDataParallel (``module.``) and ``torch.compile`` put into names."""
    # No network calls a part of itself `_orig_mod`, so it goes wherever it stands; `module` is a
    # plain word, so it goes only where it wraps the whole.
    renamed = [
        ('.'.join(part for part in name.split('.') if part != '_orig_mod'), value)
        for name, value in state_dict.items()
    ]
    while renamed and all(name.startswith('module.') for name, _ in renamed):
        renamed = [(name.removeprefix('module.'), value) for name, value in renamed]
    unwrapped = dict(renamed)
    if len(unwrapped) < len(state_dict):
        (twice, _), *_ = Counter(name for name, _ in renamed).most_common(1)
        raise InputError(
            f'two networks in one file: {printable(twice)} is there both with and without its '
            'wrapper; save the one that you mean'
        )
    return unwrapped


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
