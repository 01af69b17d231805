"""The network that a backbone has to fill: named by a config, or read off the shapes."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from rm_mm.errors import InputError, printable
from rm_mm.recipe.config import read_config
from rm_mm.transfer.inputs import Inputs, inputs_of_config

# Blocks a stage, and whether these are bottlenecks: He et al. 2016, table 1.
_RESNET_DEPTHS: dict[tuple[tuple[int, ...], bool], int] = {
    ((2, 2, 2, 2), False): 18,
    ((3, 4, 6, 3), False): 34,
    ((3, 4, 6, 3), True): 50,
    ((3, 4, 23, 3), True): 101,
    ((3, 8, 36, 3), True): 152,
}
# Parameters of each at base width 64, in millions; they grow with the square of the width.
_RESNET_MILLIONS = {18: 11, 34: 21, 50: 24, 101: 43, 152: 58}
# A bottleneck's output has four times the channels of its 3x3 convolution (same source).
_BOTTLENECK_EXPANSION = 4


@dataclass(frozen=True)
class Target:
    """The network to fill.

    Attributes:
        arch: Its ``model.backbone`` config, of plain values, without initialisation.
        state: Its state dict, of which only names, shapes and dtypes count.
        inputs: What it is fed.
    """

    arch: dict[str, Any]
    state: dict[str, Tensor]
    inputs: Inputs

    @property
    def name(self) -> str:
        """Such as ``ResNet-50``."""
        depth = self.arch.get('depth') or self.arch.get('arch')
        kind = printable(self.arch.get('type')).rpartition('.')[2]
        return kind + (f'-{printable(depth)}' if depth else '')

    @property
    def wrapped(self) -> str:
        """What all names begin with if the network only wraps another, as ``timm_model.``."""
        firsts = {name.partition('.')[0] for name in self.state}
        return f'{firsts.pop()}.' if len(firsts) == 1 else ''


def resnet_from_shapes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Work out which ResNet ``state`` is of.

    Returns:
        The ``model.backbone`` config of an mmpretrain ResNet with the plain stem.

    Raises:
        InputError: If it is no ResNet-18, 34, 50, 101 or 152 of some base width, or a part of one.
    """
    blocks = [0, 0, 0, 0]
    for name in state:
        # A block that is there in part still counts, so that verification can name what it lacks.
        block = re.match(r'layer([1-4])\.(\d{1,3})\.', name)
        if block:
            stage = int(block[1]) - 1
            blocks[stage] = max(blocks[stage], int(block[2]) + 1)
    bottleneck = any(re.match(r'layer\d\.\d+\.conv3\.', name) for name in state)
    depth = _depth(tuple(blocks), bottleneck)
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
    base_channels = _size(state, r'layer1\.\d+\.(conv1|bn1|bn2)\.', 0)
    out_channels = _size(
        state, r'layer1\.\d+\.conv3\.weight', 0, _BOTTLENECK_EXPANSION * base_channels
    )
    if bottleneck and out_channels != _BOTTLENECK_EXPANSION * base_channels:
        raise InputError(
            f'cannot tell the network from the checkpoint: a bottleneck of {base_channels} to '
            f'{out_channels} channels is not a plain ResNet (ResNeXt, wide ResNet?); pass '
            '--config with a config whose model.backbone is the network'
        )
    return {
        'type': 'ResNet',
        'depth': depth,
        'in_channels': _size(state, r'conv1\.weight', 1, 3),
        'stem_channels': _size(
            state, r'layer1\.0\.(conv1|downsample\.0)\.weight', 1, base_channels
        ),
        'base_channels': base_channels,
    }


def target_from_shapes(state: Mapping[str, Tensor]) -> Target:
    """The ResNet with the plain stem that ``state`` is of; see :func:`resnet_from_shapes`.

    mmpretrain's ResNet has the names of mmdet's and mmseg's.
    """
    from mmpretrain.models.backbones import ResNet

    arch = resnet_from_shapes(state)
    _require_affordable(arch, state)
    network = ResNet(**{name: value for name, value in arch.items() if name != 'type'})
    return Target(arch, dict(network.state_dict()), Inputs('RGB', 'pytorch', 'the default'))


def target_from_config(name: str | Path) -> Target:
    """``model.backbone`` of an OpenMMLab config, built without loading weights into it.

    Args:
        name: A config file, its path below ``configs/``, or one of a library, such as
            ``mmpretrain::resnet/resnet50_8xb32_in1k.py``.

    Raises:
        InputError: If the config cannot be read, has no backbone, or does not build.
    """
    from mmengine.registry import MODELS

    shown = printable(name)
    config = read_config(name)
    model = config.get('model')
    backbone = model.get('backbone') if isinstance(model, Mapping) else None
    if not isinstance(backbone, Mapping):
        raise InputError(f'the config {shown} has no model.backbone to fill')
    arch = {
        key: value for key, value in dict(backbone).items() if key not in ('init_cfg', 'pretrained')
    }
    try:
        with MODELS.switch_scope_and_registry(config.get('default_scope')) as registry:
            network = registry.build(copy.deepcopy(arch))
    except Exception as error:
        raise InputError(
            f'cannot build model.backbone of {shown}: {_one_line(error)}; is its library installed?'
        ) from error
    # Tuples become lists, and classes their names: as it is written into the manifest.
    plain = json.loads(json.dumps(arch, default=str))
    return Target(plain, dict(network.state_dict()), inputs_of_config(config))


def _require_affordable(arch: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
    """Refuse to build a network of a width that a single layer claims and no other bears out."""
    width = max(arch['base_channels'], arch['stem_channels'])
    parameters = _RESNET_MILLIONS[arch['depth']] * 10**6 * (width / 64) ** 2
    there = sum(value.numel() for value in state.values())
    if parameters > max(10**9, 10 * there):
        raise InputError(
            f'cannot tell the network from the checkpoint: its first layers are of a ResNet-'
            f'{arch["depth"]} of width {width} with {parameters:.0e} parameters, it holds {there}'
        )


def _depth(blocks: tuple[int, ...], bottleneck: bool) -> int | None:
    """The shallowest ResNet that has at least these blocks, of which some may have been lost."""
    if not any(blocks):
        return None
    for (theirs, kind), depth in _RESNET_DEPTHS.items():
        if kind == bottleneck and all(
            found <= there for found, there in zip(blocks, theirs, strict=True)
        ):
            return depth
    return None


def _size(state: Mapping[str, Tensor], pattern: str, dimension: int, otherwise: int = 64) -> int:
    """A size of the first tensor whose name begins so and that has it; 64 is ResNet's own width."""
    for name, value in state.items():
        if re.match(pattern, name) and value.ndim > dimension and value.shape[dimension]:
            return int(value.shape[dimension])
    return otherwise


def _some_roots(state: Mapping[str, Tensor]) -> str:
    roots = list(dict.fromkeys('.'.join(name.split('.')[:2]) for name in state))
    return ', '.join(printable(root) for root in roots[:6]) + (', ...' if len(roots) > 6 else '')


def _one_line(error: Exception) -> str:
    return printable(' '.join(f'{type(error).__name__}: {error}'.split()))
