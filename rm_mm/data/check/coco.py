"""COCO 2017, and custom data in its format: annotation files and their images."""

from __future__ import annotations

import hashlib
import json
import math
import posixpath
from collections.abc import Container, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from rm_mm.data.catalog import COCO_CATEGORIES, COCO_FLAT_BOXES, IMAGE_SUFFIXES, PUBLISHED
from rm_mm.data.check.images import read_images
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.listing import Contents, list_folder, list_tree
from rm_mm.errors import printable

_ANNOTATIONS = 'annotations'
_LISTS = ('images', 'annotations', 'categories')
#: Images of a file that are looked up to find their folder.
_TRIED = 50
#: Boxes computed from outlines reach up to a pixel beyond the image.
_ROUNDING_PIXELS = 1.0


def inspect_coco(check: Inspection) -> None:
    """Check COCO 2017. Annotations are always checked completely."""
    check.kind = 'COCO annotations'
    check.read_subset()
    check.classes = len(COCO_CATEGORIES)
    for split in PUBLISHED['coco'].counts:
        where = f'{_ANNOTATIONS}/instances_{split}.json'
        flat = COCO_FLAT_BOXES if split == 'train2017' else ()
        file = _check_file(check, where, _load_json(check, where), flat)
        if file is not None:
            _compare_categories(file)
        if check.has_folder(split, f'{split}/*.jpg') and file is not None:
            contents = list_tree(check.root / split)
            entries = {where: [*file.images.values()]}
            check.add_count(split, _check_images(check, split, contents, entries))


def annotation_files(root: Path) -> list[str]:
    """Paths below the root of all JSON files in ``annotations``."""
    names = list_folder(root / _ANNOTATIONS).files
    return [f'{_ANNOTATIONS}/{name}' for name in names if name.lower().endswith('.json')]


def inspect_custom_coco(check: Inspection) -> None:
    """Check all annotation files and their images, and that the categories are the same."""
    by_folder: dict[str, dict[str, list[_Entry]]] = {}
    first: _AnnotationFile | None = None
    for where in annotation_files(check.root):
        content = _load_json(check, where)
        if isinstance(content, dict) and 'images' in content and not content.keys() >= {*_LISTS}:
            check.notes.append(f'{printable(where)} has no boxes: not checked')
            continue
        file = _check_file(check, where, content)
        if file is None:
            continue
        first = first or file
        if list(file.categories.values()) != list(first.categories.values()):
            text = f'has other categories, or another order of them, than {printable(first.where)}'
            check.add('categories', where, text)
        check.classes = len(first.categories)
        entries = [*file.images.values()]
        check.add_count(Path(where).stem, len(entries))
        folder = _image_folder(check.root, where, entries)
        if folder is None:
            text = f'lists {len(entries):,} images, none of which is below the root'
            check.add('missing images', where, text)
        else:
            by_folder.setdefault(folder, {})[where] = entries
    if first is None and not check.problems.total:
        text = 'holds no annotation file with images, annotations and categories'
        check.add('missing files', _ANNOTATIONS, text)
    for folder, files in by_folder.items():
        contents = list_tree(check.root / folder)
        if folder == '.':
            # The root also holds files that are not data: only listed images are checked.
            listed = {'', *(entry.name for entries in files.values() for entry in entries)}
            contents.files = {n: size for n, size in contents.files.items() if n in listed}
            contents.faults = [fault for fault in contents.faults if fault.name in listed]
            contents.hidden = []
        _check_images(check, folder, contents, files)


def _image_folder(root: Path, where: str, entries: Sequence[_Entry]) -> str | None:
    """Folder below the root that holds most images; preferably one that the file is named after."""
    tried = entries[:: max(1, len(entries) // _TRIED)]
    outer = [name for name in list_folder(root).folders if name != _ANNOTATIONS]
    inner = [f'{name}/{sub}' for name in outer for sub in list_folder(root / name).folders]
    stem = Path(where).stem
    named = sorted([*outer, *inner], key=lambda name: not stem.endswith(name.rpartition('/')[2]))
    best, most = None, 0
    for folder in [*named, '.']:
        found = sum((root / folder / entry.name).is_file() for entry in tried)
        if found > most:
            best, most = folder, found
    return best


def _check_images(
    check: Inspection, folder: str, contents: Contents, files: Mapping[str, Sequence[_Entry]]
) -> int:
    """Compare images with the entries, by annotation file; the result is the number of images."""
    sizes = contents.files
    images = {name: sizes[name] for name in sizes if name.lower().endswith(IMAGE_SUFFIXES)}
    listed: dict[str, list[tuple[str, _Entry]]] = {}
    for where, entries in zip(map(printable, files), files.values(), strict=True):
        for entry in entries:
            listed.setdefault(entry.name, []).append((where, entry))
            if entry.name not in sizes:
                text = f'is missing, but listed in {where}'
                check.add('missing images', f'{folder}/{entry.name}', text)
    for name in (name for name in images if name not in listed):
        text = f'has no entry in {" and ".join(map(printable, files))}'
        check.add('images without an entry', f'{folder}/{name}', text)
    for name in (name for name in sizes if name not in images and name not in listed):
        check.add('extra files', f'{folder}/{name}', 'is not an image')
    check.add_faults(folder, contents)
    check.note_hidden(folder, contents.hidden)
    check.fingerprint.add_images(folder, images)
    sound = [name for name in contents.sound() if name in images or name in listed]
    for name, read in read_images(check, folder, sound):
        for where, entry in listed.get(name, ()):
            if entry.size is not None and entry.size != (read.width, read.height):
                width, height = entry.size
                text = f'has {read.width} x {read.height} pixels, but {width} x {height} in {where}'
                check.add('image sizes', f'{folder}/{name}', text)
    return len(images)


class _Entry(NamedTuple):
    """An image of an annotation file: its normalised path below the folder of images, and its size.

    The size, (width, height) in pixels, is None if the file does not give it in whole numbers.
    """

    name: str
    size: tuple[int, int] | None


@dataclass
class _AnnotationFile:
    """Valid images and categories of one annotation file, by id, in the order of the file."""

    check: Inspection
    where: str
    images: dict[Hashable, _Entry] = field(default_factory=dict)
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
            shown, shown_id = printable(name), printable(key)
            if name.startswith(('/', '..')):
                self.add('missing images', f'{shown} is outside the folder of images')
            elif key in self.images:
                text = f'{shown} and {printable(self.images[key].name)} both have the image id '
                self.add('duplicate image ids', text + shown_id)
            elif name in ids:
                text = f'{shown} is listed twice, as image {printable(ids[name])} and {shown_id}'
                self.add('duplicate file names', text)
            else:
                ids[name] = key
                size: Any = (image.get('width'), image.get('height'))
                if not all(type(side) is int and side > 0 for side in size):
                    text = f'{shown} needs width and height in whole pixels, has '
                    self.add('image sizes', text + printable([*size]))
                    size = None
                self.images[key] = _Entry(name, size)

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
            annotated.add(image)
            if image not in images:
                text = f'{shown} has image id {printable(image)}, which is not in "images"'
                self.add('unknown image ids', text)
            if category not in self.categories:
                text = (
                    f'{shown} has category id {printable(category)}, which is not in "categories"'
                )
                self.add('unknown category ids', text)
            entry = self.images.get(image)
            cause, text = _box_fault(annotation.get('bbox'), entry.size if entry else None)
            if cause == 'boxes of no area' and key in known_flat:
                flat.append(key)
            elif cause:
                name = f' of {printable(entry.name)}' if entry else ''
                self.add(cause, f'{shown}{name} has {text}')
        notes, where = self.check.notes, printable(self.where)
        if flat:
            listed = ', '.join(map(str, flat))
            notes.append(
                f'{where}: {len(flat)} boxes have no area, as published (annotations '
                f'{listed}); mmdetection skips them'
            )
        if bare := self.images.keys() - annotated:
            notes.append(f'{where}: {len(bare):,} images have no annotations')


def _load_json(check: Inspection, where: str) -> Any:
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


def _check_file(
    check: Inspection, where: str, content: Any, known_flat: Container[int] = ()
) -> _AnnotationFile | None:
    """Check what :func:`_load_json` has read; None if it is not an annotation file.

    ``known_flat`` holds the ids of annotations whose published box has no area.
    """
    if not isinstance(content, dict):
        if content is not None:
            text = f'is not an annotation file: expected an object, got a {type(content).__name__}'
            check.add('malformed files', where, text)
        return None
    file = _AnnotationFile(check, where)
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


def _box_fault(box: Any, size: tuple[int, int] | None) -> tuple[str, str]:
    """Cause and description of what is wrong with a box in an image; empty if nothing is."""
    numeric = isinstance(box, list) and all(type(part) in (int, float) for part in box)
    if not numeric or len(box) != 4:
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
    if size is not None:
        beyond = max(-x, -y, x + width - size[0], y + height - size[1])
        if beyond > _ROUNDING_PIXELS:
            text = f'a box outside the image of {size[0]} x {size[1]}: {printable(box)}'
            return 'boxes outside the image', text
    return '', ''


def _compare_categories(file: _AnnotationFile) -> None:
    """Compare ids, names and order of the categories, which define the labels."""
    found, expected = file.categories, COCO_CATEGORIES
    for key, name in expected.items():
        if key not in found:
            file.add('categories', f'category {key} ({name}) is missing')
        elif found[key] != name:
            text = f'category {key} is called {printable(found[key])}: expected {name}'
            file.add('categories', text)
    for key in (key for key in found if key not in expected):
        text = f'category {printable(key)} ({printable(found[key])}) is not a category of COCO'
        file.add('categories', text)
    position: dict[Hashable, int] = {key: number for number, key in enumerate(expected)}
    for previous, key in pairwise(key for key in found if key in expected):
        if position[previous] > position[key]:
            text = (
                f'category {printable(key)} comes after {printable(previous)}: expected them in '
                'the order of their ids, which is that of the labels'
            )
            file.add('order of categories', text)
            break
