"""The classes of the mini set, and the embedded articles, cut out of their tiles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

# In alphabetical order, because mmpretrain numbers class folders by their sorted names. One number
# then means the same article in all three tasks.
CLASSES = (
    'ankle_boot', 'bag', 'coat', 'dress', 'pullover', 'sandal', 'shirt', 'sneaker', 't_shirt_top',
    'trouser',
)  # fmt: skip

# RGB colours that can be distinguished with most kinds of colour vision (Tableau 10).
PALETTE = (
    (31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189),
    (140, 86, 75), (227, 119, 194), (127, 127, 127), (188, 189, 34), (23, 190, 207),
)  # fmt: skip

# The background is a class to be learnt and comes first. Label maps hold 1 + the index into this
# tuple, since ADE20K reserves 0 for unlabelled pixels. The mini set has no such pixels.
SEGMENTATION_CLASSES = ('background', *CLASSES)
SEGMENTATION_PALETTE = ((0, 0, 0), *PALETTE)

TILE_PIXELS = 28
SPLITS = ('train', 'val')

# Tiles are 0 outside the article, except for a fringe of resampling noise of a few grey levels.
FRINGE_LEVEL = 8
# An empty region inside an article is usually a white print. In these classes it is background
# (between straps, under a handle, between legs), unless it is a speck.
SEE_THROUGH = frozenset(CLASSES.index(name) for name in ('bag', 'sandal', 'trouser'))
SPECK_PIXELS = 6
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
RIM_WEIGHT = np.float32(0.02)


@dataclass(frozen=True)
class Article:
    """One article, cut out.

    Attributes:
        label: Index into ``CLASSES``.
        shade: Brightness of the cloth, (28, 28) float32 in [0, 1], continued smoothly beyond the
            silhouette so that resampling does not mix in the background.
        cover: 1 on the article and 0 outside, (28, 28) float32.
    """

    label: int
    shade: npt.NDArray[np.float32]
    cover: npt.NDArray[np.float32]


def embedded_file(split: str) -> Path:
    """Return the path of the PNG with the articles of ``train`` or ``val``."""
    if split not in SPLITS:
        raise ValueError(f'split must be one of {SPLITS}, got {split!r}')
    return Path(__file__).with_name(f'fashion_mnist_{split}.png')


@cache
def tiles(split: str) -> npt.NDArray[np.uint8]:
    """Return the articles of a split, (classes, articles, 28, 28), read-only; callers share it."""
    path = embedded_file(split)
    sheet = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    rows = np.asarray(sheet, np.uint8).reshape(len(CLASSES), TILE_PIXELS, -1, TILE_PIXELS)
    articles = np.ascontiguousarray(rows.transpose(0, 2, 1, 3))
    articles.flags.writeable = False
    return articles


@cache
def article(split: str, label: int, number: int) -> Article:
    """Return article ``number`` of class ``label``, cut out; callers share the arrays."""
    return cut_out(tiles(split)[label, number], label)


def cut_out(tile: npt.NDArray[np.uint8], label: int) -> Article:
    """Separate an article from its background, the 0 in a tile, (28, 28)."""
    cover = silhouette(tile, see_through=label in SEE_THROUGH)
    grey = tile.astype(np.float32)
    levels = np.sort(grey[cover])
    low, high = levels[len(levels) // 20], levels[-1 - len(levels) // 20]
    # At least a quarter of the full range, so that plain cloth does not become noise.
    shade = np.clip((grey - low) / max(high - low, np.float32(64)), 0, 1)
    # Pixels on the outline are mixed with the background and would draw a line around the article.
    # They only count where there is nothing but outline.
    inner = cv2.erode(cover.astype(np.uint8), CROSS)
    weight = inner + RIM_WEIGHT * cover.astype(np.float32)
    near = cv2.GaussianBlur(shade * weight, (0, 0), 1.5)
    mass = cv2.GaussianBlur(weight, (0, 0), 1.5)
    shade = np.where(inner > 0, shade, near / np.maximum(mass, 1e-3 * RIM_WEIGHT))
    return Article(label, shade.astype(np.float32), cover.astype(np.float32))


def silhouette(tile: npt.NDArray[np.uint8], *, see_through: bool) -> npt.NDArray[np.bool_]:
    """Find the pixels of the article in a tile; both are (28, 28). The result is never empty.

    ``see_through``: whether larger gaps inside the outline show the background.
    """
    solid = _without_specks((tile > FRINGE_LEVEL).astype(np.uint8))
    # A margin of one pixel makes the background one region, which includes (0, 0).
    gaps = np.pad(1 - solid, 1, constant_values=1)
    count, regions, stats, _ = cv2.connectedComponentsWithStats(gaps, connectivity=4)
    for region in range(1, count):
        shows_background = see_through and stats[region, cv2.CC_STAT_AREA] > SPECK_PIXELS
        if region != regions[0, 0] and not shows_background:
            gaps[regions == region] = 0
    return np.asarray(gaps[1:-1, 1:-1] == 0)


def _without_specks(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Remove specks from a mask of 0 and 1, but never its largest component."""
    _, regions, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    keep = areas > min(SPECK_PIXELS, int(areas.max()) - 1)
    return np.asarray(keep[regions], np.uint8)
