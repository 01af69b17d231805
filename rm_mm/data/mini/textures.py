"""Procedural patterns, and backgrounds made of them.

Images are (3, H, W): numpy is several times faster along rows than along triples.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]


def colour(rng: np.random.Generator) -> Image:
    """Draw an RGB colour, (3,) in [0, 1], of any hue, saturation and brightness."""
    vivid = rng.random(3, np.float32)
    vivid /= vivid.max()
    grey, value = rng.random(2, np.float32)
    drawn = (vivid + grey * (1 - vivid)) * (np.float32(0.2) + np.float32(0.8) * value)
    return np.asarray(drawn, np.float32)


def pattern(rng: np.random.Generator, height: int, width: int) -> Image:
    """Draw noise, stripes, checks or a gradient: (height, width) in [-1, 1]."""
    kinds: tuple[Callable[..., Image], ...] = (noise, stripes, checks, gradient)
    return kinds[rng.integers(len(kinds))](rng, height, width)


def noise(rng: np.random.Generator, height: int, width: int) -> Image:
    """Draw a random mixture of noise at scales of about 32, 16, 8 and 4 pixels."""
    total: Image = np.zeros((2, 2), np.float32)
    for period, share in zip((32, 16, 8, 4), rng.dirichlet(np.ones(4)), strict=True):
        rows, columns = height // period + 2, width // period + 2
        total = _enlarged(total, rows, columns)
        total += (rng.random((rows, columns), np.float32) - np.float32(0.5)) * np.float32(4 * share)
    return np.clip(_enlarged(total, height, width), -1, 1)


def stripes(rng: np.random.Generator, height: int, width: int) -> Image:
    """Draw stripes of 2 to 12 pixels in any direction, with soft or hard edges."""
    return _hardened(rng, _wave(rng, height, width, rng.uniform(0, np.pi)))


def checks(rng: np.random.Generator, height: int, width: int) -> Image:
    """Draw a chequered pattern at any angle, with soft or hard edges."""
    angle = rng.uniform(0, np.pi)
    both = _wave(rng, height, width, angle) * _wave(rng, height, width, angle + np.pi / 2)
    return _hardened(rng, both)


def gradient(rng: np.random.Generator, height: int, width: int) -> Image:
    """Draw a ramp in any direction that ends at -1 and 1."""
    ramp = _distance(rng.uniform(0, 2 * np.pi), height, width)
    return ramp / np.float32(np.abs(ramp).max())


def _enlarged(plane: Image, height: int, width: int) -> Image:
    return np.asarray(cv2.resize(plane, (width, height)), np.float32)


def _distance(angle: float, height: int, width: int) -> Image:
    """Return the distance of each pixel from the centre along a direction, in pixels."""
    x = np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)
    y = np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2)
    return x * np.float32(np.cos(angle)) + y[:, None] * np.float32(np.sin(angle))


def _wave(rng: np.random.Generator, height: int, width: int, angle: float) -> Image:
    cycles = 1 / rng.uniform(4, 24)
    phase = rng.uniform(0, 2 * np.pi)
    along = _distance(angle, height, width)
    return np.asarray(np.sin(along * np.float32(2 * np.pi * cycles) + np.float32(phase)))


def _hardened(rng: np.random.Generator, wave: Image) -> Image:
    return np.clip(wave * np.float32(rng.uniform(0.8, 5)), -1, 1)


def surface(rng: np.random.Generator, height: int, width: int) -> Image:
    """Paint noise and another pattern, each as a shift of colour, over a plain colour.

    The RGB image, (3, height, width), is not clipped to [0, 1].
    """
    painted = np.repeat(colour(rng), height * width).reshape(3, height, width)
    for drawn in (noise(rng, height, width), pattern(rng, height, width)):
        strength = rng.uniform(0.02, 0.12)
        shift = rng.uniform(-strength, strength, (3, 1, 1)).astype(np.float32)
        painted += drawn * shift
    return painted


def background(rng: np.random.Generator, height: int, width: int) -> Image:
    """Paint a surface and, in half of the images, a large shape with another surface on it.

    The shape has edges and an area similar to an article's, so that articles are not the only
    objects in an image. The image is RGB, (3, height, width) in [0, 1].
    """
    painted = surface(rng, height, width)
    for _ in range(rng.integers(2)):
        corners = rng.uniform(-0.3, 1.3, (rng.integers(3, 6), 2)) * (width, height)
        inside = np.zeros((height, width), np.uint8)
        outline = cv2.convexHull(corners.astype(np.int32))
        cv2.fillPoly(inside, [outline], 1)
        np.copyto(painted, surface(rng, height, width), where=inside > 0)
    return np.clip(painted, 0, 1, out=painted)
