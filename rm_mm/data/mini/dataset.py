"""The dataset class with which mmseg reads the mini scenes."""

from __future__ import annotations

from typing import ClassVar

from mmseg.datasets import ADE20KDataset
from mmseg.registry import DATASETS

from rm_mm.data.mini.articles import SEGMENTATION_CLASSES, SEGMENTATION_PALETTE


@DATASETS.register_module()
class MiniADE20KDataset(ADE20KDataset):
    """``ADE20KDataset`` with the classes of the mini set.

    The other two tasks set their classes through ``metainfo``. In mmseg, ``metainfo`` can only
    select from the classes of a data set, so a subclass is needed here.
    """

    METAINFO: ClassVar = {
        'classes': SEGMENTATION_CLASSES,
        'palette': [list(rgb) for rgb in SEGMENTATION_PALETTE],
    }
