"""Annotation files in the format of COCO: their structure, and the images that they name."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rm_mm.data.check.inspection import Inspection
from rm_mm.errors import printable

_LISTS = ('images', 'annotations', 'categories')


@dataclass
class Annotations:
    """One annotation file.

    Args:
        where: Its path below the root, for messages.
        images: Entries of its list, all of them objects; so below.
        annotations: What is in the images.
        categories: The classes, in the order of their labels.
    """

    where: str
    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    categories: list[dict[str, Any]]


@dataclass(frozen=True)
class Entry:
    """One image of an annotation file.

    Args:
        name: Path below the folder of images, in its shortest form.
        width: In pixels; None if the file does not say, or not in whole numbers.
        height: In pixels.
    """

    name: str
    width: int | None
    height: int | None


def is_detection(content: Any) -> bool:
    """Whether a parsed JSON file is meant to hold boxes of images."""
    return isinstance(content, dict) and all(key in content for key in _LISTS)


def load_json(inspection: Inspection, where: str) -> Any:
    """Parse a JSON file, and take its content into the fingerprint.

    Returns:
        What is in it; None, and a problem, if it cannot be read.
    """
    inspection.progress(f'reading {where}')
    try:
        content = Path(inspection.root, where).read_bytes()
        parsed = json.loads(content)
    except FileNotFoundError:
        inspection.add('missing files', where, 'is not there')
    except OSError as error:
        inspection.add('unreadable files', where, f'cannot be read: {error.strerror}')
    except (ValueError, RecursionError) as error:
        inspection.add('malformed files', where, f'is no JSON: {printable(error)}')
    else:
        inspection.fingerprint.add_content(where, hashlib.sha256(content).hexdigest())
        if parsed is not None:
            return parsed
        inspection.add('malformed files', where, 'holds nothing but null')
    return None


def structure(inspection: Inspection, where: str, content: Any) -> Annotations | None:
    """The lists of an annotation file; None, and a problem, if it has none."""
    if not isinstance(content, dict):
        text = f'is no annotation file: expected an object, got a {type(content).__name__}'
        inspection.add('malformed files', where, text)
        return None
    lists = []
    for key in _LISTS:
        entries = content.get(key)
        if not isinstance(entries, list):
            text = f'has no list "{key}": expected {", ".join(_LISTS)}'
            inspection.add('malformed files', where, text)
            return None
        for number, entry in enumerate(entries):
            if not isinstance(entry, dict):
                text = f'{key}[{number}] is no object: {printable(entry)}'
                inspection.add('malformed entries', f'{where}:', text)
        lists.append([entry for entry in entries if isinstance(entry, dict)])
    return Annotations(where, *lists)


def usable_id(value: Any) -> bool:
    """Whether pycocotools can look something up by this id."""
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def check_image_entries(inspection: Inspection, data: Annotations) -> dict[Hashable, Entry]:
    """Check the list of images: ids, file names, sizes.

    Returns:
        The sound ones, by id; of those with one id, or one name, the first.
    """
    entries: dict[Hashable, Entry] = {}
    names: dict[str, Hashable] = {}
    where = f'{data.where}:'
    for number, image in enumerate(data.images):
        key, name = image.get('id'), image.get('file_name')
        if not usable_id(key) or not isinstance(name, str) or not name:
            text = f'images[{number}] has no id and file_name: {printable(image)}'
            inspection.add('malformed entries', where, text)
            continue
        name = posixpath.normpath(name)
        if name.startswith(('/', '..')):
            text = f'{printable(name)} is outside the folder of images'
            inspection.add('missing images', where, text)
            continue
        if key in entries:
            text = f'image id {printable(key)} of {printable(name)} is taken by '
            first = printable(entries[key].name)
            inspection.add('duplicate image ids', where, text + first)
            continue
        if name in names:
            text = f'{printable(name)} is listed twice, as image {printable(names[name])} and '
            inspection.add('duplicate file names', where, text + printable(key))
            continue
        names[name] = key
        sizes = [image.get('width'), image.get('height')]
        if not all(type(size) is int and size > 0 for size in sizes):
            text = f'{printable(name)} has no width and height in whole pixels: {printable(sizes)}'
            inspection.add('image sizes', where, text)
            sizes = [None, None]
        entries[key] = Entry(name, *sizes)
    return entries


def check_categories(inspection: Inspection, data: Annotations) -> dict[Hashable, str]:
    """Check the list of categories in itself.

    Returns:
        Name by id, in the order of the file.
    """
    found: dict[Hashable, str] = {}
    for number, category in enumerate(data.categories):
        key, name = category.get('id'), category.get('name')
        text = f'categories[{number}] '
        if not usable_id(key) or not isinstance(name, str):
            text += f'has no id and name: {printable(category)}'
        elif key in found:
            text += f'({printable(name)}) has the id {printable(key)} of {printable(found[key])}'
        elif name in found.values():
            text += f'has the name {printable(name)} of another'
        else:
            found[key] = name
            continue
        inspection.add('categories', f'{data.where}:', text)
    if not data.categories:
        inspection.add('categories', data.where, 'has no categories')
    return found
