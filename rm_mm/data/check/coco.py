"""COCO 2017, and custom data in its format: annotation files and their images."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from rm_mm.data.catalog import COCO_CATEGORIES, COCO_FLAT_BOXES, IMAGE_SUFFIXES, PUBLISHED
from rm_mm.data.check.coco_annotations import (
    AnnotationFile,
    ImageEntry,
    check_annotation_file,
    has_boxes,
    load_json,
)
from rm_mm.data.check.images import read_images
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.listing import Contents, list_folder, list_tree
from rm_mm.errors import printable

_ANNOTATIONS = 'annotations'
#: Images of a file that are looked up to find their folder.
_TRIED = 50


def inspect_coco(check: Inspection) -> None:
    """Check COCO 2017. Annotations are always checked completely."""
    check.kind = 'COCO annotations'
    check.read_subset()
    check.classes = len(COCO_CATEGORIES)
    for split in PUBLISHED['coco'].counts:
        where = f'{_ANNOTATIONS}/instances_{split}.json'
        flat = COCO_FLAT_BOXES if split == 'train2017' else ()
        file = check_annotation_file(check, where, load_json(check, where), flat)
        if file is not None:
            _compare_categories(file)
        if check.has_folder(split, f'{split}/*.jpg') and file is not None:
            contents = list_tree(check.path(split))
            entries = {where: list(file.images.values())}
            found = _check_images(check, split, contents, entries)
            check.add_count(split, found)


def _compare_categories(file: AnnotationFile) -> None:
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


def annotation_files(root: Path) -> list[str]:
    """Paths below the root of all JSON files in ``annotations``."""
    names = list_folder(str(root / _ANNOTATIONS)).files
    return [f'{_ANNOTATIONS}/{name}' for name in names if name.lower().endswith('.json')]


def inspect_custom_coco(check: Inspection) -> None:
    """Check all annotation files and their images, and that the categories are the same."""
    by_folder: dict[str, dict[str, list[ImageEntry]]] = {}
    first: AnnotationFile | None = None
    for where in annotation_files(check.root):
        content = load_json(check, where)
        if isinstance(content, dict) and 'images' in content and not has_boxes(content):
            check.notes.append(f'{where} has no boxes: not checked')
            continue
        file = check_annotation_file(check, where, content)
        if file is None:
            continue
        first = first or file
        if list(file.categories.values()) != list(first.categories.values()):
            text = f'has other categories, or another order of them, than {first.where}'
            check.add('categories', where, text)
        check.classes = len(first.categories)
        check.add_count(Path(where).stem, len(file.images))
        entries = list(file.images.values())
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
        contents = list_tree(check.path(folder))
        if folder == '.':
            # The root also holds files that are not data: only listed images are checked.
            listed = {entry.name for entries in files.values() for entry in entries}
            contents.files = {n: size for n, size in contents.files.items() if n in listed}
            contents.faults = [fault for fault in contents.faults if fault.name in {*listed, ''}]
            contents.hidden = []
        _check_images(check, folder, contents, files)


def _image_folder(root: Path, where: str, entries: Sequence[ImageEntry]) -> str | None:
    """Folder below the root that holds most images of an annotation file.

    Of several, the one whose name the annotation file ends with is preferred.
    """
    tried = entries[:: max(1, len(entries) // _TRIED)]
    outer = [name for name in list_folder(str(root)).folders if name != _ANNOTATIONS]
    inner = [f'{name}/{sub}' for name in outer for sub in list_folder(str(root / name)).folders]
    stem = Path(where).stem
    named = sorted([*outer, *inner], key=lambda name: not stem.endswith(name.rpartition('/')[2]))
    best, most = None, 0
    for folder in [*named, '.']:
        found = sum((root / folder / entry.name).is_file() for entry in tried)
        if found > most:
            best, most = folder, found
    return best


def _check_images(
    check: Inspection,
    folder: str,
    contents: Contents,
    files: Mapping[str, Sequence[ImageEntry]],
) -> int:
    """Check that every entry has an image, every image an entry, and that their sizes agree.

    ``files`` holds the entries by annotation file. The result is the number of images.
    """
    images = {
        name: size for name, size in contents.files.items() if name.lower().endswith(IMAGE_SUFFIXES)
    }
    listed: dict[str, list[tuple[str, ImageEntry]]] = {}
    for where, entries in files.items():
        for entry in entries:
            listed.setdefault(entry.name, []).append((where, entry))
            if entry.name not in contents.files:
                text = f'is missing, but listed in {where}'
                check.add('missing images', f'{folder}/{entry.name}', text)
    for name in (name for name in images if name not in listed):
        text = f'has no entry in {" and ".join(files)}'
        check.add('images without an entry', f'{folder}/{name}', text)
    for name in (name for name in contents.files if name not in images and name not in listed):
        check.add('extra files', f'{folder}/{name}', 'is not an image')
    check.add_listing(folder, contents)
    check.fingerprint.add_images(folder, images)
    sound = [name for name in contents.sound() if name in images or name in listed]
    for name, read in read_images(check, folder, sound):
        for where, entry in listed.get(name, ()):
            if entry.width is not None and (entry.width, entry.height) != (read.width, read.height):
                text = (
                    f'has {read.width} x {read.height} pixels, but {entry.width} x '
                    f'{entry.height} in {where}'
                )
                check.add('image sizes', f'{folder}/{name}', text)
    return len(images)
