"""The kind, depth and width of a ResNet from its weights, and its names in each library.

Kinds differ in stem, shortcuts and norms. Two of them may share nearly all names and shapes and
still be different networks. A downstream task that confuses them trains from wrong weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from rm_mm.errors import InputError, printable

# Layers of a deep stem (three 3x3 convolutions) in each library, convolution and norm in turn.
_DEEP_STEMS = {
    'mmdet and mmseg': ('stem.0', 'stem.1', 'stem.3', 'stem.4', 'stem.6', 'stem.7'),
    'mmpretrain': (
        'stem.0.conv', 'stem.0.bn', 'stem.1.conv', 'stem.1.bn', 'stem.2.conv', 'stem.2.bn',
    ),
    'timm': ('conv1.0', 'conv1.1', 'conv1.3', 'conv1.4', 'conv1.6', 'bn1'),
}  # fmt: skip

#: For each kind, a config that takes its weights (depth 50 or 18), as an example for messages.
CONFIG_OF_KIND = {
    'ResNet': 'mmpretrain::resnet/resnet50_8xb32_in1k.py',
    'ResNetV1c': 'mmpretrain::resnet/resnetv1c50_8xb32_in1k.py',
    'ResNetV1d': 'mmpretrain::resnet/resnetv1d50_8xb32_in1k.py',
    'ResNet_CIFAR': 'mmpretrain::resnet/resnet18_8xb16_cifar10.py',
    'caffe': 'mmdet::faster_rcnn/faster-rcnn_r50-caffe_fpn_1x_coco.py',
}

# For each depth, blocks per stage and whether they are bottlenecks (He et al. 2016, table 1), and
# millions of parameters at base width 64, which grow with the square of the width.
_RESNETS = {
    18: ((2, 2, 2, 2), False, 11),
    34: ((3, 4, 6, 3), False, 21),
    50: ((3, 4, 6, 3), True, 24),
    101: ((3, 4, 23, 3), True, 43),
    152: ((3, 8, 36, 3), True, 58),
}
# A bottleneck's output has four times the channels of its 3x3 convolution (same source).
_BOTTLENECK_EXPANSION = 4


@dataclass(frozen=True)
class ResNetKind:
    """A kind of ResNet.

    Attributes:
        name: Class in mmpretrain, mmdet and mmseg; ``ResNet`` for kinds without their own class.
        features: What distinguishes the kind, in words.
        stem: Library whose names its deep stem has; None for a stem of one convolution.
    """

    name: str
    features: str
    stem: str | None = None


def resnet_kind(state: Mapping[str, Tensor]) -> ResNetKind | None:
    """Recognise the kind of ResNet by names and shapes; None if the weights are of no ResNet."""
    # A pooling layer comes first in such a shortcut, so the convolution is number 1.
    pooled = any(
        name.endswith('.downsample.1.weight') and value.ndim == 4 for name, value in state.items()
    )
    shortcuts = ', and pooling in the shortcuts' if pooled else ''
    for library, layers in _DEEP_STEMS.items():
        if f'{layers[0]}.weight' in state:
            stem = f'a deep stem, `{layers[0]}` etc. in the names of {library}'
            return ResNetKind('ResNetV1d' if pooled else 'ResNetV1c', stem + shortcuts, library)
    first = state.get('conv1.weight')
    if first is None or first.ndim != 4:
        return None
    height, width = first.shape[2:]
    stem = f'one {height}x{width} convolution `conv1`'
    if (height, width) == (3, 3):
        return ResNetKind('ResNet_CIFAR', stem)
    return ResNetKind('ResNet', stem + shortcuts)


def kind_mismatch(state: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> str | None:
    """A sentence that names both kinds and a config for the weights; None if the kinds agree."""
    found, wanted = resnet_kind(state), resnet_kind(target)
    if found is None or wanted is None or found.features == wanted.features:
        return None
    return (
        f'The weights are of a {found.name} ({found.features}), the target is a {wanted.name} '
        f'({wanted.features}): pass --config {CONFIG_OF_KIND[found.name]}, or any config whose '
        f'model.backbone is a {found.name} of this depth.'
    )


def rename_to_target(
    state: Mapping[str, Tensor], target: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Give the layers of a ResNetV1c or V1d the names of such a target, in a new dict."""
    wanted = resnet_kind(target)
    if wanted is None or not wanted.stem:
        return dict(state)
    return rename_to_library(state, wanted.stem)


def rename_to_library(state: Mapping[str, Tensor], library: str) -> dict[str, Tensor]:
    """Give the layers of a ResNetV1c or V1d the names that they have in a library.

    Args:
        state: Weights of any network; those of others keep their names.
        library: ``mmdet and mmseg``, ``mmpretrain`` or ``timm``.

    Returns:
        A new dict in the order of ``state``.
    """
    found = resnet_kind(state)
    if found is None or not found.stem or found.stem == library:
        return dict(state)
    layers = dict(zip(_DEEP_STEMS[found.stem], _DEEP_STEMS[library], strict=True))
    if found.name == 'ResNetV1d' and 'timm' in (found.stem, library):
        # The first stage's shortcut has nothing to pool. timm numbers an identity layer there.
        ours = [f'layer1.0.downsample.{number}' for number in (0, 1)]
        theirs = [f'layer1.0.downsample.{number}' for number in (1, 2)]
        old, new = (theirs, ours) if found.stem == 'timm' else (ours, theirs)
        layers |= zip(old, new, strict=True)
    renamed = {}
    for name, value in state.items():
        layer, _, tensor = name.rpartition('.')
        renamed[f'{layers.get(layer, layer)}.{tensor}'] = value
    return renamed


def folded_norms(state: Mapping[str, Tensor]) -> bool:
    """Whether all norm statistics are folded into scale and shift, as in weights from Caffe.

    Such weights have means of 0, variances of 1 (1 - 1e-5 in Detectron's) and trained scales. A
    fresh network has the same statistics, but all its scales are 1.
    """
    names = [name.removesuffix('running_var') for name in state if name.endswith('running_var')]
    scales = [state[f'{name}weight'] for name in names if f'{name}weight' in state]
    means = [value for name, value in state.items() if name.endswith('running_mean')]
    return (
        bool(means and scales)
        and all(bool((mean == 0).all()) for mean in means)
        and all(bool(((state[f'{name}running_var'] - 1).abs() <= 2e-5).all()) for name in names)
        and any(bool((scale != scale.flatten()[0]).any()) for scale in scales if scale.numel())
    )


def resnet_from_shapes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Work out depth and widths of the ResNet that weights belong to.

    Returns:
        The ``model.backbone`` config of an mmpretrain ResNet with the plain stem.

    Raises:
        InputError: If the weights are not those of a ResNet-18, 34, 50, 101 or 152 of any base
            width, or a part of one, or if the network would be far larger than the weights.
    """
    blocks = [0, 0, 0, 0]
    for name in state:
        # Incomplete blocks count, so that verification can name what they lack.
        block = re.match(r'layer([1-4])\.(\d{1,3})\.', name)
        if block:
            stage = int(block[1]) - 1
            blocks[stage] = max(blocks[stage], int(block[2]) + 1)
    bottleneck = any(re.match(r'layer\d\.\d+\.conv3\.', name) for name in state)
    depth = _depth(blocks, bottleneck)
    if depth is None:
        kind = 'bottleneck' if bottleneck else 'basic'
        found = f'{kind} blocks {tuple(blocks)}' if any(blocks) else f'the keys {_prefixes(state)}'
        raise _unrecognised(f'expected a ResNet-18, 34, 50, 101 or 152, found {found}')
    base_channels = _size(state, r'layer1\.\d+\.(conv1|bn1|bn2)\.', 0, 64)
    expected = _BOTTLENECK_EXPANSION * base_channels
    out_channels = _size(state, r'layer1\.\d+\.conv3\.weight', 0, expected)
    if bottleneck and out_channels != expected:
        raise _unrecognised(
            f'a bottleneck of {base_channels} to {out_channels} channels is not a plain ResNet '
            '(ResNeXt, wide ResNet?)'
        )
    stem_channels = _size(state, r'layer1\.0\.(conv1|downsample\.0)\.weight', 1, base_channels)
    # Building a huge network on the word of a single layer would exhaust the memory.
    width = max(base_channels, stem_channels)
    parameters = _RESNETS[depth][2] * 10**6 * (width / 64) ** 2
    present = sum(value.numel() for value in state.values())
    if parameters > max(10**9, 10 * present):
        raise _unrecognised(
            f'its first layers are of a ResNet-{depth} of width {width} with {parameters:.0e} '
            f'parameters, but it holds {present}'
        )
    return {
        'type': 'ResNet',
        'depth': depth,
        'in_channels': _size(state, r'conv1\.weight', 1, 3),
        'stem_channels': stem_channels,
        'base_channels': base_channels,
    }


def _unrecognised(reason: str) -> InputError:
    return InputError(
        f'cannot recognise the network in the checkpoint: {reason}; pass --config with a config '
        'whose model.backbone is the network'
    )


def _depth(blocks: Sequence[int], bottleneck: bool) -> int | None:
    """Depth of the shallowest ResNet with at least these blocks, as some may be missing."""
    for depth, (expected, kind, _) in _RESNETS.items():
        fits = all(found <= most for found, most in zip(blocks, expected, strict=True))
        if any(blocks) and kind == bottleneck and fits:
            return depth
    return None


def _size(state: Mapping[str, Tensor], pattern: str, dimension: int, default: int) -> int:
    """Size of the first tensor whose name matches and that has the dimension."""
    for name, value in state.items():
        if re.match(pattern, name) and value.ndim > dimension and value.shape[dimension]:
            return int(value.shape[dimension])
    return default


def _prefixes(state: Mapping[str, Tensor]) -> str:
    found = list(dict.fromkeys('.'.join(name.split('.')[:2]) for name in state))
    return ', '.join([*map(printable, found[:6]), *(['...'] if len(found) > 6 else [])])
