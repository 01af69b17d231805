"""Annotation files in the format of COCO: structure, ids, categories and boxes."""

from __future__ import annotations

import hashlib
import json
import math
import posixpath
from collections.abc import Container, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rm_mm.data.check.inspection import Inspection
from rm_mm.errors import printable

_LISTS = ('images', 'annotations', 'categories')
#: Boxes computed from outlines reach up to a pixel beyond the image.
_ROUNDING_PIXELS = 1.0


@dataclass(frozen=True)
class ImageEntry:
    """An image of an annotation file.

    Its name is a normalised path below the folder of images. Width and height, in pixels, are None
    if either is missing or not a whole number.
    """

    name: str
    width: int | None
    height: int | None


@dataclass
class AnnotationFile:
    """Valid images and categories of one annotation file, by id.

    Categories are in the order of the file, which is that of the labels.
    """

    check: Inspection
    where: str
    images: dict[Hashable, ImageEntry] = field(default_factory=dict)
    categories: dict[Hashable, str] = field(default_factory=dict)

    def add(self, cause: str, text: str) -> None:
        """Add a problem of an entry of the file."""
        self.check.add(cause, f'{self.where}:', text)

    def read_images(self, images: list[dict[str, Any]]) -> None:
        """Check ids, file names and sizes of the images."""
        ids: dict[str, Hashable] = {}
        for number, image in enumerate(images):
            key, name = image.get('id'), image.get('file_name')
            if not _is_id(key) or not isinstance(name, str) or not name:
                text = f'images[{number}] needs id and file_name, has {printable(image)}'
                self.add('malformed entries', text)
                continue
            name = posixpath.normpath(name)
            shown = printable(name)
            if name.startswith(('/', '..')):
                self.add('missing images', f'{shown} is outside the folder of images')
            elif key in self.images:
                first = printable(self.images[key].name)
                text = f'{shown} and {first} both have the image id {printable(key)}'
                self.add('duplicate image ids', text)
            elif name in ids:
                text = f'{shown} is listed twice, as image {printable(ids[name])} and '
                self.add('duplicate file names', text + printable(key))
            else:
                ids[name] = key
                sizes = [image.get('width'), image.get('height')]
                if not all(type(size) is int and size > 0 for size in sizes):
                    text = f'{shown} needs width and height in whole pixels, has '
                    self.add('image sizes', text + printable(sizes))
                    sizes = [None, None]
                self.images[key] = ImageEntry(name, *sizes)

    def read_categories(self, categories: list[dict[str, Any]]) -> None:
        """Check ids and names of the categories."""
        for number, category in enumerate(categories):
            key, name = category.get('id'), category.get('name')
            shown = f'categories[{number}]'
            if not _is_id(key) or not isinstance(name, str):
                self.add('categories', f'{shown} needs id and name, has {printable(category)}')
            elif key in self.categories:
                other = printable(self.categories[key])
                text = f'{shown} ({printable(name)}) has the id {printable(key)} of {other}'
                self.add('categories', text)
            elif name in self.categories.values():
                self.add('categories', f'{shown} has the name {printable(name)} of another')
            else:
                self.categories[key] = name
        if not categories:
            self.check.add('categories', self.where, 'has no categories')

    def check_annotations(
        self,
        annotations: list[dict[str, Any]],
        images: Container[Hashable],
        known_flat: Container[int],
    ) -> None:
        """Check ids and boxes of the annotations.

        ``images`` holds the ids of all images: annotations of invalid ones are not problems.
        """
        keys, annotated, flat = set(), set(), []
        for number, annotation in enumerate(annotations):
            key, image, category = (annotation.get(k) for k in ('id', 'image_id', 'category_id'))
            if not all(_is_id(value) for value in (key, image, category)):
                text = f'annotations[{number}] needs id, image_id and category_id'
                self.add('malformed entries', text)
                continue
            shown = f'annotation {printable(key)}'
            if key in keys:
                self.add('duplicate annotation ids', f'{shown} occurs twice')
            keys.add(key)
            if image not in images:
                text = f'{shown} has image id {printable(image)}, which is not in "images"'
                self.add('unknown image ids', text)
            annotated.add(image)
            if category not in self.categories:
                text = f'{shown} has category id {printable(category)}, which is not in '
                self.add('unknown category ids', f'{text}"categories"')
            entry = self.images.get(image)
            cause, text = _box_fault(annotation.get('bbox'), entry)
            if cause == 'boxes of no area' and key in known_flat:
                flat.append(key)
            elif cause:
                name = f' of {printable(entry.name)}' if entry else ''
                self.add(cause, f'{shown}{name} has {text}')
        notes = self.check.notes
        if flat:
            listed = ', '.join(map(str, flat))
            notes.append(
                f'{self.where}: {len(flat)} boxes have no area, as published (annotations '
                f'{listed}); mmdetection skips them'
            )
        if bare := self.images.keys() - annotated:
            notes.append(f'{self.where}: {len(bare):,} images have no annotations')


def load_json(check: Inspection, where: str) -> Any:
    """Parse a JSON file, and add it to the fingerprint; None, after a problem, if unreadable."""
    check.progress(f'reading {where}')
    try:
        content = Path(check.root, where).read_bytes()
        parsed = json.loads(content)
    except FileNotFoundError:
        check.add('missing files', where, 'is missing')
    except OSError as error:
        check.add('unreadable files', where, f'cannot be read: {error.strerror}')
    except (ValueError, RecursionError) as error:
        check.add('malformed files', where, f'is not JSON: {printable(error)}')
    else:
        check.fingerprint.add_content(where, hashlib.sha256(content).hexdigest())
        if parsed is not None:
            return parsed
        check.add('malformed files', where, 'holds only null')
    return None


def has_boxes(content: Any) -> bool:
    """Whether the content of a JSON file has the lists of a detection data set."""
    return isinstance(content, dict) and all(key in content for key in _LISTS)


def check_annotation_file(
    check: Inspection, where: str, content: Any, known_flat: Container[int] = ()
) -> AnnotationFile | None:
    """Check what :func:`load_json` has read; None if it is not an annotation file.

    ``known_flat`` holds the ids of annotations whose published box has no area.
    """
    if not isinstance(content, dict):
        if content is not None:
            text = f'is not an annotation file: expected an object, got a {type(content).__name__}'
            check.add('malformed files', where, text)
        return None
    file = AnnotationFile(check, where)
    lists = []
    for key in _LISTS:
        entries = content.get(key)
        if not isinstance(entries, list):
            text = f'has no list "{key}": expected {", ".join(_LISTS)}'
            check.add('malformed files', where, text)
            return None
        for number, entry in enumerate(entries):
            if not isinstance(entry, dict):
                text = f'{key}[{number}] is not an object: {printable(entry)}'
                file.add('malformed entries', text)
        lists.append([entry for entry in entries if isinstance(entry, dict)])
    images, annotations, categories = lists
    file.read_images(images)
    file.read_categories(categories)
    ids = {image['id'] for image in images if _is_id(image.get('id'))}
    file.check_annotations(annotations, ids, known_flat)
    return file


def _is_id(value: Any) -> bool:
    """Whether pycocotools can look something up by this id."""
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def _box_fault(box: Any, entry: ImageEntry | None) -> tuple[str, str]:
    """Cause and description of what is wrong with a box; empty if nothing is."""
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
        return 'boxes of no area', f'a box without area: {printable(box)}'
    if entry is not None and entry.width is not None and entry.height is not None:
        beyond = max(-x, -y, x + width - entry.width, y + height - entry.height)
        if beyond > _ROUNDING_PIXELS:
            text = f'a box outside the image of {entry.width} x {entry.height}: {printable(box)}'
            return 'boxes outside the image', text
    return '', ''


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
