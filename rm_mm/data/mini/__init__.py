"""The mini set: real articles, embedded, composed into small data sets for all three tasks.

The articles are a subset of Fashion-MNIST (MIT licence, see ``LICENSE-fashion-mnist.txt`` in this
folder). The stack's own dataset classes read what :func:`prepare` writes under ``ROOT``::

    mmpretrain ImageNet    data_root=ROOT/imagenet, split='train' or 'val',
                           metainfo=dict(classes=CLASSES)
    mmdet CocoDataset      data_root=ROOT/coco, ann_file='annotations/instances_train2017.json',
                           data_prefix=dict(img='train2017/'), and the same for val,
                           metainfo=dict(classes=CLASSES, palette=PALETTE)
    mmseg ADE20KDataset    data_root=ROOT/ade/ADEChallengeData2016,
                           data_prefix=dict(img_path='images/training',
                           seg_map_path='annotations/training'), and the same for validation;
                           as ``MiniADE20KDataset``, see :mod:`rm_mm.data.mini.dataset`
"""

from rm_mm.data.mini.classes import CLASSES, PALETTE, SEGMENTATION_CLASSES, SEGMENTATION_PALETTE
from rm_mm.data.mini.preparation import fingerprint, prepare

__all__ = [
    'CLASSES',
    'PALETTE',
    'SEGMENTATION_CLASSES',
    'SEGMENTATION_PALETTE',
    'fingerprint',
    'prepare',
]
