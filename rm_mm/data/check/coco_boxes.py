"""The annotations of a file in the format of COCO: of what image and category, and which box."""

from __future__ import annotations

import math
from collections.abc import Container, Hashable, Mapping
from typing import Any

from rm_mm.data.check.coco_json import Annotations, Entry, usable_id
from rm_mm.data.check.inspection import Inspection
from rm_mm.errors import printable

#: Boxes are computed from outlines, and end up to a pixel beyond the last one.
_ROUNDING_PIXELS = 1.0


def check_annotations(
    inspection: Inspection,
    data: Annotations,
    images: Mapping[Hashable, Entry],
    categories: Container[Hashable],
    *,
    known_flat: Container[int] = (),
) -> set[Hashable]:
    """Check every annotation of a file.

    Args:
        inspection: Takes the problems.
        data: The file.
        images: Its sound images, by id.
        categories: The ids of its categories.
        known_flat: Annotations whose box may have no area: so they were published.

    Returns:
        The ids of the images that have annotations.
    """
    where, seen, annotated, flat = f'{data.where}:', set(), set(), []
    # An image that was found wrong has its own problem; its annotations need none.
    listed = {i['id'] for i in data.images if usable_id(i.get('id'))}
    for number, annotation in enumerate(data.annotations):
        key, image, category = (annotation.get(k) for k in ('id', 'image_id', 'category_id'))
        if not all(usable_id(value) for value in (key, image, category)):
            text = f'annotations[{number}] has no id, image_id and category_id'
            inspection.add('malformed entries', where, text)
            continue
        what = f'annotation {printable(key)}'
        if key in seen:
            inspection.add('duplicate annotation ids', where, f'{what} is there twice')
        seen.add(key)
        if image not in listed:
            text = f'{what} is of image id {printable(image)}, which is not in "images"'
            inspection.add('unknown image ids', where, text)
        annotated.add(image)
        if category not in categories:
            text = f'{what} is of category id {printable(category)}, which is not in "categories"'
            inspection.add('unknown category ids', where, text)
        entry = images.get(image)
        fault = _box_fault(annotation.get('bbox'), entry)
        if fault is None:
            continue
        cause, text = fault
        if cause == 'boxes of no area' and key in known_flat:
            flat.append(key)
            continue
        name = f' of {printable(entry.name)}' if entry else ''
        inspection.add(cause, where, f'{what}{name} has {text}')
    if flat:
        inspection.notes.append(
            f'{data.where}: {len(flat)} boxes have no area, as they were published (annotations '
            f'{", ".join(map(str, flat))}); mmdetection leaves them out'
        )
    return annotated


def _box_fault(box: Any, entry: Entry | None) -> tuple[str, str] | None:
    """What is wrong with a box: the cause, and what to say; None if nothing is."""
    if not isinstance(box, list) or len(box) != 4 or not all(_is_number(part) for part in box):
        text = f'no box of four numbers [x, y, width, height]: {printable(box)}'
        return 'malformed boxes', text
    try:
        x, y, width, height = map(float, box)
    except OverflowError:
        x = y = width = height = math.inf
    if not all(map(math.isfinite, (x, y, width, height))):
        return 'boxes that are not finite', f'a box that is not finite: {printable(box)}'
    if width <= 0 or height <= 0:
        return 'boxes of no area', f'a box of no area: {printable(box)}'
    if entry is None or entry.width is None or entry.height is None:
        return None
    beyond = max(-x, -y, x + width - entry.width, y + height - entry.height)
    if beyond > _ROUNDING_PIXELS:
        text = f'a box outside the image of {entry.width} x {entry.height}: {printable(box)}'
        return 'boxes outside the image', text
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
