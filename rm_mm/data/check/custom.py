"""Custom data in one of three layouts, detected from the folders."""

from __future__ import annotations

from collections.abc import Callable

from rm_mm.data.check.class_folders import check_split
from rm_mm.data.check.coco import annotation_files, inspect_custom_coco
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.listing import list_folder
from rm_mm.data.check.masks import inspect_custom_masks, mask_folder

_LAYOUTS = (
    'train/<class>/* with val/<class>/* or test/<class>/*; annotations/*.json in the format of '
    'COCO; images/<split>/* with annotations|labels|masks/<split>/*'
)
#: Folders below train that are not classes.
_NOT_CLASSES = {'images', 'labels', 'annotations', 'masks'}


def inspect_custom(inspection: Inspection) -> None:
    """Check data in any of the three layouts; none or several layouts are a problem."""
    inspection.read_subset()
    root = inspection.root
    kinds: dict[str, Callable[[Inspection], None]] = {}
    if (root / 'train').is_dir() and {*list_folder(str(root / 'train')).folders} - _NOT_CLASSES:
        kinds['class folders'] = _inspect_class_folders
    if annotation_files(root):
        kinds['COCO annotations'] = inspect_custom_coco
    if (root / 'images').is_dir() and mask_folder(root):
        kinds['images and masks'] = inspect_custom_masks
    if len(kinds) == 1:
        ((inspection.kind, inspect_layout),) = kinds.items()
        inspect_layout(inspection)
        return
    found = f'several: {", ".join(kinds)}' if kinds else 'none'
    inspection.problems.add('layout', f'expected one of these layouts, found {found}: {_LAYOUTS}')


def _inspect_class_folders(inspection: Inspection) -> None:
    classes = {
        split: list_folder(inspection.path(split)).folders
        for split in ('train', 'val', 'test')
        if (inspection.root / split).is_dir()
    }
    if len(classes) == 1:
        text = 'is missing, and so is test: expected val/<class>/* or test/<class>/*'
        inspection.add('missing folders', 'val', text)
    union = sorted({name for names in classes.values() for name in names})
    inspection.classes = len(union)
    for split in classes:
        others = ' and '.join(other for other in classes if other != split)
        check_split(inspection, split, union, f'in {others}', layout=f'{split}/<class>/*')
