"""The preparation of each data set, by name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rm_mm.data.catalog import SUBSET_STAMP
from rm_mm.data.prepare.imagenet import lay_out_imagenet
from rm_mm.data.prepare.journal import Journal, open_journal, require_laid_out
from rm_mm.data.prepare.preparation import (
    Preparation,
    PrepareRequest,
    PrepareResult,
    layout_root,
)
from rm_mm.data.prepare.subsets import (
    copy_classes,
    make_ade20k_subset,
    make_cifar_subset,
    make_coco_subset,
)
from rm_mm.data.prepare.unpacking import unpack_all, unpack_coco
from rm_mm.data.prepare.writing import remove_leftovers
from rm_mm.errors import InputError, printable
from rm_mm.files import hold

#: What lays out all of a data set, and what makes a subset of it.
_STEPS: dict[str, tuple[Callable[[Preparation], None] | None, Callable[[Preparation], None]]] = {
    'imagenet': (lay_out_imagenet, lay_out_imagenet),
    'cifar10': (unpack_all, make_cifar_subset),
    'cifar100': (unpack_all, make_cifar_subset),
    'coco': (unpack_coco, make_coco_subset),
    'ade20k': (unpack_all, make_ade20k_subset),
    'custom': (None, copy_classes),
}
_LOCK = '.rm_mm_prepare.lock'
#: First folders of all layouts.
_LAYOUT = (
    'train', 'val', 'test', 'train2017', 'val2017', 'annotations', 'images',
    'cifar-10-batches-py', 'cifar-100-python',
)  # fmt: skip


def prepare_data(
    request: PrepareRequest,
    progress: Callable[[str], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> PrepareResult:
    """Lay a data set out, or make a subset of it. The same call resumes an interrupted one.

    Args:
        request: What to lay out.
        progress: Called often with a line about the progress.
        note: Called with each remark as it arises; the result holds all of them.

    Raises:
        InputError: If something is missing or damaged, or the root holds something else.
        RejectedError: If another file is in the place of one.
    """
    root, source, notes = Path(request.root), Path(request.archives or request.root), []
    layout = layout_root(request.name, root)

    def add_note(text: str) -> None:
        notes.append(text)
        if note is not None:
            note(text)

    new, made = not (root / Journal.file_name).exists(), not root.exists()
    _require_own_root(layout, request.subset, begun=not new)
    journal = open_journal(root, request.name, request.subset)
    prep = Preparation(
        request.name,
        layout,
        source,
        request.subset or 0,
        journal,
        progress or (lambda line: None),
        add_note,
    )
    hold(root, _LOCK, 'ROOT')
    lay_out, make_subset = _STEPS[request.name]
    try:
        if not new:
            remove_leftovers(root)
        journal.save()
        if request.subset is None:
            assert lay_out is not None, 'the request has rejected it'
            lay_out(prep)
        else:
            if prep.elsewhere:
                require_laid_out(source)
            make_subset(prep)
        for name in journal.archives:
            journal.complete(name)
    except InputError:
        if new and not prep.written:
            _leave_nothing(root, made)
        raise
    return PrepareResult(request.name, layout, dict(prep.written), dict(prep.present), notes)


def _leave_nothing(root: Path, made: bool) -> None:
    """Remove what a call created that wrote no files."""
    for name in (Journal.file_name, _LOCK):
        (root / name).unlink(missing_ok=True)
    if made:
        with suppress(OSError):
            root.rmdir()


def _require_own_root(root: Path, subset: int | None, begun: bool) -> None:
    """Check that a root does not mix a whole data set with a subset.

    Args:
        root: Root of the layout.
        subset: Number of images per class, of a subset.
        begun: Whether an earlier call has begun the same.

    Raises:
        InputError: If it would.
    """
    stamped = (root / SUBSET_STAMP).exists()
    if subset is None and stamped:
        raise InputError(
            f'{printable(root)} holds a subset ({SUBSET_STAMP}): choose another ROOT for the '
            'whole data set'
        )
    existing = [name for name in _LAYOUT if (root / name).exists()]
    if subset is not None and existing and not stamped and not begun:
        raise InputError(
            f'{printable(root)} holds {", ".join(existing)}: choose another ROOT for a subset, '
            f'and pass --archives {printable(root)} to take it from there'
        )
