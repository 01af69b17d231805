"""Compose articles and backgrounds into images, each with its own random generator."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from rm_mm.data.mini.articles import CLASSES, SPLITS, TILE_PIXELS, Article, article, tiles
from rm_mm.data.mini.textures import background, colour, pattern

OBJECT_IMAGE_PIXELS = 64
OBJECT_SIDES = (46, 62)
SCENE_SIDES = (20, 80)
# Two of the largest articles fit side by side, so every scene has at least two.
SCENE_PIXELS = 2 * SCENE_SIDES[1]
SCENE_ARTICLES = (2, 6)
# With a smaller visible fraction, even people seldom recognise an article.
MIN_VISIBLE = 0.3
MAX_ANGLE_DEGREES = 20.0
PLACEMENT_TRIES = 20
# The colour that differs most from the background is used: camouflage is rare, not impossible.
COLOURS_TRIED = 6

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Instance:
    """An article in a scene: its index into ``CLASSES`` and its visible pixels, (H, W)."""

    label: int
    mask: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scene:
    """An RGB image, (H, W, 3), and its articles from back to front."""

    image: Image
    instances: tuple[Instance, ...]


@dataclass(frozen=True)
class Cutting:
    """An article to paste: RGB (3, h, w) and opacity (h, w), float32 in [0, 1]."""

    label: int
    rgb: npt.NDArray[np.float32]
    opacity: npt.NDArray[np.float32]

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Pixels that are more article than background, (h, w); they touch all four edges."""
        return self.opacity >= 0.5


def generator(seed: int, kind: str, split: str, number: int) -> np.random.Generator:
    """Return the generator of one image, which is independent of all others.

    ``kind`` is ``object`` or ``scene``; ``number`` is that of the image, from 0.
    """
    entropy = (seed, ('object', 'scene').index(kind), SPLITS.index(split), number)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def object_image(seed: int, split: str, number: int) -> tuple[Image, int]:
    """Compose an image of a single article: RGB, (64, 64, 3), and the index into ``CLASSES``.

    Classes take turns, and so do the articles of a class: every article is used once before any is
    used again. The arguments are those of :func:`generator`.
    """
    rng = generator(seed, 'object', split, number)
    turn, label = divmod(number, len(CLASSES))
    size = OBJECT_IMAGE_PIXELS
    canvas = background(rng, size, size)
    source = article(split, label, turn % tiles(split).shape[1])
    cutting = cut(rng, source, rng.uniform(*OBJECT_SIDES), unlike=canvas.mean((1, 2)))
    _paste(canvas, cutting, *_position(rng, cutting, size))
    return _developed(rng, canvas), label


def scene(seed: int, split: str, number: int, size: int = SCENE_PIXELS) -> Scene:
    """Compose a scene of 2 to 6 articles, ``size`` pixels wide and high.

    Later articles cover earlier ones. The other arguments are those of :func:`generator`.

    Raises:
        ValueError: If two of the largest articles do not fit side by side.
    """
    if size < SCENE_PIXELS:
        raise ValueError(f'a scene needs {SCENE_PIXELS} pixels or more, got {size}')
    rng = generator(seed, 'scene', split, number)
    canvas = background(rng, size, size)
    mean = canvas.mean((1, 2))
    # The article that each pixel shows: its index in `labels`, or -1 for the background.
    owner = np.full((size, size), -1, np.int8)
    labels: list[int] = []
    areas: list[int] = []
    for _ in range(rng.integers(SCENE_ARTICLES[0], SCENE_ARTICLES[1] + 1)):
        label = int(rng.integers(len(CLASSES)))
        source = article(split, label, int(rng.integers(tiles(split).shape[1])))
        # Rounding to pixels adds up to one pixel at each end.
        side = rng.uniform(SCENE_SIDES[0] + 1, SCENE_SIDES[1] - 1)
        cutting = cut(rng, source, side, unlike=mean)
        place = _uncrowded(rng, owner, areas, cutting)
        if place is None:
            continue
        _paste(canvas, cutting, *place)
        _window(owner, cutting, *place)[cutting.mask] = len(labels)
        labels.append(label)
        areas.append(int(cutting.mask.sum()))
    instances = tuple(Instance(label, owner == index) for index, label in enumerate(labels))
    return Scene(_developed(rng, canvas), instances)


def cut(
    rng: np.random.Generator, source: Article, long_side: float, unlike: npt.NDArray[np.float32]
) -> Cutting:
    """Flip, rotate, scale and colour an article.

    Args:
        rng: Source of randomness.
        source: The article. Not modified.
        long_side: Longer side of the box around the rotated article, in pixels.
        unlike: RGB colour to avoid, (3,) in [0, 1], usually that of the background.
    """
    angle = np.radians(rng.uniform(-MAX_ANGLE_DEGREES, MAX_ANGLE_DEGREES))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if rng.random() < 0.5:
        turn = turn @ np.diag((-1.0, 1.0))
    rows, columns = np.nonzero(source.cover)
    points = np.stack((columns, rows)) - (TILE_PIXELS - 1) / 2
    turned = turn @ points
    low, high = turned.min(1) - 0.5, turned.max(1) + 0.5
    scale = long_side / (high - low).max()
    width, height = np.ceil((high - low) * scale).astype(int) + 4
    matrix = scale * turn
    centre = np.array((width - 1, height - 1)) / 2 - scale * (low + high) / 2
    offset = centre - matrix @ np.full(2, (TILE_PIXELS - 1) / 2)
    affine = np.column_stack((matrix, offset))

    def warp(plane: npt.NDArray[np.float32], border: int) -> npt.NDArray[np.float32]:
        warped = cv2.warpAffine(
            plane, affine, (int(width), int(height)), flags=cv2.INTER_CUBIC, borderMode=border
        )
        return np.asarray(warped, np.float32)

    cover = warp(source.cover, cv2.BORDER_CONSTANT)
    # The edge of an enlarged silhouette is a ramp of `scale` pixels; make it one pixel wide.
    opacity = np.clip((cover - 0.5) * max(scale, 1.0) + 0.5, 0, 1).astype(np.float32)
    shade = np.clip(warp(source.shade, cv2.BORDER_REPLICATE), 0, 1)
    inside = opacity >= 0.5
    rows_kept, columns_kept = _extent(inside.any(1)), _extent(inside.any(0))
    rgb = _dyed(rng, shade, unlike)[:, rows_kept, columns_kept]
    return Cutting(source.label, rgb, opacity[rows_kept, columns_kept])


def _dyed(
    rng: np.random.Generator, shade: npt.NDArray[np.float32], unlike: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Give an article two colours, a print, and its shading: RGB, (3, h, w) in [0, 1]."""
    height, width = shade.shape
    choice = [colour(rng) for _ in range(COLOURS_TRIED)]
    first = max(choice, key=lambda rgb: float(np.abs(rgb - unlike).max()))[:, None, None]
    change = (colour(rng)[:, None, None] - first) * np.float32(rng.uniform(0, 0.2))
    dye = first + change * (1 + pattern(rng, height, width))
    # Fashion-MNIST holds negatives of light and of dark clothes, so both polarities look natural.
    light = shade if rng.random() < 0.5 else 1 - shade
    depth = np.float32(rng.uniform(0.35, 0.75))
    return np.asarray(np.clip(dye * (1 - depth + depth * light), 0, 1), np.float32)


def _extent(occupied: npt.NDArray[np.bool_]) -> slice:
    places = np.flatnonzero(occupied)
    return slice(int(places[0]), int(places[-1]) + 1)


def _position(rng: np.random.Generator, cutting: Cutting, size: int) -> tuple[int, int]:
    """Draw the upper left corner, (row, column), of a position inside the image."""
    height, width = cutting.opacity.shape
    return int(rng.integers(size - height + 1)), int(rng.integers(size - width + 1))


def _uncrowded(
    rng: np.random.Generator, owner: npt.NDArray[np.int8], areas: list[int], cutting: Cutting
) -> tuple[int, int] | None:
    """Draw a position that keeps every article recognisable; None if none was found."""
    for _ in range(PLACEMENT_TRIES):
        place = _position(rng, cutting, len(owner))
        after = owner.copy()
        _window(after, cutting, *place)[cutting.mask] = len(areas)
        visible = np.bincount(after[after >= 0], minlength=len(areas) + 1)
        if all(visible[index] >= MIN_VISIBLE * area for index, area in enumerate(areas)):
            return place
    return None


def _window(
    plane: npt.NDArray[np.int8], cutting: Cutting, top: int, left: int
) -> npt.NDArray[np.int8]:
    height, width = cutting.opacity.shape
    return plane[top : top + height, left : left + width]


def _paste(canvas: npt.NDArray[np.float32], cutting: Cutting, top: int, left: int) -> None:
    """Blend the cutting into ``canvas``, in place."""
    height, width = cutting.opacity.shape
    window = canvas[:, top : top + height, left : left + width]
    window += cutting.opacity * (cutting.rgb - window)


def _developed(rng: np.random.Generator, canvas: npt.NDArray[np.float32]) -> Image:
    """Add sensor noise and round to 8 bits: (3, H, W) in [0, 1] to (H, W, 3)."""
    grain = rng.standard_normal(canvas.shape, np.float32) * np.float32(rng.uniform(0, 0.03))
    rounded = (np.clip(canvas + grain, 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.asarray(cv2.merge(tuple(rounded)), np.uint8)
