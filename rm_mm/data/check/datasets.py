"""The check of each data set, by name."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from rm_mm.data.catalog import PUBLISHED, imagenet_wnids
from rm_mm.data.check.cifar import inspect_cifar
from rm_mm.data.check.class_folders import check_split
from rm_mm.data.check.coco import inspect_coco
from rm_mm.data.check.custom import inspect_custom
from rm_mm.data.check.inspection import CheckRequest, CheckResult, Inspection
from rm_mm.data.check.masks import inspect_ade20k

# Path of the same folders in the archive of later challenges.
_LATER_CHALLENGE = 'ILSVRC/Data/CLS-LOC'


def check_data(
    request: CheckRequest | str,
    root: str | Path = '',
    *,
    deep: bool = False,
    jobs: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> CheckResult:
    """Check that a data set is complete.

    ``check_data(name, root)`` is short for ``check_data(CheckRequest(name, root))``.

    Args:
        request: A request, or the name of a data set. The options of a request take precedence.
        root: See :class:`CheckRequest`, as for the other options.
        deep: Whether to decode every image.
        jobs: Number of processes.
        progress: Called often with a line about the progress.

    Raises:
        InputError: If an option is invalid, or the root cannot be listed.
        RejectedError: If the processes that read images keep dying.
    """
    if isinstance(request, str):
        request = CheckRequest(request, root, deep, jobs)
    inspection = Inspection(request, progress or (lambda line: None))
    _INSPECT[request.name](inspection)
    return inspection.result()


def _inspect_imagenet(inspection: Inspection) -> None:
    """Check ImageNet-1k. Every file is listed; images are opened only by a deep check."""
    inspection.kind = 'class folders'
    inspection.read_subset()
    wnids = imagenet_wnids()
    inspection.classes = len(wnids)
    for split in PUBLISHED['imagenet'].counts:
        layout = f'{split}/<class>/*.JPEG'
        inner = inspection.root / _LATER_CHALLENGE
        if (inner / split).is_dir():
            layout += f'. Is ROOT {shlex.quote(str(inner))}?'
        check_split(
            inspection,
            split,
            wnids,
            'of ImageNet-1k',
            layout=layout,
            suffixes=('.jpeg', '.jpg'),
            open_images=inspection.request.deep,
            class_in_name=split == 'train',
            flat_hint=_sorting_hint(inspection.root) if split == 'val' else '',
        )


def _sorting_hint(root: Path) -> str:
    """How to sort what ``tar xf ILSVRC2012_img_val.tar`` leaves."""
    val, unsorted = (shlex.quote(str(root / name)) for name in ('val', 'val_unsorted'))
    return (
        f', as in the archive. To sort them: mv {val} {unsorted} && rm-mm data prepare imagenet '
        f'{shlex.quote(str(root))} --archives DIR (DIR: the folder of ILSVRC2012_img_val.tar and '
        'ILSVRC2012_devkit_t12.tar.gz)'
    )


_INSPECT: dict[str, Callable[[Inspection], None]] = {
    'imagenet': _inspect_imagenet,
    'cifar10': inspect_cifar,
    'cifar100': inspect_cifar,
    'coco': inspect_coco,
    'ade20k': inspect_ade20k,
    'custom': inspect_custom,
}
