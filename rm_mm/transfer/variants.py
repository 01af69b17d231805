"""Which kind of ResNet weights are of: stem, shortcuts and norms differ between families.

Two kinds may share every name and shape and still be different networks, or differ in a few names
only; either way a downstream task would train from weights that are not those of its network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

# A deep stem (three 3x3 convolutions) in the names of each library, convolution and norm in turn.
_DEEP_STEMS = {
    'mmdet and mmseg': ('stem.0', 'stem.1', 'stem.3', 'stem.4', 'stem.6', 'stem.7'),
    'mmpretrain': (
        'stem.0.conv', 'stem.0.bn', 'stem.1.conv', 'stem.1.bn', 'stem.2.conv', 'stem.2.bn',
    ),
    'timm': ('conv1.0', 'conv1.1', 'conv1.3', 'conv1.4', 'conv1.6', 'bn1'),
}  # fmt: skip

_FIRST_SHORTCUT = 'layer1.0.downsample'

#: A config that takes each kind, of depth 50 or 18; there are others, found by `type`.
TAKES = {
    'ResNet': 'mmpretrain::resnet/resnet50_8xb32_in1k.py',
    'ResNetV1c': 'mmpretrain::resnet/resnetv1c50_8xb32_in1k.py',
    'ResNetV1d': 'mmpretrain::resnet/resnetv1d50_8xb32_in1k.py',
    'ResNet_CIFAR': 'mmpretrain::resnet/resnet18_8xb16_cifar10.py',
    'caffe': 'mmdet::faster_rcnn/faster-rcnn_r50-caffe_fpn_1x_coco.py',
}


@dataclass(frozen=True)
class Variant:
    """A kind of ResNet.

    Attributes:
        name: The class of mmpretrain, mmdet and mmseg; where there is none, ``ResNet``.
        features: What sets it apart, in words.
        stem: Whose names its deep stem has; None for one convolution.
    """

    name: str
    features: str
    stem: str | None = None


def variant_of(state: Mapping[str, Tensor]) -> Variant | None:
    """Tell the kind of ResNet from names and shapes, or None if these are not the names of one."""
    pooled = _pooled_shortcuts(state)
    for library, layers in _DEEP_STEMS.items():
        if f'{layers[0]}.weight' in state:
            stem = f'a deep stem, `{layers[0]}` and so on as {library} name it'
            if pooled:
                return Variant('ResNetV1d', f'{stem}, and pooling in the shortcuts', library)
            return Variant('ResNetV1c', stem, library)
    first = state.get('conv1.weight')
    if first is None or first.ndim != 4:
        return None
    height, width = first.shape[2:]
    stem = f'one {height}x{width} convolution `conv1`'
    if (height, width) == (3, 3):
        return Variant('ResNet_CIFAR', stem)
    return Variant('ResNet', f'{stem}, and pooling in the shortcuts' if pooled else stem)


def variant_mismatch(state: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> str | None:
    """Return a sentence that names both kinds and what takes the weights, or None if they agree."""
    found, wanted = variant_of(state), variant_of(target)
    if found is None or wanted is None or found.features == wanted.features:
        return None
    return (
        f'The weights are of a {found.name} ({found.features}), the target is a {wanted.name} '
        f'({wanted.features}): --config {TAKES[found.name]}, or any config whose model.backbone is '
        f'a {found.name} of this depth, takes them.'
    )


def in_names_of(state: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the layers of a ResNetV1c or V1d the names that the target has for them.

    Returns:
        A new dict, in the order of ``state``; unchanged where either has no deep stem.
    """
    wanted = variant_of(target)
    if wanted is None or not wanted.stem:
        return dict(state)
    return in_names_of_library(state, wanted.stem)


def in_names_of_library(state: Mapping[str, Tensor], library: str) -> dict[str, Tensor]:
    """The same for the names of a library: one of ``mmdet and mmseg``, ``mmpretrain``, ``timm``."""
    found = variant_of(state)
    if found is None or not found.stem or found.stem == library:
        return dict(state)
    layers = dict(zip(_DEEP_STEMS[found.stem], _DEEP_STEMS[library], strict=True))
    if found.name == 'ResNetV1d' and 'timm' in (found.stem, library):
        # The first stage's shortcut has nothing to pool. There timm has a layer that does nothing,
        # and counts it.
        step = -1 if found.stem == 'timm' else 1
        first = 1 if found.stem == 'timm' else 0
        layers |= {
            f'{_FIRST_SHORTCUT}.{i}': f'{_FIRST_SHORTCUT}.{i + step}' for i in (first, first + 1)
        }
    renamed = {}
    for name, value in state.items():
        layer, _, tensor = name.rpartition('.')
        renamed[f'{layers.get(layer, layer)}.{tensor}'] = value
    return renamed


def folded_norms(state: Mapping[str, Tensor]) -> bool:
    """Whether all statistics are folded into scales and shifts, as in weights that Caffe trained.

    There, every mean is 0 and every variance 1 (Detectron's are 1 - 1e-5), while scales and shifts
    are trained. A fresh network has the same statistics and scales that are all 1.
    """
    means = [value for name, value in state.items() if name.endswith('running_mean')]
    variances = [value for name, value in state.items() if name.endswith('running_var')]
    scales = [
        state[name.removesuffix('running_var') + 'weight']
        for name in state
        if name.endswith('running_var') and name.removesuffix('running_var') + 'weight' in state
    ]
    return (
        bool(means and variances and scales)
        and all(bool((mean == 0).all()) for mean in means)
        and all(bool(((variance - 1).abs() <= 2e-5).all()) for variance in variances)
        and any(bool((scale != scale.flatten()[0]).any()) for scale in scales if scale.numel())
    )


def _pooled_shortcuts(state: Mapping[str, Tensor]) -> bool:
    """Whether a pooling layer is in front of the convolution of a shortcut, which is number 1."""
    return any(
        name.endswith('.downsample.1.weight') and value.ndim == 4 for name, value in state.items()
    )
