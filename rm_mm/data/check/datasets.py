"""The check of each data set, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rm_mm.data.check.cifar import inspect_cifar
from rm_mm.data.check.class_folders import inspect_custom_classes, inspect_imagenet
from rm_mm.data.check.coco import annotation_files, inspect_coco, inspect_custom_coco
from rm_mm.data.check.inspection import CheckRequest, CheckResult, Inspection
from rm_mm.data.check.masks import inspect_ade20k, inspect_custom_masks, mask_folder
from rm_mm.data.listing import list_folder

_CUSTOM_LAYOUTS = (
    'train/<class>/* with val/<class>/* or test/<class>/*; annotations/*.json in the format of '
    'COCO; images/<split>/* with annotations|labels|masks/<split>/*'
)
#: Folders below train that are not classes.
_NOT_CLASSES = {'images', 'labels', 'annotations', 'masks'}


def check_data(
    request: CheckRequest | str,
    root: str | Path = '',
    *,
    deep: bool = False,
    jobs: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> CheckResult:
    """Check that a data set is complete.

    Args:
        request: A request, or the name of a data set and the other fields of one.
        root: Folder of the data set.
        deep: Whether to decode every image.
        jobs: Number of processes.
        progress: Called often with a line about the progress.

    Raises:
        InputError: If an option is invalid, or the root cannot be listed.
        RejectedError: If the processes that read images keep dying.
    """
    if isinstance(request, str):
        request = CheckRequest(request, root, deep, jobs)
    check = Inspection(request, progress or (lambda line: None))
    _INSPECT[request.name](check)
    return check.result()


def _inspect_custom(check: Inspection) -> None:
    """Check custom data in any of three layouts; none or several of them are a problem."""
    check.read_subset()
    root = check.root
    kinds: dict[str, Callable[[Inspection], None]] = {}
    if {*list_folder(check.root / 'train').folders} - _NOT_CLASSES:
        kinds['class folders'] = inspect_custom_classes
    if annotation_files(root):
        kinds['COCO annotations'] = inspect_custom_coco
    if (root / 'images').is_dir() and mask_folder(root):
        kinds['images and masks'] = inspect_custom_masks
    if len(kinds) == 1:
        ((check.kind, inspect_layout),) = kinds.items()
        inspect_layout(check)
        return
    found = f'several: {", ".join(kinds)}' if kinds else 'none'
    text = f'expected one of these layouts, found {found}: {_CUSTOM_LAYOUTS}'
    check.problems.add('layout', text)


_INSPECT: dict[str, Callable[[Inspection], None]] = {
    'imagenet': inspect_imagenet,
    'cifar10': inspect_cifar,
    'cifar100': inspect_cifar,
    'coco': inspect_coco,
    'ade20k': inspect_ade20k,
    'custom': _inspect_custom,
}
