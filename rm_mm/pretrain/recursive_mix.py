"""The RecursiveMix batch augmentation and its history, in plain PyTorch."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

#: Left, top, right, bottom in pixels, half-open.
Box = tuple[int, int, int, int]

INTERPOLATIONS = ('nearest', 'bilinear')
RESETS = ('epoch', 'never')


@dataclass(frozen=True)
class Mix:
    """What one call of :class:`RecursiveMix` did to a batch; the region loss needs it.

    Attributes:
        box_xyxy: Pasted box in pixels, half-open; empty if nothing was pasted.
        lam: Fraction of the current image still visible in the first ``rows`` rows, in [0, 1].
        rows: Number of mixed rows: the smaller of the batch and the history.
        history_logits: Earlier whole-image logits of the pasted images, (rows, K), detached; None
            if there is no earlier prediction.
        image_width: Width of the mixed images in pixels.
    """

    box_xyxy: Box = (0, 0, 0, 0)
    lam: float = 1.0
    rows: int = 0
    history_logits: Tensor | None = None
    image_width: int = 0


@dataclass
class History:
    """The previous iteration: mixed images, fused targets, and the logits once they are known."""

    images: Tensor
    targets: Tensor
    logits: Tensor | None = None


class RecursiveMix:
    """Paste the previous, already mixed batch into the current one (arXiv 2203.06844, section 3).

    It works alone, with any classifier. :class:`~rm_mm.pretrain.RecursiveMixLoss` adds the region
    loss, for which the history also needs the logits (:meth:`remember_logits`).

    The history is one batch of images with its targets and logits. The images are not a copy: they
    share memory with the batch returned last. The history is not part of a model's state;
    :mod:`rm_mm.run.resume` saves it where an exact resume needs it.

    Args:
        alpha: Largest ratio of pasted area to image area, in (0, 1]. Not the parameter of a Beta
            distribution. 0.5 in all recipes of the paper.
        interpolation: Resizing of the history: ``'nearest'``, as in the paper, or ``'bilinear'``
            with aligned corners.
        reset: ``'epoch'`` drops the history when an epoch of an mmengine ``Runner`` begins, as the
            paper does. ``'never'`` keeps it. A plain loop calls :meth:`reset` before each epoch.
        num_classes: K. Needed for integer labels only.

    Raises:
        ValueError: If an argument is outside its range.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        interpolation: str = 'nearest',
        reset: str = 'epoch',
        num_classes: int | None = None,
    ) -> None:
        if not 0 < alpha <= 1:
            raise ValueError(
                'RecursiveMix: alpha is the largest pasted-area ratio and must be in (0, 1], '
                f'got {alpha!r}. The paper uses 0.5.'
            )
        choices = {'interpolation': (interpolation, INTERPOLATIONS), 'reset': (reset, RESETS)}
        for name, (value, allowed) in choices.items():
            if value not in allowed:
                raise ValueError(f'RecursiveMix: {name} must be one of {allowed}, got {value!r}.')
        if num_classes is not None and num_classes < 1:
            raise ValueError(f'RecursiveMix: num_classes must be positive, got {num_classes!r}.')
        self.alpha = alpha
        self.interpolation = interpolation
        self.reset_at = reset
        self.num_classes = num_classes
        self._history: History | None = None
        self._mix: Mix | None = None
        self._last = Mix()
        self._epoch: int | None = None

    def __call__(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mix one training batch and remember it.

        Args:
            images: Normalised floating-point batch, (N, C, H, W). Not modified.
            targets: Integer labels (N,) in [0, ``num_classes``), or one-hot or soft targets (N, K).
                Moved to the device of the images. Not modified.

        Returns:
            The mixed batch, a new tensor of the same shape, and its fused targets, (N, K), in the
            dtype of the images. If the batch grew, rows without history stay unmixed.

        Raises:
            ValueError: If images or targets are not as above, or if the history has another number
                of channels or classes.
        """
        fused = self._soft_targets(images, targets)
        mixed, mix = images.clone(), Mix()
        self._reset_at_epoch()
        if self._history is not None:
            mix = self._paste(mixed, fused, self._history)
        # Releases the previous batch; from here on, history and returned batch share memory.
        self._history, self._mix = History(mixed.detach(), fused.detach()), mix
        # Without the logits, which are only needed for one iteration.
        self._last = replace(mix, history_logits=None)
        return mixed, fused

    def sample_box(self, height: int, width: int) -> Box:
        """Draw the box of one batch (section 3.1, as the authors' code computes it).

        The area ratio is uniform in [0, ``alpha``) and the centre is a uniform pixel. The box is
        clipped to the image, so it is smaller near a border. Draws from NumPy's global generator,
        like the batch augmentations of mmpretrain.

        Returns:
            The box, inside the image and possibly empty.
        """
        side = math.sqrt(np.random.uniform(0.0, self.alpha))
        half_width, half_height = int(width * side) // 2, int(height * side) // 2
        x, y = int(np.random.randint(width)), int(np.random.randint(height))
        x1, y1 = max(x - half_width, 0), max(y - half_height, 0)
        return x1, y1, min(x + half_width, width), min(y + half_height, height)

    @torch.compiler.disable
    def take_mix(self) -> Mix | None:
        """Return what the last call did, once.

        Later, None: another augmentation processed the current batch.
        """
        mix, self._mix = self._mix, None
        return mix

    @property
    def last_batch(self) -> tuple[Tensor, Mix] | None:
        """Batch returned last, (N, C, H, W), and its mix without logits. Do not modify."""
        return None if self._history is None else (self._history.images, self._last)

    @torch.compiler.disable
    def remember_logits(self, logits: Tensor) -> None:
        """Complete the history with the whole-image logits of the batch returned last.

        Args:
            logits: (N, K). Detached here.

        Raises:
            ValueError: If the shape is not that of the fused targets.
        """
        if self._history is None:
            return
        if logits.shape != self._history.targets.shape:
            raise ValueError(
                'RecursiveMix.remember_logits: expected the logits of the batch returned last, '
                f'{tuple(self._history.targets.shape)}, got {tuple(logits.shape)}.'
            )
        self._history.logits = logits.detach()

    def reset(self) -> None:
        """Drop the history: the next batch is returned unmixed."""
        self._history = self._mix = None

    def history_state(self, epoch: int) -> dict[str, Any] | None:
        """Return the history, on the CPU, for a run that resumes in ``epoch``; None if unneeded."""
        dropped = self.reset_at == 'epoch' and epoch != self._epoch
        if dropped or self._history is None:
            return None
        tensors = vars(self._history).items()
        history = {name: None if value is None else value.cpu() for name, value in tensors}
        return {'epoch': self._epoch, **history}

    def load_history_state(self, state: dict[str, Any] | None) -> None:
        """Restore what :meth:`history_state` returned."""
        self.reset()
        if state is not None:
            self._epoch = state['epoch']
            self._history = History(state['images'], state['targets'], state['logits'])

    def _soft_targets(self, images: Tensor, targets: Tensor) -> Tensor:
        """Check a batch, and return its targets as a new (N, K) tensor that fits the images."""
        if images.dim() != 4 or not images.is_floating_point():
            raise ValueError(
                'RecursiveMix: images must be a normalised floating-point batch (N, C, H, W), got '
                f'{images.dtype} {tuple(images.shape)}. Convert and normalise bytes first.'
            )
        if not isinstance(targets, Tensor) or targets.dim() not in (1, 2):
            got = tuple(targets.shape) if isinstance(targets, Tensor) else type(targets).__name__
            raise ValueError(
                f'RecursiveMix: targets must be a tensor (N,) of labels or (N, K), got {got}.'
            )
        if len(targets) != len(images):
            raise ValueError(
                f'RecursiveMix: expected one target per image, got {len(targets)} targets for '
                f'{len(images)} images.'
            )
        if targets.dim() == 1:
            targets = self._one_hot(targets)
        elif self.num_classes not in (None, targets.shape[1]):
            raise ValueError(
                f'RecursiveMix: num_classes={self.num_classes}, but the targets have '
                f'{targets.shape[1]} columns. Pass labels (N,) or targets (N, num_classes).'
            )
        return targets.to(images.device, images.dtype, copy=True)

    def _one_hot(self, labels: Tensor) -> Tensor:
        if labels.is_floating_point() or labels.dtype == torch.bool:
            raise ValueError(
                f'RecursiveMix: labels (N,) must be integers, got {labels.dtype}. '
                'Pass soft targets as (N, K).'
            )
        if self.num_classes is None:
            raise ValueError('RecursiveMix: integer labels need RecursiveMix(num_classes=K).')
        # Checked where the labels are: on the CPU, where a loader leaves them, without waiting.
        low, high = (int(label) for label in labels.aminmax()) if len(labels) else (0, 0)
        if low < 0 or high >= self.num_classes:
            raise ValueError(
                f'RecursiveMix: labels must be in [0, {self.num_classes}), got {low} to {high}.'
            )
        return F.one_hot(labels.long(), self.num_classes)

    def _reset_at_epoch(self) -> None:
        if self.reset_at != 'epoch':
            return
        # A running Runner publishes its epoch; without mmengine there is none.
        logging = sys.modules.get('mmengine.logging')
        hub = None if logging is None else logging.MessageHub.get_current_instance()
        epoch = None if hub is None else hub.get_info('epoch')
        if epoch != self._epoch:
            self.reset()
        self._epoch = epoch

    def _paste(self, mixed: Tensor, fused: Tensor, history: History) -> Mix:
        """Write the history into ``mixed`` and ``fused``, both (N, …) and owned by the caller."""
        pairs = {'image channels': (history.images, mixed), 'classes': (history.targets, fused)}
        for name, (old, new) in pairs.items():
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
        # The history may come from a checkpoint, or from a loop that changed device or precision.
        mixed[:rows, :, y1:y2, x1:x2] = F.interpolate(
            history.images[:rows].to(mixed),
            size=(y2 - y1, x2 - x1),
            mode=self.interpolation,
            align_corners=True if self.interpolation == 'bilinear' else None,
        )
        lam = 1.0 - (x2 - x1) * (y2 - y1) / (height * width)
        fused[:rows] = lam * fused[:rows] + (1.0 - lam) * history.targets[:rows].to(fused)
        logits = None if history.logits is None else history.logits[:rows].to(mixed.device)
        return Mix(box, lam, rows, logits, width)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the history out of pickles and copies, because it belongs to this run alone."""
        return {**self.__dict__, '_history': None, '_mix': None}

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(alpha={self.alpha}, interpolation={self.interpolation!r}, '
            f'reset={self.reset_at!r}, num_classes={self.num_classes})'
        )
