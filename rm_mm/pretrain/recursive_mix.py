"""The batch augmentation, and the one owner of the history it feeds on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmpretrain.registry import BATCH_AUGMENTS
from torch import Tensor

#: Left, top, right, bottom in pixels, half-open.
Box = tuple[int, int, int, int]

INTERPOLATIONS = ('nearest', 'bilinear')
RESETS = ('epoch', 'never')


@dataclass(frozen=True)
class Mix:
    """What one call of :class:`RecursiveMix` did; the region loss needs it.

    Attributes:
        box_xyxy: Where the history was pasted, in pixels, half-open; empty if nothing was.
        lam: Fraction of the current image still visible in the first ``rows`` rows, in [0, 1].
        rows: How many rows of the batch were mixed: the smaller of batch and history.
        history_logits: Whole-image logits of the pasted images, (rows, K), detached; None where
            there is no earlier prediction.
    """

    box_xyxy: Box = (0, 0, 0, 0)
    lam: float = 1.0
    rows: int = 0
    history_logits: Tensor | None = None


@dataclass
class History:
    """The previous iteration: mixed images, fused targets, and logits once they are known."""

    images: Tensor
    targets: Tensor
    logits: Tensor | None = None


@BATCH_AUGMENTS.register_module()
class RecursiveMix:
    """Paste the previous, already mixed batch into the current one (arXiv 2203.06844, section 3).

    Used on its own, with any mmpretrain classifier, it is an augmentation. Under
    :class:`~rm_mm.pretrain.RecursiveMixClassifier` its history also carries the earlier prediction
    for the region loss.

    The history is one batch of images, shared in memory with the batch that was last returned (it
    is no further copy), and the matching targets and logits. It is no part of the model's state; a
    checkpoint that is written while it counts holds it beside (:mod:`rm_mm.run.resume`).

    Args:
        alpha: The largest ratio of pasted area to image area, in (0, 1]. Not the parameter of a
            Beta distribution. 0.5 in every recipe of the paper.
        interpolation: How the history is resized to the box: ``'nearest'``, as in the paper, or
            ``'bilinear'`` (with aligned corners).
        reset: ``'epoch'`` forgets the history where an epoch begins, as the paper does; the epoch
            is the one that the running mmengine ``Runner`` publishes. ``'never'`` leaves it to
            :meth:`reset`.

    Raises:
        ValueError: If an argument is outside its range.
    """

    def __init__(
        self, alpha: float = 0.5, interpolation: str = 'nearest', reset: str = 'epoch'
    ) -> None:
        if not 0 < alpha <= 1:
            raise ValueError(
                'RecursiveMix: alpha is the largest pasted-area ratio and must lie in (0, 1], '
                f'got {alpha!r}. The paper uses 0.5.'
            )
        if interpolation not in INTERPOLATIONS:
            raise ValueError(
                f'RecursiveMix: interpolation must be one of {INTERPOLATIONS}, '
                f'got {interpolation!r}.'
            )
        if reset not in RESETS:
            raise ValueError(f'RecursiveMix: reset must be one of {RESETS}, got {reset!r}.')
        self.alpha = alpha
        self.interpolation = interpolation
        self.reset_at = reset
        self._history: History | None = None
        self._mix: Mix | None = None
        self._last = Mix()
        self._epoch: int | None = None

    def __call__(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mix one training batch, and remember it.

        Args:
            images: Normalised batch, (N, C, H, W). Not modified.
            targets: One-hot or soft targets, (N, K). Not modified.

        Returns:
            The mixed batch, a new tensor of the same shape, and its fused targets, (N, K). A row
            that has no history, because the batch grew, comes back as it was.

        Raises:
            ValueError: If the history holds images of another number of channels or targets of
                another number of classes.
        """
        self._forget_at_epoch()
        mixed, fused, mix = images.clone(), targets.to(images.dtype, copy=True), Mix()
        if self._history is not None:
            mix = self._paste(mixed, fused, self._history)
        # The old batch is released here; from now on history and returned batch share memory.
        self._history, self._mix = History(mixed.detach(), fused.detach()), mix
        # Not the logits: nobody needs them for longer than one iteration.
        self._last = replace(mix, history_logits=None)
        return mixed, fused

    def sample_box(self, height: int, width: int) -> Box:
        """Draw the box of one batch (section 3.1, as the authors' code computes it).

        The area ratio is uniform in [0, ``alpha``) and the centre a uniform pixel. What would lie
        outside the image is cut off, so that boxes near a border are smaller. Draws from NumPy's
        global generator, as mmpretrain's own batch augmentations do.

        Returns:
            ``(x1, y1, x2, y2)``, in pixels, half-open, inside the image; may be empty.
        """
        side = math.sqrt(np.random.uniform(0.0, self.alpha))
        half_width, half_height = int(width * side) // 2, int(height * side) // 2
        x, y = int(np.random.randint(width)), int(np.random.randint(height))
        return (
            max(x - half_width, 0),
            max(y - half_height, 0),
            min(x + half_width, width),
            min(y + half_height, height),
        )

    @torch.compiler.disable
    def take_mix(self) -> Mix | None:
        """Hand over what the last call did, once.

        Returns:
            None if there was no call since the last time: another augmentation had the batch.
        """
        mix, self._mix = self._mix, None
        return mix

    @property
    def last_batch(self) -> tuple[Tensor, Mix] | None:
        """The batch last returned, (N, C, H, W), and what was done to it; not to be modified."""
        return None if self._history is None else (self._history.images, self._last)

    @torch.compiler.disable
    def remember_logits(self, logits: Tensor) -> None:
        """Complete the history with the whole-image logits of the batch last returned, (N, K)."""
        if self._history is not None:
            self._history.logits = logits.detach()

    def reset(self) -> None:
        """Forget the history: the next batch is left as it is."""
        self._history = self._mix = None

    def history_state(self, epoch: int) -> dict[str, Any] | None:
        """What a run that goes on in an epoch, from 0, needs of the history; None if nothing."""
        forgotten = self.reset_at == 'epoch' and epoch != self._epoch
        if forgotten or self._history is None:
            return None
        tensors = vars(self._history).items()
        history = {name: None if value is None else value.cpu() for name, value in tensors}
        return {'epoch': self._epoch, **history}

    def load_history_state(self, state: dict[str, Any] | None) -> None:
        """Take up what :meth:`history_state` returned."""
        self.reset()
        if state is not None:
            self._epoch = state['epoch']
            self._history = History(state['images'], state['targets'], state['logits'])

    def _forget_at_epoch(self) -> None:
        if self.reset_at != 'epoch':
            return
        epoch = MessageHub.get_current_instance().get_info('epoch')
        if epoch != self._epoch:
            self.reset()
        self._epoch = epoch

    def _paste(self, mixed: Tensor, fused: Tensor, history: History) -> Mix:
        """Write the history into ``mixed`` and ``fused``, both (N, …) and owned by the caller."""
        for name, old, new in (
            ('image channels', history.images, mixed),
            ('classes', history.targets, fused),
        ):
            if old.shape[1] != new.shape[1]:
                raise ValueError(
                    f'RecursiveMix: the history has {old.shape[1]} {name}, this batch has '
                    f'{new.shape[1]}. Call reset() between different streams of data.'
                )
        height, width = mixed.shape[-2:]
        x1, y1, x2, y2 = box = self.sample_box(height, width)
        if x1 >= x2 or y1 >= y2:
            return Mix()
        rows = min(len(mixed), len(history.images))
        mixed[:rows, :, y1:y2, x1:x2] = F.interpolate(
            history.images[:rows],
            size=(y2 - y1, x2 - x1),
            mode=self.interpolation,
            align_corners=True if self.interpolation == 'bilinear' else None,
        )
        lam = 1.0 - (x2 - x1) * (y2 - y1) / (height * width)
        fused[:rows] = lam * fused[:rows] + (1.0 - lam) * history.targets[:rows]
        logits = history.logits
        return Mix(box, lam, rows, None if logits is None else logits[:rows])

    def __getstate__(self) -> dict[str, Any]:
        """Leave the history out of pickles and copies: it belongs to this run alone."""
        return {**self.__dict__, '_history': None, '_mix': None}

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(alpha={self.alpha}, '
            f'interpolation={self.interpolation!r}, reset={self.reset_at!r})'
        )
