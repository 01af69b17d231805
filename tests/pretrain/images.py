"""A slow oracle of the authors' image pipeline: loops over pixels in float64, without rm_mm.

Its constants are copied from `utils.py` and `dataset.py` of the authors' code.
"""

import math
from types import SimpleNamespace

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS, TRANSFORMS

from rm_mm.compat import configs_root
from rm_mm.pretrain.color import ColorFactors

GREY = (0.2989, 0.587, 0.114)
EIGENVALUES = (0.2175, 0.0188, 0.0045)
EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def recipe(method='rm'):
    """Training steps, test steps and colour preprocessor of the ImageNet config."""
    init_default_scope('mmpretrain')
    import mmpretrain.datasets
    import mmpretrain.models  # noqa: F401

    cfg = Config.fromfile(configs_root() / f'classification/r50_{method}_in1k.py')
    train, test = (
        Compose([TRANSFORMS.build(step) for step in loader.dataset.pipeline])
        for loader in (cfg.train_dataloader, cfg.test_dataloader)
    )
    return SimpleNamespace(
        train=train, test=test, preprocessor=MODELS.build(cfg.data_preprocessor), cfg=cfg
    )


def named(pipeline, name):
    (step,) = (step for step in pipeline.transforms if type(step).__name__ == name)
    return step


def some_factors(count, seed=0):
    """Factors drawn by NumPy from the range of the recipe, with the six orders in turn."""
    random = np.random.RandomState(seed)
    orders = [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1), (0, 2, 1), (1, 2, 0)]
    levels = torch.from_numpy(random.uniform(0.6, 1.4, (3, count))).float()
    order = torch.tensor([orders[index % 6] for index in range(count)])
    return ColorFactors(*levels, order, torch.from_numpy(random.normal(0, 0.1, (count, 3))).float())


def slow_grey(pixel):
    return sum(weight * level for weight, level in zip(GREY, pixel, strict=True))


def slow_color(image, factors, index):
    """One (H, W, 3) RGB image in [0, 1] through jitter and lighting, with row ``index``."""
    rows, columns = image.shape[:2]
    image = [[[float(level) for level in pixel] for pixel in row] for row in image]
    strengths = (factors.brightness, factors.contrast, factors.saturation)
    for stage in factors.order[index].tolist():
        keep = float(strengths[stage][index])
        mean = sum(slow_grey(pixel) for row in image for pixel in row) / (rows * columns)
        for row in image:
            for pixel in row:
                towards = (0.0, mean, slow_grey(pixel))[stage]
                # Their `image.lerp(towards, alpha)`, with alpha = 1 - keep.
                pixel[:] = [level + (1 - keep) * (towards - level) for level in pixel]
    for channel in range(3):
        shift = sum(
            EIGENVECTORS[channel][k] * float(factors.alphas[index, k]) * EIGENVALUES[k]
            for k in range(3)
        )
        for row in image:
            for pixel in row:
                pixel[channel] += shift
    return np.array(image)


def slow_normalize(image):
    """An (H, W, 3) RGB image in [0, 1] to (3, H, W)."""
    return ((image - np.array(MEAN)) / np.array(STD)).transpose(2, 0, 1)


def slow_weights(size, target):
    """Rows of triangle filters, scaled with the reduction: (target, size)."""
    weights = np.zeros((target, size))
    scale = size / target
    reach = max(scale, 1.0)
    for out in range(target):
        centre = (out + 0.5) * scale
        for source in range(size):
            weights[out, source] = max(0.0, 1 - abs(source + 0.5 - centre) / reach)
        weights[out] /= weights[out].sum()
    return weights


def slow_resize(image, size):
    """Antialiased bilinear resampling of (H, W, 3) levels, width first as Pillow, to bytes.

    Pillow rounds to bytes between the two passes.
    """
    width, height = size
    wide = np.einsum('xs,hsc->hxc', slow_weights(image.shape[1], width), image.astype(np.float64))
    tall = np.einsum('ys,swc->ywc', slow_weights(image.shape[0], height), np.round(wide))
    return np.clip(np.round(tall), 0, 255).astype(np.uint8)


def photo(height, width, seed=0):
    """An asymmetric RGB image in bytes with edges, gradients and noise."""
    random = np.random.RandomState(seed)
    y, x = np.mgrid[:height, :width]
    image = np.stack([255 * x / width, 255 * y / height, 128 + 100 * np.sin(x * y / 40)], axis=-1)
    image += random.normal(0, 25, image.shape)
    top, left = int(0.2 * height), int(0.55 * width)
    image[top : top + math.ceil(height / 4), left : left + math.ceil(width / 5)] = (230, 40, 10)
    return np.clip(image, 0, 255).astype(np.uint8)
