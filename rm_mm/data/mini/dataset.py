"""The mini scenes as mmseg reads them: ADE20K's layout and rules with other classes."""

from __future__ import annotations

from typing import ClassVar

from mmseg.datasets import ADE20KDataset
from mmseg.registry import DATASETS

from rm_mm.data.mini.classes import SEGMENTATION_CLASSES, SEGMENTATION_PALETTE


@DATASETS.register_module()
class MiniADE20KDataset(ADE20KDataset):
    """``ADE20KDataset`` over the mini set.

    mmseg takes other classes through ``metainfo`` only if they are some of a data set's own, which
    is why this one needs a name of its own, unlike the other two layouts.
    """

    METAINFO: ClassVar = {
        'classes': SEGMENTATION_CLASSES,
        'palette': [list(rgb) for rgb in SEGMENTATION_PALETTE],
    }
