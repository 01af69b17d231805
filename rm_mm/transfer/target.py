"""The network that a backbone has to fill: named by a config, or recognised by shapes."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from rm_mm.errors import InputError, printable
from rm_mm.recipe.config import read_config
from rm_mm.transfer.inputs import Inputs, inputs_of_config
from rm_mm.transfer.resnets import resnet_from_shapes


@dataclass(frozen=True)
class Target:
    """The network to fill.

    Attributes:
        arch: Its ``model.backbone`` config, without initialisation, in plain values.
        state: Its state dict; only names, shapes and dtypes matter.
        inputs: What images it is fed.
    """

    arch: dict[str, Any]
    state: dict[str, Tensor]
    inputs: Inputs

    @property
    def name(self) -> str:
        """Name for messages, such as ``ResNet-50``."""
        depth = self.arch.get('depth') or self.arch.get('arch')
        kind = printable(self.arch.get('type')).rpartition('.')[2]
        return kind + (f'-{printable(depth)}' if depth else '')

    @property
    def wrapper(self) -> str:
        """Prefix of all names if the network only wraps another: ``timm_model.``, or empty."""
        firsts = {name.partition('.')[0] for name in self.state}
        return f'{firsts.pop()}.' if len(firsts) == 1 else ''

    @property
    def accepted_names(self) -> frozenset[str]:
        """Names that its weights may have in a checkpoint, with or without the wrapper."""
        return frozenset(self.state) | {name.removeprefix(self.wrapper) for name in self.state}


def target_from_shapes(state: Mapping[str, Tensor]) -> Target:
    """Build the ResNet with the plain stem that weights belong to.

    Its tensors have the same names in mmpretrain, mmdet and mmseg.

    Raises:
        InputError: See :func:`rm_mm.transfer.resnets.resnet_from_shapes`.
    """
    from mmpretrain.models.backbones import ResNet

    arch = resnet_from_shapes(state)
    network = ResNet(**{name: value for name, value in arch.items() if name != 'type'})
    return Target(arch, dict(network.state_dict()), Inputs('RGB', 'pytorch', 'the default'))


def target_from_config(name: str | Path) -> Target:
    """Build the network in ``model.backbone`` of an OpenMMLab config without loading weights.

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
    arch = {k: v for k, v in backbone.items() if k not in ('init_cfg', 'pretrained')}
    try:
        with MODELS.switch_scope_and_registry(config.get('default_scope')) as registry:
            network = registry.build(copy.deepcopy(arch))
    # Constructors are third-party code and raise anything.
    except Exception as error:
        reason = printable(' '.join(f'{type(error).__name__}: {error}'.split()))
        raise InputError(
            f'cannot build model.backbone of {shown}: {reason}; is its library installed?'
        ) from error
    # As the manifest stores it: tuples become lists, and classes their names.
    plain = json.loads(json.dumps(arch, default=str))
    return Target(plain, dict(network.state_dict()), inputs_of_config(config))
