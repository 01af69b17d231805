"""Pictures of the first mixed images of a training with RecursiveMix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks.hook import Hook
from PIL import Image
from torch import Tensor

from rm_mm.files import write_json
from rm_mm.names import MIXED_IMAGES
from rm_mm.pretrain.recursive_mix import RecursiveMix
from rm_mm.run.details.pictures import save_photograph
from rm_mm.run.resume.state import batch_augments, network_of

#: Number of iterations: five show four generations of images inside images.
STEPS = 5
#: Number of images per batch, always at the same positions: each position pastes its own history.
IMAGES = 4
#: JSON file in the folder of the pictures.
NAME = 'mixed.json'


class MixedImagesHook(Hook):
    """Write the first mixed images, the pasted boxes and ``lam``.

    Does not affect the training; draws no random numbers.

    Args:
        augment: The ``RecursiveMix`` of the model.
        preprocessor: Data preprocessor of the model, which normalises the images.
        config_sha256: Config digest of the run, which identifies it for readers.
    """

    def __init__(self, augment: Any, preprocessor: Any, config_sha256: str) -> None:
        self._augment, self._preprocessor = augment, preprocessor
        self._config_sha256 = config_sha256
        self._steps: list[dict[str, Any]] = []
        self._written: Tensor | None = None

    def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        """Write the images of this iteration if it is one of the first."""
        if runner.iter >= STEPS or (last := self._augment.last_batch) is None:
            return
        images, mix = last
        if images is self._written:
            # Still an earlier batch: another augmentation processed this one.
            return
        self._written = images if runner.iter < STEPS - 1 else None
        folder = Path(runner.work_dir, MIXED_IMAGES)
        names = [
            save_photograph(_image(image, self._preprocessor), folder, f'{runner.iter}_{position}')
            for position, image in enumerate(images[:IMAGES])
        ]
        height, width = images.shape[-2:]
        step = {
            'step': runner.iter + 1,
            'lam': round(mix.lam, 4),
            'box_xyxy': list(mix.box_xyxy),
            'rows': mix.rows,
            'size': [width, height],
            'images': names,
        }
        self._steps.append(step)
        write_json(folder / NAME, {'config_sha256': self._config_sha256, 'steps': self._steps})


def mixed_images_hook(runner: Any, config_sha256: str) -> MixedImagesHook | None:
    """Create the hook for a training whose batch augmentations include RecursiveMix.

    Returns:
        None for other trainings, and in all processes but the main one.
    """
    found = [augment for augment in batch_augments(runner) if isinstance(augment, RecursiveMix)]
    if not found or not is_main_process():
        return None
    return MixedImagesHook(found[0], network_of(runner).data_preprocessor, config_sha256)


def _image(normalised: Tensor, preprocessor: Any) -> Image.Image:
    """Undo the normalisation of an image, (C, H, W), RGB or one channel.

    A preprocessor that normalises has ``mean`` and ``std``, (C, 1, 1).
    """
    pixels = normalised.detach().float()
    if (mean := getattr(preprocessor, 'mean', None)) is not None:
        pixels = pixels * preprocessor.std + mean
    values = pixels.round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(values if values.shape[-1] == 3 else values[..., 0])
