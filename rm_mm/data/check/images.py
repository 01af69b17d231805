"""Read the images of a data set, and say which of them are not what they should be."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial

from rm_mm.data.catalog import PUBLISHED_FORMATS
from rm_mm.data.check.decoding import Depth, ImageRead, read_image, wrong_suffix
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.workers import map_in_processes

_BETWEEN_REPORTS = 100


def read_images(
    inspection: Inspection, folder: str, names: Sequence[str], depth: Depth | None = None
) -> Iterator[tuple[str, ImageRead]]:
    """Read images, and add a problem for each that cannot be.

    Args:
        inspection: Takes the problems.
        folder: Its path below the root.
        names: Paths below the folder.
        depth: How deep; by default all of an image with ``--deep``, and its header without.

    Yields:
        The name of each image that could be read, and what is in it, in order.
    """
    if depth is None:
        depth = 'pixels' if inspection.deep else 'header'
    base = os.path.join(inspection.root, folder)
    paths = [os.path.join(base, name) for name in names]
    function = partial(read_image, depth=depth)
    results = map_in_processes(function, paths, inspection.jobs, _killed)
    for done, (name, read) in enumerate(zip(names, results, strict=True), start=1):
        if done % _BETWEEN_REPORTS == 0 or done == len(names):
            inspection.progress(f'{folder}: {done:,} of {len(names):,} images read')
        if read.fault:
            inspection.add('damaged images', f'{folder}/{name}', read.fault)
            continue
        known = PUBLISHED_FORMATS.get(os.path.basename(name)) == read.format
        if not known and (fault := wrong_suffix(name, read)):
            inspection.add('images of another format', f'{folder}/{name}', fault)
        yield name, read


def check_images(
    inspection: Inspection, folder: str, names: Sequence[str], size: tuple[int, int] | None = None
) -> None:
    """Read images only for what is wrong with them, such as another width and height."""
    for name, read in read_images(inspection, folder, names):
        if size is not None and (read.width, read.height) != size:
            text = f'has {read.width} x {read.height} pixels: expected {size[0]} x {size[1]}'
            inspection.add('image sizes', f'{folder}/{name}', text)


def _killed(path: str) -> ImageRead:
    return ImageRead('killed the process that read it')
