"""The first mixed images of a training with RecursiveMix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks.hook import Hook
from mmengine.model import is_model_wrapper
from PIL import Image
from torch import Tensor

from rm_mm.files import write_json
from rm_mm.run.details.files import save_photograph

#: How many iterations: five show four generations of images inside images.
STEPS = 5
#: How many images of the batch: the same positions every time, whose pastes are of one another.
IMAGES = 4
#: The folder in a run's work directory, and the file in it.
FOLDER = 'mixed_images'
NAME = 'mixed.json'


class MixedImagesHook(Hook):
    """Keep the first mixed images, the box that was pasted and ``lam``.

    Reads what the augmentation has made and changes nothing; draws no random number.

    Args:
        augment: The ``RecursiveMix`` of the model that trains.
        preprocessor: Its data preprocessor, which has normalised the images.
        config_sha256: Of the run, by which a reader knows whose images these are.
    """

    def __init__(self, augment: Any, preprocessor: Any, config_sha256: str) -> None:
        self._config_sha256 = config_sha256
        self._augment = augment
        self._preprocessor = preprocessor
        self._steps: list[dict[str, Any]] = []
        self._seen: Tensor | None = None

    def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        """Write those of this iteration, if it is one of the first."""
        if runner.iter >= STEPS or (last := self._augment.last_batch) is None:
            return
        images, mix = last
        if images is self._seen:
            # Another augmentation had this batch.
            return
        self._seen = images if runner.iter < STEPS - 1 else None
        folder = Path(runner.work_dir, FOLDER)
        names = [
            save_photograph(_image(image, self._preprocessor), folder, f'{runner.iter}_{position}')
            for position, image in enumerate(images[:IMAGES])
        ]
        height, width = images.shape[-2:]
        self._steps.append(
            {
                'step': runner.iter + 1,
                'lam': round(mix.lam, 4),
                'box_xyxy': list(mix.box_xyxy),
                'rows': mix.rows,
                'size': [width, height],
                'images': names,
            }
        )
        write_json(folder / NAME, {'config_sha256': self._config_sha256, 'steps': self._steps})


def mixed_images_hook(runner: Any, config_sha256: str) -> MixedImagesHook | None:
    """The hook for a training whose batch augmentation is, or may be, RecursiveMix.

    Args:
        runner: Of the training, with its model built.
        config_sha256: Of the run.

    Returns:
        None for any other training, and on every process but the main one.
    """
    from rm_mm.pretrain.recursive_mix import RecursiveMix

    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    preprocessor = getattr(model, 'data_preprocessor', None)
    augments = getattr(getattr(preprocessor, 'batch_augments', None), 'augments', [])
    found = [augment for augment in augments if isinstance(augment, RecursiveMix)]
    if not found or not is_main_process():
        return None
    return MixedImagesHook(found[0], preprocessor, config_sha256)


def _image(normalised: Tensor, preprocessor: Any) -> Image.Image:
    """What one image of the batch was before it was normalised.

    Args:
        normalised: (C, H, W), red, green and blue, or one channel.
        preprocessor: With ``mean`` and ``std`` of shape (C, 1, 1), unless it does not normalise.
    """
    pixels = normalised.detach().float()
    if (mean := getattr(preprocessor, 'mean', None)) is not None:
        pixels = pixels * preprocessor.std + mean
    values = pixels.round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(values if values.shape[-1] == 3 else values[..., 0])
