"""All of a zip, into a root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from rm_mm.data.prepare.task import Task
from rm_mm.data.prepare.writing import require_space
from rm_mm.data.prepare.zips import members_of, open_zip
from rm_mm.errors import InputError, printable


def unpack(task: Task, root: Path, archives: Mapping[Path, Sequence[str]], strip: str = '') -> None:
    """Write the members of zips below a root, and note each folder that is whole.

    Args:
        task: Counts and notes.
        root: Where the paths of the members begin.
        archives: In order, each with the folders that it has to hold.
        strip: What is left out of the front of the paths.

    Raises:
        InputError: If an archive is damaged or unsafe, or there is no room; then nothing was
            written.
        RejectedError: If another file is in the place of one.
    """
    members: dict[Path, dict[str, int]] = {}
    for path, folders in archives.items():
        with open_zip(path) as archive:
            found = members_of(archive, path)
            members[path] = {name: info.file_size for name, info in found.items()}
        for folder in folders:
            if not any(name.removeprefix(strip).startswith(f'{folder}/') for name in found):
                first = printable(next(iter(found), 'nothing'))
                raise InputError(
                    f'{printable(path)} does not hold {strip}{folder}/ as the official archive '
                    f'does, but {first}: pack it anew, or lay it out by hand'
                )
    needed = sum(
        size
        for sizes in members.values()
        for name, size in sizes.items()
        if not (root / name.removeprefix(strip)).exists()
    )
    require_space(root, needed)
    task.verify({path.name: path for path in archives})
    for path in archives:
        _unpack(task, root, path, strip)
        task.journal.complete(path.name)


def _unpack(task: Task, root: Path, path: Path, strip: str) -> None:
    with open_zip(path) as archive:
        members = {
            PurePosixPath(name.removeprefix(strip)): info
            for name, info in members_of(archive, path).items()
        }
        tops = sorted({name.parts[0] for name in members if len(name.parts) > 1})
        done = {top for top in tops if task.journal.finished(top, root / top)}
        for top in sorted(done):
            task.skip(top, top)
        for name, info in members.items():
            if name.parts[0] not in done:
                split = str(name.parent) if len(name.parts) > 1 else 'other files'
                with archive.open(info) as content:
                    stream = cast(BinaryIO, content)
                    task.write(split, root / name, stream, info.file_size, path)
    for top in tops:
        if top not in done:
            task.journal.finish(top, root / top)
