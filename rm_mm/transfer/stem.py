"""Which stem a ResNet has: the layers before its first stage differ between families."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

# The first weight of each kind of deep stem (three 3x3 convolutions), and who names it so.
_DEEP_STEMS = {
    'stem.0.weight': (
        "a deep stem `stem.0`... (mmdet's and mmseg's ResNetV1c and ResNetV1d, deep_stem=True)"
    ),
    'stem.0.conv.weight': (
        "a deep stem `stem.0.conv`... (mmpretrain's ResNetV1c and ResNetV1d, deep_stem=True)"
    ),
    'conv1.0.weight': "a deep stem `conv1.0`... (timm's resnet50c and resnet50d)",
}


def stem_of(state: Mapping[str, Tensor]) -> str | None:
    """Name the stem of a ResNet, or return None if these are not the names of one."""
    for name, description in _DEEP_STEMS.items():
        if name in state:
            return description
    first = state.get('conv1.weight')
    if first is None or first.ndim != 4:
        return None
    height, width = first.shape[2:]
    return f'one {height}x{width} convolution `conv1` (plain ResNet)'


def stem_mismatch(state: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> str | None:
    """Return a sentence that names both stems, or None where they agree or are not known."""
    found, wanted = stem_of(state), stem_of(target)
    if found is None or wanted is None or found == wanted:
        return None
    return (
        f'Its stem is {found}, the target wants {wanted}: choose a target with the stem of the '
        'weights (`model.backbone` of the config), or weights with the stem of the target.'
    )
