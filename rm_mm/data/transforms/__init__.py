"""Transforms of the downstream training pipelines, faster than the stock ones.

Each subclasses a stock transform, takes the same arguments, draws the same random numbers in the
same order and returns the same bytes. A recipe with them is still the recipe of the authors' logs.
Only the way pixels are moved differs.
"""

from __future__ import annotations

from types import MappingProxyType

#: Names in the registries of mmdet and mmseg, to the stock transforms with the same results.
STOCK_NAMES = MappingProxyType(
    {
        'PackDetInputsByPlanes': 'PackDetInputs',
        'PackSegInputsByPlanes': 'PackSegInputs',
        'PhotoMetricDistortionByTable': 'PhotoMetricDistortion',
        'RandomCropByHistogram': 'RandomCrop',
        'RandomFlipByOpenCV': 'RandomFlip',
    }
)
