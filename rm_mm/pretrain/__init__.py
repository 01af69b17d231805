"""RecursiveMix for mmpretrain: importing this package registers it.

One training iteration, in order:

1. the data preprocessor calls :class:`RecursiveMix`, which pastes its history into the batch, fuses
   the targets and keeps both as the next history;
2. :class:`RecursiveMixClassifier` takes the :class:`Mix` of this call (box, visible fraction,
   earlier logits) and runs the backbone once;
3. :class:`RecursiveMixHead` scores the whole image and the pasted region from the same features;
   :class:`RecursiveMixLoss` adds the two terms;
4. the classifier hands the detached logits back, which completes the history.
"""

from rm_mm.pretrain.classifier import RecursiveMixClassifier
from rm_mm.pretrain.color import ColorAugmentPreprocessor
from rm_mm.pretrain.head import RecursiveMixHead
from rm_mm.pretrain.loss import RecursiveMixLoss
from rm_mm.pretrain.networks import DenseNet_CIFAR, PyramidNet
from rm_mm.pretrain.recursive_mix import Mix, RecursiveMix
from rm_mm.pretrain.schedule import WarmupCosineLR

__all__ = [
    'ColorAugmentPreprocessor',
    'DenseNet_CIFAR',
    'Mix',
    'PyramidNet',
    'RecursiveMix',
    'RecursiveMixClassifier',
    'RecursiveMixHead',
    'RecursiveMixLoss',
    'WarmupCosineLR',
]
