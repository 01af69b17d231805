"""Which images a backbone was trained on, as far as its file says: colour order and style.

Neither shows in names or shapes. They show in what some files keep beside the weights: the text of
the config, the mean that a data preprocessor subtracts, and norms that are folded (Caffe).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from rm_mm.recipe.literal import parse_literals
from rm_mm.transfer.variants import TAKES, folded_norms


@dataclass(frozen=True)
class Inputs:
    """What is known of a network's input and stride.

    Attributes:
        colors: ``RGB``, ``BGR``, or None if nothing tells.
        style: ``pytorch`` (stride in the 3x3 convolution), ``caffe`` (in the first 1x1), or None.
        because: What tells, for a message.
    """

    colors: str | None = None
    style: str | None = None
    because: str = ''

    @property
    def unusual(self) -> bool:
        """Whether a network of torchvision's kind would not do."""
        return self.colors == 'BGR' or self.style == 'caffe'

    def as_json(self) -> dict[str, str | None]:
        """For a manifest."""
        return asdict(self)


#: Of whom there are ResNets in other styles and colours; all others build on torchvision's.
_SEVERAL_STYLES = ('mmengine',)


def inputs_of_weights(
    config_text: str,
    heads: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    source_format: str = 'mmengine',
) -> Inputs:
    """Read the inputs off what stands beside the weights.

    Args:
        config_text: Of the run that made them, as mmengine keeps it; empty if there is none. It is
            parsed and never run.
        heads: What was set aside with the weights; a data preprocessor's mean is among them.
        state: The backbone.
        source_format: Whose naming it was.
    """
    if folded_norms(state):
        return Inputs('BGR', 'caffe', 'its batch norms are folded into scale and shift')
    told = inputs_of_config(_plain_values(config_text)) if config_text else Inputs()
    mean = heads.get('data_preprocessor.mean')
    if told.colors is None and mean is not None and mean.numel() == 3:
        colors = _order(mean.flatten().tolist())
        return Inputs(colors, told.style, 'of the mean of its data preprocessor')
    if not told.because and source_format not in _SEVERAL_STYLES:
        return Inputs('RGB', 'pytorch', 'as of torchvision and all that builds on it')
    return told


def inputs_from_json(value: Any) -> Inputs:
    """What an export of ours, or its manifest, says; nothing if it is of another form."""
    known = _mapping(value)
    colors, style, because = (known.get(name) for name in ('colors', 'style', 'because'))
    return Inputs(
        colors if colors in ('RGB', 'BGR') else None,
        style if style in ('pytorch', 'caffe') else None,
        because if isinstance(because, str) else '',
    )


def inputs_of_config(config: Mapping[str, Any]) -> Inputs:
    """Read the inputs off a config, of mmengine or of mmcv 1.x."""
    model = _mapping(config.get('model'))
    backbone = _mapping(model.get('backbone'))
    style = backbone.get('style', 'pytorch') if 'ResNe' in str(backbone.get('type')) else None
    preprocessor = _mapping(model.get('data_preprocessor')) or _mapping(
        config.get('data_preprocessor')
    )
    older = _mapping(config.get('img_norm_cfg'))
    # mmdet, mmseg and mmcv 1.x read BGR, and say whether they turn it. mmpretrain's data sets may
    # be in RGB to begin with (CIFAR), so there `to_rgb` tells only if it is set.
    flags = (
        preprocessor.get('bgr_to_rgb'),
        older.get('to_rgb'),
        preprocessor.get('to_rgb') or None,
    )
    turned = next((flag for flag in flags if isinstance(flag, bool)), None)
    if turned is None:
        colors = _order(preprocessor.get('mean') or older.get('mean'))
    else:
        colors = 'RGB' if turned else 'BGR'
    return Inputs(colors, style, 'its config says so' if colors or style else '')


def inputs_mismatch(found: Inputs, wanted: Inputs) -> str | None:
    """Return a sentence on what the weights were trained on and the target is fed, if they differ.

    What nothing tells is not held against either.
    """
    if found.style and wanted.style and found.style != wanted.style:
        takes = TAKES['caffe' if found.style == 'caffe' else 'ResNet']
        return (
            f"The weights are of style='{found.style}' ({found.because}), the target of "
            f"style='{wanted.style}', with the stride in another convolution (same names, other "
            f"network): --config {takes}, or any config with style='{found.style}', takes them."
        )
    if found.colors and wanted.colors and found.colors != wanted.colors:
        return (
            f'The weights were trained on {found.colors} images ({found.because}), the target is '
            f'fed {wanted.colors}: --config with a config whose data_preprocessor gives '
            f'{found.colors} (bgr_to_rgb={found.colors == "RGB"}) takes them.'
        )
    return None


def _order(mean: Any) -> str | None:
    """Tell colours by ImageNet's mean, which is largest in red; None for any other kind of mean."""
    numbers = isinstance(mean, list | tuple) and all(isinstance(part, int | float) for part in mean)
    if not numbers or len(mean) != 3 or mean[0] == mean[2]:
        return None
    return 'RGB' if mean[0] > mean[2] else 'BGR'


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _plain_values(text: str) -> dict[str, Any]:
    """The top-level assignments of a config, with None for whatever is not a literal."""
    return parse_literals(text, strict=False)
