"""The backbone of a downstream config: a verified file, or trained from scratch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError, printable
from rm_mm.recipe.config import entries, type_name
from rm_mm.transfer.inputs import inputs_mismatch, inputs_of_config
from rm_mm.transfer.manifest import inputs_in_manifest

#: Normalisation of the RGB images that backbones are pretrained on here, as in
#: ``configs/_base_/r50_in1k.py`` (mmpretrain's values for ImageNet).
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)


def fill(config: Any, checkpoint: Path, name: str) -> None:
    """Make a config use an export as its backbone, verified, in place.

    Args:
        config: A resolved mmengine config of mmdetection or mmsegmentation.
        checkpoint: Output of ``rm-mm export``.
        name: The config, as messages name it.

    Raises:
        InputError: If the config has no backbone, loads other weights over it, or feeds it other
            images than those of its pretraining.
    """
    backbone = _bare_backbone(config, name)
    known = inputs_in_manifest(checkpoint)
    if known.unusual:
        mismatch = inputs_mismatch(known, inputs_of_config(config))
        if mismatch:
            raise InputError(f'{name} does not suit {printable(checkpoint)}. {mismatch}')
    else:
        if backbone.get('style') == 'caffe':
            raise InputError(
                f"{name} has a backbone of style='caffe', with the stride in another convolution "
                "than the pretrained one (same names, other network): set style='pytorch'"
            )
        _require_normalization(config, name)
    _require_plain_layers(backbone, name)
    backbone['init_cfg'] = {'type': 'VerifiedBackbone', 'checkpoint': str(checkpoint)}
    # Importing rm_mm with the config lets any tool find the initializer.
    imported = dict(config.get('custom_imports') or {})
    imports = entries(imported.get('imports'))
    if 'rm_mm' not in imports:
        config['custom_imports'] = {**imported, 'imports': [*imports, 'rm_mm']}
    hooks = config.get('custom_hooks') or []
    if not any(type_name(hook) == 'VerifiedBackboneHook' for hook in hooks):
        config['custom_hooks'] = [*hooks, {'type': 'VerifiedBackboneHook'}]


def empty(config: Any, name: str) -> None:
    """Make a config train its backbone from scratch, in place.

    Without pretraining, no part of the backbone is frozen and its norms use batch statistics.

    Raises:
        InputError: If the config has no backbone, or loads weights over it.
    """
    backbone = _bare_backbone(config, name)
    backbone['init_cfg'] = None
    # By default, mmdetection's ResNets keep their norm statistics, and some are partly frozen.
    resnet = 'ResNe' in str(backbone.get('type'))
    for key, value in (('frozen_stages', -1), ('norm_eval', False)):
        if key in backbone or resnet:
            backbone[key] = value


def require_backbone(config: Any) -> None:
    """Check that the file of a config's verified backbone exists; its content is checked later.

    Raises:
        InputError: If it does not.
    """
    for initializer in verified_initializers(config):
        checkpoint = Path(initializer.get('checkpoint') or '').expanduser()
        if not checkpoint.is_file():
            raise absent_backbone(checkpoint)


def verified_initializers(config: Any) -> list[Any]:
    """The ``init_cfg`` entries of ``model.backbone`` with type ``VerifiedBackbone``."""
    model = config.get('model')
    backbone = model.get('backbone') if isinstance(model, Mapping) else None
    initializers = backbone.get('init_cfg') if isinstance(backbone, Mapping) else None
    return [
        entry
        for entry in entries(initializers)
        if isinstance(entry, Mapping) and type_name(entry) == 'VerifiedBackbone'
    ]


def absent_backbone(path: Path) -> InputError:
    """Error of a backbone file that does not exist."""
    return InputError(
        f'no backbone at {printable(path)}: expected the output of `rm-mm export`; '
        '`tools/run_transfer.sh` and `rm-mm suite` create it; if it is elsewhere, pass '
        '--cfg-options model.backbone.init_cfg.checkpoint=PATH'
    )


def _bare_backbone(config: Any, name: str) -> Any:
    """Backbone of a config, without the older options for weights, which replace ``init_cfg``.

    Raises:
        InputError: If there is none, or weights of the whole network would replace it.
    """
    model = config.get('model') or {}
    backbone = model.get('backbone')
    if not isinstance(backbone, dict):
        raise InputError(
            f'{name} has no model.backbone: expected a detector or segmentor with one backbone'
        )
    if config.get('load_from'):
        raise InputError(
            f'{name} has load_from = {config.load_from!a}, which would replace the backbone: '
            'remove that line'
        )
    for entry in entries(model.get('init_cfg')):
        if type_name(entry) == 'Pretrained':
            raise InputError(
                f'{name} has model.init_cfg = {dict(entry)}, which would replace the backbone: '
                'remove it'
            )
    backbone.pop('pretrained', None)
    if model.get('pretrained'):
        model['pretrained'] = None
    return backbone


def _require_plain_layers(backbone: Any, name: str) -> None:
    """Reject layers that take the same weights and compute something else."""
    convolution = type_name(backbone.get('conv_cfg') or {'type': 'Conv2d'})
    norm = backbone.get('norm_cfg') or {}
    if convolution not in ('Conv', 'Conv2d') or norm.get('eps', 1e-5) != 1e-5:
        raise InputError(
            f'{name} has a backbone with conv_cfg {backbone.get("conv_cfg")} and norm_cfg {norm}: '
            'the pretrained one has plain convolutions and batch norm with eps 1e-5; remove them'
        )


def _require_normalization(config: Any, name: str) -> None:
    preprocessor = config.model.get('data_preprocessor') or config.get('data_preprocessor') or {}
    wanted = {'mean': MEAN, 'std': STD}
    found = {key: tuple(map(float, preprocessor.get(key) or ())) for key in wanted}
    colors = preprocessor.get('bgr_to_rgb', False)
    if found == wanted and colors:
        return
    raise InputError(
        f'{name} normalises images with mean {found["mean"]}, std {found["std"]}, in '
        f'{"RGB" if colors else "BGR"}: the backbones were pretrained with mean {MEAN}, std '
        f'{STD}, in RGB; set these in model.data_preprocessor, with bgr_to_rgb=True'
    )
