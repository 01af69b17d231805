"""Images per second on one loader core, with the full ImageNet augmentation.

The recipe's loader delivers bytes, and its data preprocessor augments colours in batches on the
training device; that time is printed separately. The other pipelines do everything on the loader's
core: the same operations in torchvision on Pillow images, the authors' colour stages on tensors,
and mmpretrain's stock transforms.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
from alternation import Bar, alternate, parser, report
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS, TRANSFORMS
from photographs import add_images, photographs
from torch import Tensor
from torchvision import transforms
from torchvision.datasets.folder import pil_loader

from rm_mm.compat import packaged_config

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
STRENGTH, BATCH = 0.4, 64
Pipeline = Callable[[str], Any]


class Lighting:
    """Shift along the principal components of ImageNet's colours, which torchvision lacks."""

    values = torch.tensor([0.2175, 0.0188, 0.0045])
    vectors = torch.tensor(
        [
            [-0.5675, 0.7192, 0.4009],
            [-0.5808, -0.0045, -0.8140],
            [-0.5836, -0.6948, 0.4203],
        ]
    )

    def __call__(self, image: Tensor) -> Tensor:
        """Shift one (3, H, W) image."""
        shift = self.vectors @ (self.values * torch.randn(3) * 0.1)
        return image + shift[:, None, None]


class AuthorsJitter:
    """The authors' jitter on tensors: brightness, contrast and saturation in random order."""

    def __call__(self, image: Tensor) -> Tensor:
        """Augment one (3, H, W) image."""
        for stage in random.sample(('brightness', 'contrast', 'saturation'), 3):
            towards = torch.zeros_like(image)
            if stage != 'brightness':
                grey = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
                towards[:] = grey.mean() if stage == 'contrast' else grey
            image = image.lerp(towards, random.uniform(-STRENGTH, STRENGTH))
        return image


def torchvision_pipeline(*, authors: bool) -> Pipeline:
    """Return a pipeline from a path to a normalised tensor, through Pillow."""
    first = [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()]
    last = [Lighting(), transforms.Normalize(MEAN, STD)]
    if authors:
        steps = [*first, transforms.ToTensor(), AuthorsJitter(), *last]
    else:
        steps = [*first, transforms.ColorJitter(*[STRENGTH] * 3), transforms.ToTensor(), *last]
    composed = transforms.Compose(steps)
    return lambda path: composed(pil_loader(path))


def mmpretrain_pipeline(steps: Sequence[dict[str, Any]]) -> Pipeline:
    """Return a pipeline from a path to the output of mmpretrain's loader."""
    composed = Compose([TRANSFORMS.build(step) for step in steps])
    return lambda path: composed({'img_path': path, 'gt_label': 0})


def recipe_pipeline() -> Pipeline:
    """Return the pipeline of the recipe."""
    import mmpretrain.datasets  # noqa: F401

    init_default_scope('mmpretrain')
    config = Config.fromfile(packaged_config('classification/r50_baseline_in1k.py'))
    return mmpretrain_pipeline(config.train_dataloader.dataset.pipeline)


STOCK = (
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224, backend='pillow'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='ColorJitter', brightness=STRENGTH, contrast=STRENGTH, saturation=STRENGTH),
    dict(
        type='Lighting',
        eigval=[55.4625, 4.7940, 1.1475],
        eigvec=[[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]],
    ),
    dict(type='PackInputs'),
)


#: The same with mmpretrain's default resampling, which uses four pixels each.
STOCK_OPENCV = tuple(
    {key: value for key, value in step.items() if key != 'backend'} for step in STOCK
)


def images_a_second(pipeline: Pipeline, paths: Sequence[str]) -> float:
    """Return the images per second of one pass over the photographs."""
    began = time.perf_counter()
    for path in paths:
        pipeline(path)
    return len(paths) / (time.perf_counter() - began)


def device_seconds(preprocessor: torch.nn.Module, batch: Tensor) -> float:
    """Return the seconds per image on the training device, from bytes to the network's input."""
    began = time.perf_counter()
    preprocessor({'inputs': batch}, training=True)
    if batch.is_cuda:
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / len(batch)


def main() -> int:
    """Return 0 if all bars are reached, and 1 if not."""
    options = parser(__doc__)
    add_images(options)
    args = options.parse_args()
    paths = photographs(args.images)
    import mmpretrain.datasets
    import mmpretrain.models  # noqa: F401

    init_default_scope('mmpretrain')
    # A loader process uses one core.
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    config = Config.fromfile(packaged_config('classification/r50_baseline_in1k.py'))
    pipelines = {
        'torchvision-PIL': torchvision_pipeline(authors=False),
        "authors' on PIL": torchvision_pipeline(authors=True),
        'mmpretrain stock': mmpretrain_pipeline(STOCK),
        'mmpretrain stock, OpenCV': mmpretrain_pipeline(STOCK_OPENCV),
        'recipe': recipe_pipeline(),
    }
    ways = {name: partial(images_a_second, way, paths) for name, way in pipelines.items()}
    figures = alternate(ways, args.repetitions)

    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    preprocessor = MODELS.build(config.data_preprocessor).to(device)
    batch = torch.randint(0, 256, (BATCH, 3, 224, 224), dtype=torch.uint8, device=device)
    on_device = alternate(
        {'device': partial(device_seconds, preprocessor, batch)}, args.repetitions
    )
    bars = [
        Bar('recipe', 'torchvision-PIL', 1.8, at_most=False),
        Bar('recipe', "authors' on PIL", 1.8, at_most=False),
        Bar('recipe', 'mmpretrain stock', 2.2, at_most=False),
        Bar('recipe', 'mmpretrain stock, OpenCV', 2.2, at_most=False),
    ]
    seconds = sorted(on_device['device'])[len(on_device['device']) // 2]
    facts = {
        'photographs': len(paths),
        'device': str(device),
        'seconds_an_image_on_device': seconds,
    }
    good = report('loader', 'images/s of one core', figures, bars, target=args.json, facts=facts)
    print(f'  device: {1000 * seconds:.3g} ms/image on {device}, {BATCH} at a time, one thread')
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
