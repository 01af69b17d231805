"""The mini set: embedded photographs of clothes, composed into data sets for all three tasks.

The articles of clothing are a subset of Fashion-MNIST (MIT licence, see
``LICENSE-fashion-mnist.txt`` in this folder). :func:`prepare_mini` writes folders under ``ROOT``,
which the dataset classes of the stack can read::

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

from rm_mm.data.mini.articles import CLASSES, PALETTE, SEGMENTATION_CLASSES, SEGMENTATION_PALETTE
from rm_mm.data.mini.preparation import STAMP, fingerprint, prepare_mini

__all__ = [
    'CLASSES',
    'PALETTE',
    'SEGMENTATION_CLASSES',
    'SEGMENTATION_PALETTE',
    'STAMP',
    'fingerprint',
    'prepare_mini',
]
