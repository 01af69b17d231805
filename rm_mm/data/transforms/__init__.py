"""Transforms of the downstream training pipelines, equal to the stock ones and faster.

Each is a subclass of the stock transform that takes the same arguments, draws the same random
numbers in the same order and returns the same bytes, so a recipe with them is the recipe of the
authors' logs. Only how the pixels are moved differs.
"""

from __future__ import annotations

from types import MappingProxyType

#: Name of each in the registries of mmdet and mmseg, to the stock transform whose results it has.
STOCK_NAMES = MappingProxyType(
    {
        'PackDetInputsByPlanes': 'PackDetInputs',
        'PackSegInputsByPlanes': 'PackSegInputs',
        'PhotoMetricDistortionByTable': 'PhotoMetricDistortion',
        'RandomCropByHistogram': 'RandomCrop',
        'RandomFlipByOpenCV': 'RandomFlip',
    }
)
