"""Check a data set of any name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rm_mm.data.check import ade20k, cifar, coco, custom, imagenet
from rm_mm.data.check.inspection import CheckResult, Inspection
from rm_mm.data.check.workers import default_jobs
from rm_mm.errors import InputError, printable

_INSPECT: dict[str, Callable[[Inspection], None]] = {
    'imagenet': imagenet.inspect,
    'cifar10': cifar.inspect,
    'cifar100': cifar.inspect,
    'coco': coco.inspect,
    'ade20k': ade20k.inspect,
    'custom': custom.inspect,
}


def check_data(
    name: str,
    root: Path,
    *,
    deep: bool = False,
    jobs: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> CheckResult:
    """Check that a data set is whole.

    Args:
        name: One of :data:`rm_mm.names.DATASETS`.
        root: Its folder.
        deep: Whether to decode every image, instead of reading headers where that is cheap.
        jobs: Processes; by default one a core.
        progress: Called often with a line that says how far the check is.

    Returns:
        Counts, classes, problems, and the fingerprint if there are none.

    Raises:
        InputError: If the root is not there, or cannot be looked into.
        RejectedError: If processes that read images keep dying.
    """
    root = root.expanduser()
    try:
        next(root.iterdir(), None)
    except OSError as error:
        raise InputError(
            f'{printable(root)} cannot be checked: expected the folder of the data set, got '
            f'{error.strerror}'
        ) from error
    inspection = Inspection(
        name=name,
        root=root,
        deep=deep,
        jobs=jobs or default_jobs(),
        progress=progress or (lambda line: None),
    )
    _INSPECT[name](inspection)
    return inspection.result()
