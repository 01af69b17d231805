"""COCO 2017: ``train2017``, ``val2017`` and their annotations of instances."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import pairwise
from pathlib import Path

from rm_mm.data.catalog import COCO_CATEGORIES, COCO_FLAT_BOXES, PUBLISHED
from rm_mm.data.check.coco_boxes import check_annotations
from rm_mm.data.check.coco_images import check_image_files
from rm_mm.data.check.coco_json import (
    Entry,
    check_categories,
    check_image_entries,
    load_json,
    structure,
)
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.listing import list_tree
from rm_mm.errors import printable


def inspect(inspection: Inspection) -> None:
    """Check COCO 2017: annotations wholly, of every image the header at least."""
    inspection.kind = 'COCO annotations'
    inspection.read_subset()
    inspection.classes = len(COCO_CATEGORIES)
    for split in PUBLISHED['coco'].counts:
        where = f'annotations/instances_{split}.json'
        flat = COCO_FLAT_BOXES if split == 'train2017' else frozenset[int]()
        entries = _check_file(inspection, where, flat)
        if not Path(inspection.root, split).is_dir():
            inspection.add('missing folders', split, f'is not there: expected {split}/*.jpg')
        elif entries is not None:
            contents = list_tree(str(inspection.root / split))
            found = check_image_files(inspection, split, contents, {where: entries})
            inspection.add_count(split, found)


def _check_file(
    inspection: Inspection, where: str, known_flat: frozenset[int]
) -> list[Entry] | None:
    content = load_json(inspection, where)
    data = None if content is None else structure(inspection, where, content)
    if data is None:
        return None
    images = check_image_entries(inspection, data)
    categories = check_categories(inspection, data)
    _compare_categories(inspection, where, categories)
    annotated = check_annotations(inspection, data, images, categories, known_flat=known_flat)
    if bare := images.keys() - annotated:
        inspection.notes.append(f'{where}: {len(bare):,} images have no annotations')
    return list(images.values())


def _compare_categories(inspection: Inspection, where: str, found: dict[Hashable, str]) -> None:
    """Labels are positions in the file: another id, name or order is another label."""
    wanted = COCO_CATEGORIES
    for key, name in wanted.items():
        if key not in found:
            text = f'category {key} ({name}) is missing'
        elif found[key] != name:
            text = f'category {key} is called {printable(found[key])}: expected {name}'
        else:
            continue
        inspection.add('categories', f'{where}:', text)
    for other in [key for key in found if key not in wanted]:
        text = f'category {printable(other)} ({printable(found[other])}) is none of COCO'
        inspection.add('categories', f'{where}:', text)
    order = [key for key in found if key in wanted]
    position = {key: number for number, key in enumerate(wanted)}
    for previous, key in pairwise(order):
        if position[previous] > position[key]:
            text = (
                f'category {printable(key)} comes after {printable(previous)}: expected the order '
                'of their ids, which is that of the labels'
            )
            inspection.add('order of categories', f'{where}:', text)
            break
