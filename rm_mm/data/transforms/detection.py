"""Faster transforms of mmdetection's pipelines, with the stock results."""

from __future__ import annotations

from mmdet.datasets.transforms import PackDetInputs
from mmdet.registry import TRANSFORMS

from rm_mm.data.transforms.pixels import PackByPlanes


@TRANSFORMS.register_module()
class PackDetInputsByPlanes(PackByPlanes, PackDetInputs):
    """mmdet's ``PackDetInputs`` with the channels split by OpenCV."""
