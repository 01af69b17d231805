"""RecursiveMix and what else the pretraining recipes need.

The method itself, :class:`RecursiveMix` and :class:`RecursiveMixLoss`, is plain PyTorch and works
in any training loop (``docs/plain-pytorch.md``). The other modules connect it to mmpretrain; once
``rm_mm`` is imported, importing ``mmpretrain.models`` also registers them.

One training iteration of a recipe, in order:

1. The data preprocessor calls :class:`RecursiveMix`, which pastes the previous batch into this one,
   fuses the targets and keeps both as the next history.
2. ``RecursiveMixClassifier`` takes the :class:`Mix` of this call and runs the backbone once.
3. ``RecursiveMixHead`` computes both terms of the loss from the same features.
4. The classifier hands the detached logits back, which completes the history.
"""

from rm_mm.pretrain.loss import RecursiveMixLoss
from rm_mm.pretrain.recursive_mix import Mix, RecursiveMix

__all__ = ['Mix', 'RecursiveMix', 'RecursiveMixLoss']
