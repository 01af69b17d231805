"""Run the stock pipelines and those of the recipes from one random state; compare each bit."""

import random

import cv2
import numpy as np
import torch
from mmcv.transforms import Compose
from mmdet.structures.bbox import BaseBoxes
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from mmengine.config import Config
from mmengine.registry import TRANSFORMS, DefaultScope
from mmengine.structures import BaseDataElement

from rm_mm.compat import configs_root

STOCK = {
    'mmdet': 'mmdet::atss/atss_r50_fpn_1x_coco.py',
    'mmseg': 'mmseg::upernet/upernet_r50_4xb4-80k_ade20k-512x512.py',
}
OURS = {
    'mmdet': 'detection/atss_r50_rm_coco.py',
    'mmseg': 'segmentation/upernet_r50_rm_ade20k.py',
}
#: Heights and widths: odd, tiny, flat, narrow, and usual. The stock pipelines fail on images that
#: are one pixel wide.
SIZES = ((37, 53), (2, 2), (3, 211), (150, 2), (480, 360), (333, 500))


def stock_steps(scope, folder):
    """The training pipeline that the library ships."""
    config = folder / f'stock_{scope}.py'
    config.write_text(f"_base_ = ['{configs_root()}/_base_/scopes.py', '{STOCK[scope]}']\n")
    return steps(config)


def steps(config):
    """The training pipeline of a config, without the scopes that mmengine adds."""
    dataset = Config.fromfile(configs_root() / config).to_dict()['train_dataloader']['dataset']
    return [
        {key: value for key, value in step.items() if key != '_scope_'}
        for step in dataset['pipeline']
    ]


def build(scope, pipeline):
    with DefaultScope.overwrite_default_scope(scope):
        return Compose([TRANSFORMS.build(step) for step in pipeline])


def photo(generator, size):
    """A smooth image with noise, so that no two pixels or directions look alike."""
    height, width = size
    image = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    smooth = cv2.resize(generator.integers(0, 256, (4, 5, 3), dtype=np.uint8), (width, height))
    return cv2.addWeighted(image, 0.3, smooth, 0.7, 0)


def run(transform, results, seed):
    """The results for a seed, and the state of every generator afterwards."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    out = transform(results)
    name, state, *rest = np.random.get_state()
    return out, (random.getstate(), name, state, *rest, torch.get_rng_state())


def assert_same(one, other, where='results'):
    """Equal in type, layout and every bit."""
    assert type(one) is type(other), where
    if isinstance(one, BaseDataElement):
        assert list(one.metainfo_keys()) == list(other.metainfo_keys()), where
        one, other = dict(one.all_items()), dict(other.all_items())
    elif isinstance(one, BaseBoxes):
        one, other = one.tensor, other.tensor
    elif isinstance(one, BitmapMasks | PolygonMasks):
        one, other = vars(one), vars(other)
    if isinstance(one, torch.Tensor):
        assert one.stride() == other.stride(), where
        one, other = one.numpy(), other.numpy()
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        assert one.tobytes() == other.tobytes(), where
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f'{where}.{key}')
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f'{where}.{index}')
    else:
        assert one == other, where
