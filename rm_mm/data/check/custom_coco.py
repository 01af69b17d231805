"""One's own data in the format of COCO: any annotation files, images anywhere below the root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rm_mm.data.check.coco_boxes import check_annotations
from rm_mm.data.check.coco_images import check_image_files, folder_of_all
from rm_mm.data.check.coco_json import (
    Entry,
    check_categories,
    check_image_entries,
    is_detection,
    load_json,
    structure,
)
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.listing import list_folder, list_tree

_ANNOTATIONS = 'annotations'
#: So many images of a file are looked for to find the folder that they are in.
_TRIED = 50


def annotation_files(root: Path) -> list[str]:
    """The paths below the root of all JSON files where annotations are."""
    names = list_folder(str(root / _ANNOTATIONS)).files if (root / _ANNOTATIONS).is_dir() else ()
    return [f'{_ANNOTATIONS}/{name}' for name in names if name.lower().endswith('.json')]


def inspect_annotations(inspection: Inspection) -> None:
    """Check all annotation files, their images, and that they have the same categories."""
    by_folder: dict[str, dict[str, list[Entry]]] = {}
    first: tuple[str, list[str]] | None = None
    for where in annotation_files(inspection.root):
        content = load_json(inspection, where)
        if content is None:
            continue
        if isinstance(content, dict) and 'images' in content and not is_detection(content):
            inspection.notes.append(f'{where} holds no boxes: not looked at')
            continue
        data = structure(inspection, where, content)
        if data is None:
            continue
        images = check_image_entries(inspection, data)
        categories = check_categories(inspection, data)
        annotated = check_annotations(inspection, data, images, categories)
        if bare := images.keys() - annotated:
            inspection.notes.append(f'{where}: {len(bare):,} images have no annotations')
        names = list(categories.values())
        first = first or (where, names)
        if names != first[1]:
            text = f'has other categories, or in another order, than {first[0]}'
            inspection.add('categories', where, text)
        inspection.classes = len(first[1])
        inspection.add_count(Path(where).stem, len(images))
        entries = list(images.values())
        folder = _image_folder(inspection.root, where, entries)
        if folder is None:
            text = f'lists {len(entries):,} images, none of which is below the root'
            inspection.add('missing images', where, text)
        else:
            by_folder.setdefault(folder, {})[where] = entries
    if first is None and not inspection.problems.total:
        text = 'holds no annotation file with images, annotations and categories'
        inspection.add('missing files', _ANNOTATIONS, text)
    for folder, entries_by_file in by_folder.items():
        contents = list_tree(str(inspection.root / folder))
        if folder_of_all(folder):
            # Everything is below the root; only what is named is known to be of the data.
            named = {entry.name for entries in entries_by_file.values() for entry in entries}
            contents.files = {n: size for n, size in contents.files.items() if n in named}
            contents.hidden = []
        check_image_files(inspection, folder, contents, entries_by_file)


def _image_folder(root: Path, where: str, entries: Sequence[Entry]) -> str | None:
    """The folder below the root in which most images of an annotation file are."""
    tried = entries[:: max(1, len(entries) // _TRIED)]
    best, most = None, 0
    for folder in _candidates(root, where):
        found = sum((root / folder / entry.name).is_file() for entry in tried)
        if found > most:
            best, most = folder, found
    return best


def _candidates(root: Path, where: str) -> list[str]:
    """The folders that images may be in, those called as the annotation file first."""
    outer = [name for name in list_folder(str(root)).folders if name != _ANNOTATIONS]
    inner = [f'{name}/{sub}' for name in outer for sub in list_folder(str(root / name)).folders]
    stem = Path(where).stem

    def rank(folder: str) -> int:
        return 0 if stem.endswith(folder.rpartition('/')[2]) else 1

    return [*sorted([*outer, *inner], key=rank), '.']
