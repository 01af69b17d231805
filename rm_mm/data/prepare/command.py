"""``rm-mm data prepare``: from archives to the layout, as often as it is called."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rm_mm.data.catalog import SUBSET_STAMP
from rm_mm.data.prepare import ade20k, cifar, coco, imagenet
from rm_mm.data.prepare.folders import copy_classes
from rm_mm.data.prepare.journal import NAME, open_journal, require_laid_out
from rm_mm.data.prepare.task import Task
from rm_mm.data.prepare.writing import remove_leftovers
from rm_mm.data.progress import ProgressLine
from rm_mm.errors import InputError, printable
from rm_mm.files import hold

_WHOLE: dict[str, Callable[[Task], None]] = {
    'imagenet': imagenet.lay_out,
    'cifar10': cifar.lay_out,
    'cifar100': cifar.lay_out,
    'coco': coco.lay_out,
    'ade20k': ade20k.lay_out,
}
_SUBSET: dict[str, Callable[[Task, int], None]] = {
    'imagenet': lambda task, count: imagenet.lay_out(task),
    'cifar10': cifar.lay_out_subset,
    'cifar100': cifar.lay_out_subset,
    'coco': coco.lay_out_subset,
    'ade20k': ade20k.lay_out_subset,
    'custom': lambda task, count: copy_classes(task, ('train', 'val', 'test'), count),
}
_LOCK = '.rm_mm_prepare.lock'
#: What a layout begins with, in any of the data sets.
_LAYOUT = (
    'train', 'val', 'test', 'train2017', 'val2017', 'annotations', 'images',
    'cifar-10-batches-py', 'cifar-100-python',
)  # fmt: skip


def run_prepare(args: argparse.Namespace) -> int:
    """Lay the data set of a command line out, and print what was done.

    Returns:
        0 if all that the archives hold is there.

    Raises:
        InputError: If something is missing, damaged or in the way.
        RejectedError: If another file is in the place of one.
    """
    root, source = args.root, args.archives or args.root
    _require_sensible(args.name, root, source, args.subset)
    inner = ade20k.inner_root(root) if args.name == 'ade20k' else root
    _require_own_root(inner, args.subset, (root / NAME).exists())
    journal = open_journal(root, args.name, args.subset)
    line = ProgressLine()
    task = Task(args.name, root, source, journal, line)
    made = not root.exists()
    hold(root, _LOCK, 'ROOT')
    try:
        new = not journal.path.exists()
        if not new:
            remove_leftovers(root)
        journal.save()
        if args.subset is None:
            _WHOLE[args.name](task)
        else:
            if task.elsewhere:
                require_laid_out(source)
            _SUBSET[args.name](task, args.subset)
        for name in journal.archives:
            journal.complete(name)
    except InputError:
        if new and not task.written:
            _leave_nothing(journal.path, made)
        raise
    finally:
        line.clear()
    for split in sorted({*task.written, *task.present}):
        print(
            f'{printable(split)}: {task.written[split]:,} files laid out, '
            f'{task.present[split]:,} were there'
        )
    print(f'next: rm-mm data check {args.name} {shlex.quote(printable(inner))}')
    return 0


def _leave_nothing(journal: Path, made: bool) -> None:
    """Undo what a call made that came to lay out nothing."""
    journal.unlink(missing_ok=True)
    journal.with_name(_LOCK).unlink(missing_ok=True)
    if made:
        with suppress(OSError):
            journal.parent.rmdir()


def _require_sensible(name: str, root: Path, source: Path, subset: int | None) -> None:
    if not source.is_dir():
        raise InputError(
            f'no folder {printable(source)}: expected the one with the archives of {name}; say '
            '--archives DIR'
        )
    if root.exists() and not root.is_dir():
        raise InputError(f'{printable(root)} is no folder: expected where the layout is to go')
    if name == 'custom' and subset is None:
        raise InputError(
            'custom has no official archives: rm-mm data check custom ROOT checks it as it lies, '
            'and --subset N --archives DIR makes a small version of class folders'
        )
    if name == 'custom' and source.resolve() == root.resolve():
        raise InputError('a small version goes into another folder: say --archives DIR')


def _require_own_root(root: Path, subset: int | None, begun: bool) -> None:
    """Keep whole data sets and small versions apart, save what an earlier call began."""
    stamped = (root / SUBSET_STAMP).exists()
    if subset is None and stamped:
        raise InputError(
            f'{printable(root)} holds a small version ({SUBSET_STAMP}): choose another ROOT for '
            'the whole data set'
        )
    there = [name for name in _LAYOUT if (root / name).exists()]
    if subset is not None and there and not stamped and not begun:
        raise InputError(
            f'{printable(root)} holds {", ".join(there)}: a small version goes into a ROOT of its '
            f'own; say --archives {printable(root)} to take it from there'
        )
