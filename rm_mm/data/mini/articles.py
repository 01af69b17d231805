"""The embedded articles, and the silhouette that cuts each out of its tile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from rm_mm.data.mini.classes import CLASSES

TILE_PIXELS = 28
SPLITS = ('train', 'val')

# Tiles are exactly 0 outside the article but for a fringe of resampling noise of a few grey levels.
FRINGE_LEVEL = 8
# What is empty inside an article is a white print on cloth, but the background between the straps
# of a sandal, under the handle of a bag and between the legs of trousers, unless it is a speck.
SEE_THROUGH = frozenset(CLASSES.index(name) for name in ('bag', 'sandal', 'trouser'))
SPECK_PIXELS = 6
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
RIM_WEIGHT = np.float32(0.02)


@dataclass(frozen=True)
class Article:
    """One article, cut out.

    Attributes:
        label: Index into ``CLASSES``.
        shade: Light and dark of the cloth, (28, 28) float32 in [0, 1], continued smoothly beyond
            the silhouette so that resampling mixes nothing else in.
        cover: 1 on the article and 0 beside it, (28, 28) float32.
    """

    label: int
    shade: npt.NDArray[np.float32]
    cover: npt.NDArray[np.float32]


def embedded_file(split: str) -> Path:
    """Return the path of the PNG that holds the articles of ``train`` or ``val``."""
    if split not in SPLITS:
        raise ValueError(f'split must be one of {SPLITS}, got {split!r}')
    return Path(__file__).with_name(f'fashion_mnist_{split}.png')


@cache
def tiles(split: str) -> npt.NDArray[np.uint8]:
    """Read all articles of a split: (classes, articles, 28, 28), read-only, shared by callers."""
    path = embedded_file(split)
    sheet = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    rows = np.asarray(sheet, np.uint8).reshape(len(CLASSES), TILE_PIXELS, -1, TILE_PIXELS)
    articles = np.ascontiguousarray(rows.transpose(0, 2, 1, 3))
    articles.flags.writeable = False
    return articles


@cache
def article(split: str, label: int, number: int) -> Article:
    """Cut out article ``number`` of class ``label``; the arrays are shared by callers."""
    return cut_out(tiles(split)[label, number], label)


def cut_out(tile: npt.NDArray[np.uint8], label: int) -> Article:
    """Separate an article from its empty surroundings.

    Args:
        tile: (28, 28), 0 where there is nothing.
        label: Index into ``CLASSES``.
    """
    cover = silhouette(tile, see_through=label in SEE_THROUGH)
    grey = tile.astype(np.float32)
    levels = np.sort(grey[cover])
    low, high = levels[len(levels) // 20], levels[-1 - len(levels) // 20]
    # A quarter of the full range at least: plain cloth is to stay plain rather than become noise.
    shade = np.clip((grey - low) / max(high - low, np.float32(64)), 0, 1)
    # Pixels on the outline are mixed with the emptiness beside them; left as they are, they would
    # draw a line around every article. They only count where there is nothing but outline.
    inner = cv2.erode(cover.astype(np.uint8), CROSS)
    weight = inner + RIM_WEIGHT * cover.astype(np.float32)
    near = cv2.GaussianBlur(shade * weight, (0, 0), 1.5)
    mass = cv2.GaussianBlur(weight, (0, 0), 1.5)
    shade = np.where(inner > 0, shade, near / np.maximum(mass, 1e-3 * RIM_WEIGHT))
    return Article(label, shade.astype(np.float32), cover.astype(np.float32))


def silhouette(tile: npt.NDArray[np.uint8], *, see_through: bool) -> npt.NDArray[np.bool_]:
    """Find the pixels that belong to the article.

    Args:
        tile: (28, 28), 0 where there is nothing.
        see_through: Whether larger gaps inside the outline show the background.

    Returns:
        (28, 28), never empty.
    """
    solid = _without_specks((tile > FRINGE_LEVEL).astype(np.uint8))
    # A margin of one pixel makes the surroundings one region, and (0, 0) a part of it.
    gaps = np.pad(1 - solid, 1, constant_values=1)
    count, regions, stats, _ = cv2.connectedComponentsWithStats(gaps, connectivity=4)
    for region in range(1, count):
        shows_background = see_through and stats[region, cv2.CC_STAT_AREA] > SPECK_PIXELS
        if region != regions[0, 0] and not shows_background:
            gaps[regions == region] = 0
    return np.asarray(gaps[1:-1, 1:-1] == 0)


def _without_specks(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Drop the specks of a mask of 0 and 1, but never its largest component."""
    _, regions, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    keep = areas > min(SPECK_PIXELS, int(areas.max()) - 1)
    return np.asarray(keep[regions], np.uint8)
