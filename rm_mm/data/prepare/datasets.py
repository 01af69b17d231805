"""The preparation of each data set, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from rm_mm.data.catalog import ARCHIVES, SUBSET_STAMP, Archive, layout_folders, layout_root
from rm_mm.data.prepare.archives import open_archive, require_archives
from rm_mm.data.prepare.imagenet import lay_out_imagenet
from rm_mm.data.prepare.journal import Journal, open_journal, require_laid_out
from rm_mm.data.prepare.preparation import Preparation, PrepareRequest, PrepareResult
from rm_mm.data.prepare.subsets import (
    copy_classes,
    make_ade20k_subset,
    make_cifar_subset,
    make_coco_subset,
)
from rm_mm.data.prepare.writing import remove_leftovers, require_space
from rm_mm.errors import InputError, printable
from rm_mm.files import hold

_LOCK = '.rm_mm_prepare.lock'


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
    root, source = Path(request.root), Path(request.archives or request.root)
    layout = layout_root(request.name, root)
    new, made = not (root / Journal.file_name).exists(), not root.exists()
    _require_own_root(layout, request.subset, begun=not new)
    journal = open_journal(root, request.name, request.subset)
    prep = Preparation(
        name=request.name,
        root=layout,
        source=source,
        elsewhere=source.resolve() != root.resolve(),
        subset=request.subset or 0,
        journal=journal,
        progress=progress or (lambda line: None),
        show_note=note or (lambda text: None),
    )
    hold(root, _LOCK, 'ROOT')
    lay_out, make_subset = _STEPS[request.name]
    try:
        if not new:
            remove_leftovers(root)
        journal.save()
        if request.subset is None:
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
    return PrepareResult(request.name, layout, dict(prep.written), dict(prep.present), prep.notes)


def _leave_nothing(root: Path, made: bool) -> None:
    """Remove the journal, the lock and the new root of a call that wrote no files."""
    for name in (Journal.file_name, _LOCK):
        (root / name).unlink(missing_ok=True)
    with suppress(OSError):
        if made:
            root.rmdir()


def _require_own_root(root: Path, subset: int | None, begun: bool) -> None:
    """Check that a whole data set and a subset are not mixed, unless an earlier call has begun."""
    stamped = (root / SUBSET_STAMP).exists()
    if subset is None and stamped:
        raise InputError(
            f'{printable(root)} holds a subset ({SUBSET_STAMP}): choose another ROOT for the '
            'whole data set'
        )
    folders = {'test', *(folder for name in ARCHIVES for folder in layout_folders(name))}
    existing = [name for name in sorted(folders) if (root / name).exists()]
    if subset is not None and existing and not stamped and not begun:
        raise InputError(
            f'{printable(root)} holds {", ".join(existing)}: choose another ROOT for a subset, '
            f'and pass --archives {printable(root)} to take it from there'
        )


def _unpack(prep: Preparation) -> None:
    """Unpack archives into the root, and record each folder that is complete."""
    # Each archive of COCO holds one folder, which may be laid out already.
    coco = prep.name == 'coco'
    archives = prep.needed_archives(Path.is_dir) if coco else ARCHIVES[prep.name]
    found = require_archives(prep.name, prep.source, archives)
    names: dict[str, list[str]] = {}
    needed = 0
    for archive in archives:
        with open_archive(found[archive.name], archive.prefix) as members:
            sizes = {member.name: member.size for member in members}
        _require_folders(archive, found[archive.name], sizes)
        names[archive.name] = list(sizes)
        needed += sum(size for name, size in sizes.items() if not (prep.root / name).exists())
    require_space(prep.root, needed)
    prep.verify(found)
    for archive in archives:
        _unpack_one(prep, archive, found[archive.name], names[archive.name])
        prep.journal.complete(archive.name)


def _require_folders(archive: Archive, path: Path, names: Iterable[str]) -> None:
    folders = tuple(f'{folder}/' for folder in archive.folders)
    stray = next((name for name in names if not name.startswith(folders)), None)
    if archive.exclusive and stray is not None:
        raise InputError(
            f'{printable(path)} is not the official archive: expected all of it in '
            f'{" or ".join(folders)}, found {printable(stray)}'
        )
    for folder in folders:
        if not any(name.startswith(folder) for name in names):
            found = printable(next(iter(names), 'nothing'))
            raise InputError(
                f'{printable(path)} is not the official archive: expected '
                f'{archive.prefix}{folder}, found {found}. Repack it, or lay it out by hand'
            )


def _unpack_one(prep: Preparation, archive: Archive, path: Path, names: Sequence[str]) -> None:
    parts = sorted({name.partition('/')[0] for name in names if '/' in name})
    done = {part for part in parts if prep.has_finished(part)}
    with open_archive(path, archive.prefix) as members:
        for member in members:
            if member.name.partition('/')[0] not in done:
                split = member.name.rpartition('/')[0] or 'other files'
                prep.write(split, prep.root / member.name, member)
    for part in parts:
        if part not in done:
            prep.finish(part)


_Step = Callable[[Preparation], None]
#: Functions that lay out a whole data set and a subset. A request for all custom data is rejected.
_STEPS: dict[str, tuple[_Step, _Step]] = {
    'imagenet': (lay_out_imagenet, lay_out_imagenet),
    'cifar10': (_unpack, make_cifar_subset),
    'cifar100': (_unpack, make_cifar_subset),
    'coco': (_unpack, make_coco_subset),
    'ade20k': (_unpack, make_ade20k_subset),
    'custom': (copy_classes, copy_classes),
}
