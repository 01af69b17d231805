"""What a network expects of its input, as far as known: colour order, and style of its strides.

Neither shows in names or shapes. They show in what some files keep with the weights: the text of
the config, the mean of a data preprocessor, and folded norms (Caffe).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from rm_mm.recipe.literal import parse_literals
from rm_mm.transfer.resnets import CONFIG_OF_KIND, folded_norms


@dataclass(frozen=True)
class Inputs:
    """What is known about a network's input images and strides; None is unknown.

    Attributes:
        colors: ``RGB`` or ``BGR``.
        style: ``pytorch`` (stride in the 3x3 convolution) or ``caffe`` (in the first 1x1).
        because: Evidence, for messages.
    """

    colors: str | None = None
    style: str | None = None
    because: str = ''

    @property
    def unusual(self) -> bool:
        """Whether a network like torchvision's would be the wrong one."""
        return self.colors == 'BGR' or self.style == 'caffe'


def inputs_of_weights(
    config_text: str,
    heads: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    source_format: str = 'mmengine',
) -> Inputs:
    """Infer the inputs from what a checkpoint keeps with its weights.

    Args:
        config_text: Config of the training run, parsed but never run; may be empty.
        heads: Parts dropped from the network, possibly with the mean of a data preprocessor.
        state: The backbone's weights.
        source_format: Naming scheme, see :class:`rm_mm.transfer.backbones.FoundBackbone`.
    """
    if folded_norms(state):
        return Inputs('BGR', 'caffe', 'its batch norms are folded into scale and shift')
    known = inputs_of_config(parse_literals(config_text, strict=False))
    mean = heads.get('data_preprocessor.mean')
    if known.colors is None and mean is not None and mean.numel() == 3:
        colors = _color_order(mean.flatten().tolist())
        return Inputs(colors, known.style, 'of the mean of its data preprocessor')
    # OpenMMLab has ResNets of both styles and colour orders. All others build on torchvision's.
    if not known.because and source_format != 'mmengine':
        return Inputs('RGB', 'pytorch', 'as of torchvision and all that builds on it')
    return known


def inputs_from_json(value: Any) -> Inputs:
    """Read the inputs that an export stores; entries of another form are ignored."""
    known = _mapping(value)
    colors, style, because = (known.get(name) for name in ('colors', 'style', 'because'))
    return Inputs(
        colors if colors in ('RGB', 'BGR') else None,
        style if style in ('pytorch', 'caffe') else None,
        because if isinstance(because, str) else '',
    )


def inputs_of_config(config: Mapping[str, Any]) -> Inputs:
    """Read the inputs from a config of mmengine or mmcv 1.x."""
    model = _mapping(config.get('model'))
    backbone = _mapping(model.get('backbone'))
    style = backbone.get('style', 'pytorch') if 'ResNe' in str(backbone.get('type')) else None
    preprocessor = _mapping(model.get('data_preprocessor') or config.get('data_preprocessor'))
    older = _mapping(config.get('img_norm_cfg'))
    # Data sets may be RGB from the start, such as mmpretrain's CIFAR: only `to_rgb=True` counts.
    converts = preprocessor.get('to_rgb') or None
    # mmdet, mmseg and mmcv 1.x read BGR, and state whether they convert it.
    flags = (preprocessor.get('bgr_to_rgb'), older.get('to_rgb'), converts)
    converted = next((flag for flag in flags if isinstance(flag, bool)), None)
    if converted is None:
        colors = _color_order(preprocessor.get('mean') or older.get('mean'))
    else:
        colors = 'RGB' if converted else 'BGR'
    return Inputs(colors, style, 'its config says so' if colors or style else '')


def inputs_mismatch(found: Inputs, wanted: Inputs) -> str | None:
    """A sentence on how the known inputs of weights and target differ, or None."""
    if found.style and wanted.style and found.style != wanted.style:
        config = CONFIG_OF_KIND['caffe' if found.style == 'caffe' else 'ResNet']
        return (
            f"The weights are of style='{found.style}' ({found.because}), the target of "
            f"style='{wanted.style}', with the stride in another convolution (same names, other "
            f"network): pass --config {config}, or any config with style='{found.style}'."
        )
    if found.colors and wanted.colors and found.colors != wanted.colors:
        return (
            f'The weights were trained on {found.colors} images ({found.because}), the target is '
            f'fed {wanted.colors}: pass --config with a config whose data_preprocessor yields '
            f'{found.colors} (bgr_to_rgb={found.colors == "RGB"}).'
        )
    return None


def _color_order(mean: Any) -> str | None:
    """Infer the colour order from a mean, which is largest in red on ImageNet; None if unknown."""
    numbers = isinstance(mean, list | tuple) and all(isinstance(part, int | float) for part in mean)
    if not numbers or len(mean) != 3 or mean[0] == mean[2]:
        return None
    return 'RGB' if mean[0] > mean[2] else 'BGR'


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
