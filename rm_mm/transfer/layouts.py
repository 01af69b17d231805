"""A backbone in the names, and the file, of another library."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rm_mm.errors import InputError, RejectedError
from rm_mm.transfer.checkpoint import EXPORT_MARK
from rm_mm.transfer.convert import FoundBackbone
from rm_mm.transfer.target import Target
from rm_mm.transfer.variants import in_names_of_library

# What a linear classifier is called by torchvision, timm and the authors, by mmpretrain, and by
# training scripts.
_CLASSIFIERS = ('fc', 'head.fc', 'classifier', 'head', 'linear')
# Methods whose `fc` or `head` is no classifier.
_WITHOUT_LABELS = ('moco', 'dino', 'byol', 'swav', 'barlow-twins', 'projector')
_DEPTHS = (18, 34, 50, 101, 152)


def classifier_of(found: FoundBackbone, backbone: Mapping[str, Tensor]) -> dict[str, str]:
    """The linear layer that classified the backbone's features.

    Args:
        found: What was taken out of the source.
        backbone: Its weights in OpenMMLab's names.

    Returns:
        Its names among ``found.heads``, to the names of the others; empty if there is none.
    """
    features = max(
        (value.shape[0] for name, value in backbone.items() if value.ndim == 4),
        default=0,
    )
    if found.source_format in _WITHOUT_LABELS:
        return {}
    for name in _CLASSIFIERS:
        weight, bias = (found.heads.get(f'{name}.{part}') for part in ('weight', 'bias'))
        if weight is not None and weight.ndim == 2 and weight.shape[1] == features:
            names = {f'{name}.weight': 'fc.weight'}
            return names | ({} if bias is None else {f'{name}.bias': 'fc.bias'})
    return {}


def rename(
    backbone: Mapping[str, Tensor], target: Target, layout: str, classifier: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], str]:
    """Give the weights the names of another library, with the classifier that it expects.

    Returns:
        The weights, and the layout whose names they have: ``openmmlab``, ``torchvision``, ``timm``.

    Raises:
        InputError: If the library has no such network.
        RejectedError: If the classifier holds NaN or infinity.
    """
    kind = str(target.arch.get('type')).rpartition('.')[2]
    plain = kind == 'ResNet' and not (target.arch.get('deep_stem') or target.arch.get('avg_down'))
    known = (
        (plain or (kind in ('ResNetV1c', 'ResNetV1d') and layout != 'torchvision'))
        and target.arch.get('depth') in _DEPTHS
        and target.arch.get('base_channels', 64) == 64
        and target.arch.get('style', 'pytorch') == 'pytorch'
    )
    if layout == 'openmmlab' or (layout == 'safetensors' and not known):
        return dict(backbone), 'openmmlab'
    if not known:
        also = ', ResNetV1c and V1d' if layout == 'timm' else ''
        raise InputError(
            f'--to {layout}: expected a ResNet{also} of depth 18, 34, 50, 101 or 152 and base '
            f"width 64, found {target.name}; --to safetensors keeps OpenMMLab's names"
        )
    named = dict(backbone) if plain else in_names_of_library(backbone, 'timm')
    for name, value in classifier.items():
        if not torch.isfinite(value).all():
            raise RejectedError(
                f'--to {layout}: the classifier that would come with it is not finite ({name})'
            )
    heads = {name: value.to(torch.float32) for name, value in classifier.items()}
    return {**named, **heads}, 'torchvision' if layout == 'torchvision' else 'timm'


def serialise(
    weights: Mapping[str, Tensor], meta: Mapping[str, Any], layout: str, *, safetensors: bool
) -> bytes:
    """The bytes of an export; the same for the same weights.

    Args:
        weights: In the order and the dtypes in which they are written.
        meta: What is known of the network, for readers of the file.
        layout: Whose names they are; ``openmmlab`` says so in the file, and other libraries are
            given nothing but weights.
        safetensors: Write that format instead of torch's.
    """
    # Cloned, because torch.save writes all of the storage that a view is cut from.
    whole = {
        name: value.clone(memory_format=torch.contiguous_format) for name, value in weights.items()
    }
    if safetensors:
        # Not at the top of the file: most exports are torch's.
        from safetensors.torch import save

        # One entry: safetensors writes several in any order, and the bytes would differ.
        return bytes(save(whole, {'format': 'pt'}))
    content = whole
    if layout == 'openmmlab':
        content = {'state_dict': whole, 'meta': {'format': EXPORT_MARK, **meta}}  # type: ignore[dict-item]
    # Through memory, because torch.save puts the name of a file that it opens into its bytes.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
