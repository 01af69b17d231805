"""One's own data, in one of three layouts, which is found by its structure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rm_mm.data.check.class_folders import (
    IMAGE_SUFFIXES,
    check_classes,
    compare_classes,
    list_split,
    loose_images,
)
from rm_mm.data.check.custom_coco import annotation_files, inspect_annotations
from rm_mm.data.check.image_masks import check_pairs
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.listing import Contents, list_folder, list_tree

_LAYOUTS = (
    'train/<class>/* with val/<class>/* or test/<class>/*; annotations/*.json in the format of '
    'COCO; images/<split>/* with annotations|labels|masks/<split>/*'
)
_SPLITS = ('train', 'val', 'test')
#: Folders that train holds in layouts without classes.
_NO_CLASSES = {'images', 'labels', 'annotations', 'masks'}
_MASK_FOLDERS = ('annotations', 'labels', 'masks')
_MASK_SUFFIXES = ('.png', '.tif', '.tiff', '.bmp')


def inspect(inspection: Inspection) -> None:
    """Check data of any of the three layouts; a problem if they are of none, or of several."""
    inspection.read_subset()
    root = inspection.root
    kinds: dict[str, Callable[[Inspection], None]] = {}
    train = list_folder(str(root / 'train')).folders if (root / 'train').is_dir() else []
    if set(train) - _NO_CLASSES:
        kinds['class folders'] = _inspect_classes
    if annotation_files(root):
        kinds['COCO annotations'] = inspect_annotations
    if (root / 'images').is_dir() and _mask_folder(root):
        kinds['images and masks'] = _inspect_masks
    if len(kinds) == 1:
        ((inspection.kind, run),) = kinds.items()
        run(inspection)
        return
    found = f'several: {", ".join(kinds)}' if kinds else 'none'
    inspection.problems.add('layout', f'expected one of these layouts, found {found}: {_LAYOUTS}')


def _inspect_classes(inspection: Inspection) -> None:
    there: dict[str, Contents] = {}
    for split in _SPLITS:
        if split != 'train' and not (inspection.root / split).is_dir():
            continue
        contents = list_split(inspection, split, f'{split}/<class>/*')
        if contents is not None:
            there[split] = contents
    if len(there) == 1:
        text = 'is not there, nor is test: expected val/<class>/* or test/<class>/*'
        inspection.add('missing folders', 'val', text)
    classes = sorted({name for contents in there.values() for name in contents.folders})
    inspection.classes = len(classes)
    for split, contents in there.items():
        inspection.add_faults(split, contents)
        inspection.note_hidden(split, contents.hidden)
        if loose := loose_images(contents, IMAGE_SUFFIXES):
            text = f'holds {len(loose):,} images directly, in no class folder'
            inspection.add('images in no class folder', split, text)
        if contents.folders or not loose:
            others = ' and '.join(other for other in there if other != split)
            compare_classes(inspection, split, contents.folders, classes, f'in {others}')
        check_classes(inspection, split, contents)


def _mask_folder(root: Path) -> str | None:
    """The folder whose splits hold masks, and not, say, the boxes of YOLO."""
    for name in _MASK_FOLDERS:
        for split in list_folder(str(root / name)).folders if (root / name).is_dir() else ():
            files = list_tree(str(root / name / split)).files
            if any(file.lower().endswith(_MASK_SUFFIXES) for file in files):
                return name
    return None


def _inspect_masks(inspection: Inspection) -> None:
    root = inspection.root
    masks = _mask_folder(root)
    assert masks is not None
    splits = {name for side in ('images', masks) for name in list_folder(str(root / side)).folders}
    for split in sorted(splits):
        # Each side in one suffix, as mmsegmentation reads it: that of most files.
        check_pairs(
            inspection,
            split,
            (f'images/{split}', f'{masks}/{split}'),
            (
                (_commonest(root / 'images' / split, IMAGE_SUFFIXES),),
                (_commonest(root / masks / split, _MASK_SUFFIXES),),
            ),
        )


def _commonest(folder: Path, suffixes: tuple[str, ...]) -> str:
    found = [Path(name).suffix for name in list_tree(str(folder)).files] if folder.is_dir() else []
    found = [suffix for suffix in found if suffix.lower() in suffixes]
    return max(sorted(set(found)), key=found.count, default=suffixes[0])
