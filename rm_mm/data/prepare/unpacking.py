"""Unpack archives whose members are the layout: COCO, ADE20K and CIFAR."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rm_mm.data.catalog import ARCHIVES, Archive
from rm_mm.data.prepare.archives import open_archive, require_archives
from rm_mm.data.prepare.preparation import Preparation
from rm_mm.data.prepare.writing import require_space
from rm_mm.errors import InputError, printable


def unpack_coco(prep: Preparation) -> None:
    """Unpack the archives of COCO, except those of folders that are laid out."""
    _unpack(prep, prep.needed_archives(Path.is_dir))


def unpack_all(prep: Preparation) -> None:
    """Unpack all archives of a data set."""
    _unpack(prep, ARCHIVES[prep.name])


def _unpack(prep: Preparation, archives: Sequence[Archive]) -> None:
    """Unpack archives into the root, and record each folder that is complete.

    Raises:
        InputError: If an archive is missing, damaged or unsafe, or there is not enough space.
        RejectedError: If another file is in the place of one.
    """
    found = require_archives(archives, prep.source)
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
    done = {part for part in parts if prep.journal.finished(part, prep.root / part)}
    for part in sorted(done):
        prep.skip(part, part)
    with open_archive(path, archive.prefix) as members:
        for member in members:
            if member.name.partition('/')[0] not in done:
                split = member.name.rpartition('/')[0] or 'other files'
                prep.write(split, prep.root / member.name, member)
    for part in parts:
        if part not in done:
            prep.journal.finish(part, prep.root / part)
