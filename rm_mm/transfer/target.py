"""The network that a backbone has to fill: named by a config, or read off the shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from rm_mm.errors import InputError
from rm_mm.transfer.printable import printable

# Blocks a stage, and whether these are bottlenecks: He et al. 2016, table 1.
_RESNET_DEPTHS: dict[tuple[tuple[int, ...], bool], int] = {
    ((2, 2, 2, 2), False): 18,
    ((3, 4, 6, 3), False): 34,
    ((3, 4, 6, 3), True): 50,
    ((3, 4, 23, 3), True): 101,
    ((3, 8, 36, 3), True): 152,
}
# A bottleneck's output has four times the channels of its 3x3 convolution (same source).
_BOTTLENECK_EXPANSION = 4


def resnet_from_shapes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Work out which ResNet ``state`` is of.

    Returns:
        The ``model.backbone`` config of an mmpretrain ResNet with the plain stem.

    Raises:
        InputError: If it is not a ResNet-18, 34, 50, 101 or 152 with some base width.
    """
    blocks = [0, 0, 0, 0]
    for name in state:
        # A block that is there in part still counts, so that verification can name what it lacks.
        block = re.match(r'layer([1-4])\.(\d{1,3})\.', name)
        if block:
            stage = int(block[1]) - 1
            blocks[stage] = max(blocks[stage], int(block[2]) + 1)
    bottleneck = any(re.match(r'layer\d\.\d+\.conv3\.', name) for name in state)
    depth = _RESNET_DEPTHS.get((tuple(blocks), bottleneck))
    if depth is None:
        found = (
            f'{"bottleneck" if bottleneck else "basic"} blocks {tuple(blocks)}'
            if any(blocks)
            else 'the keys ' + _some_roots(state)
        )
        raise InputError(
            f'cannot tell the network from the checkpoint: expected a ResNet-18, 34, 50, 101 or '
            f'152, found {found}; pass --config with a config whose model.backbone is the network'
        )
    base_channels, stem_channels = _conv_channels(state, 'layer1.0.conv1.weight')
    if bottleneck:
        out_channels, _ = _conv_channels(state, 'layer1.0.conv3.weight')
        if out_channels != _BOTTLENECK_EXPANSION * base_channels:
            raise InputError(
                f'cannot tell the network from the checkpoint: a bottleneck of {base_channels} to '
                f'{out_channels} channels is not a plain ResNet (ResNeXt, wide ResNet?); pass '
                '--config with a config whose model.backbone is the network'
            )
    in_channels = 3
    if 'conv1.weight' in state:
        _, in_channels = _conv_channels(state, 'conv1.weight')
    return {
        'type': 'ResNet',
        'depth': depth,
        'in_channels': in_channels,
        'stem_channels': stem_channels,
        'base_channels': base_channels,
    }


def build_resnet(arch: Mapping[str, Any]) -> dict[str, Tensor]:
    """Build what :func:`resnet_from_shapes` found, and return its state dict.

    mmpretrain's ResNet has the names of mmdet's and mmseg's.
    """
    from mmpretrain.models.backbones import ResNet

    arguments = {name: value for name, value in arch.items() if name != 'type'}
    return dict(ResNet(**arguments).state_dict())


def build_from_config(config: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Build ``model.backbone`` of an OpenMMLab config, without loading weights into it.

    Returns:
        The backbone's config without its initialisation, and the state dict of the network.

    Raises:
        InputError: If the config cannot be read, has no backbone, or does not build.
    """
    from mmengine.config import Config
    from mmengine.registry import MODELS

    shown = printable(config)
    if not config.is_file():
        raise InputError(f'no config at {shown}: there is no such file')
    try:
        cfg = Config.fromfile(config)
    except Exception as error:
        # A config is a program: it can fail in any way.
        raise InputError(f'cannot read the config {shown}: {_one_line(error)}') from error
    backbone = cfg.get('model', {}).get('backbone')
    if backbone is None:
        raise InputError(f'the config {shown} has no model.backbone to fill')
    arch = {
        name: value
        for name, value in backbone.to_dict().items()
        if name not in ('init_cfg', 'pretrained')
    }
    try:
        with MODELS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
            network = registry.build(dict(arch))
    except Exception as error:
        raise InputError(
            f'cannot build model.backbone of {shown}: {_one_line(error)}; is its library installed?'
        ) from error
    return arch, dict(network.state_dict())


def _conv_channels(state: Mapping[str, Tensor], name: str) -> tuple[int, int]:
    """Return the output and input channels of a convolution."""
    weight = state.get(name)
    if weight is None or weight.ndim != 4 or 0 in weight.shape:
        found = 'nothing' if weight is None else f'shape {tuple(weight.shape)}'
        raise InputError(
            f'cannot tell the network from the checkpoint: expected a convolution {name}, found '
            f'{found}; pass --config with a config whose model.backbone is the network'
        )
    return weight.shape[0], weight.shape[1]


def _some_roots(state: Mapping[str, Tensor]) -> str:
    roots = list(dict.fromkeys('.'.join(name.split('.')[:2]) for name in state))
    return ', '.join(printable(root) for root in roots[:6]) + (', ...' if len(roots) > 6 else '')


def _one_line(error: Exception) -> str:
    return printable(' '.join(f'{type(error).__name__}: {error}'.split()))
