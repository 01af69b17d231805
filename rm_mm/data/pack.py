"""Pack a data set into one LMDB file, for file systems that are slow with many files."""

from __future__ import annotations

import glob
import os
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rm_mm.data.catalog import layout_folders, layout_root, require_known
from rm_mm.data.listing import list_folder, list_tree
from rm_mm.data.prepare.writing import require_space
from rm_mm.data.sources import PACK_SUFFIX
from rm_mm.errors import InputError, RejectedError, checked_fields, printable
from rm_mm.files import hold, replacing

_PAGE_BYTES = 4096
#: LMDB keeps uncommitted data in memory.
COMMIT_BYTES = 64 << 20
#: Longest key that LMDB supports.
_LONGEST_NAME_BYTES = 511


@checked_fields
@dataclass(frozen=True)
class PackRequest:
    """A data set to pack: its name and folder, and the file to write, which ends in ``.lmdb``.

    Raises:
        InputError: If the data set cannot be packed, or ``out`` cannot be the name of a pack.
    """

    name: str
    root: str | Path
    out: str | Path

    def __post_init__(self) -> None:
        for name in ('root', 'out'):
            object.__setattr__(self, name, Path(getattr(self, name)))
        target = Path(self.out)
        require_known(self.name)
        if self.name.startswith('cifar'):
            raise InputError(f'{self.name} consists of few files: packing it gains nothing')
        out = printable(self.out)
        if target.suffix != PACK_SUFFIX or str(target).startswith('lmdb:'):
            raise InputError(f'--out {out}: expected a path, NAME{PACK_SUFFIX}')
        if any(parent.suffix == PACK_SUFFIX for parent in target.parents):
            raise InputError(f'--out {out}: expected {PACK_SUFFIX} only at the end')


@dataclass(frozen=True)
class PackSummary:
    """What was packed: the number of files, and their total size in bytes."""

    files: int
    content_bytes: int


def pack_dataset(request: PackRequest, progress: Callable[[str], None]) -> PackSummary:
    """Write all files below the root into one; ``progress`` takes a line before each commit.

    Raises:
        InputError: If there is nothing to pack, too little space, or no lmdb.
        RejectedError: If the file exists.
    """
    try:
        import lmdb
    except ImportError as error:
        raise InputError('packing needs lmdb: pip install lmdb') from error
    out, root = Path(request.out), Path(request.root)
    _require_free(out)
    root = layout_root(request.name, root)
    sizes = _list_files(request.name, root)
    # At most so many for the content of each file and its share of the tree.
    pages = sum(-(-(size + len(name) + 64) // _PAGE_BYTES) + 1 for name, size in sizes.items())
    require_space(out.parent, pages * _PAGE_BYTES, option='--out')
    hold(out.parent, f'.{out.name}.lock', '--out')
    # Calls that were killed leave their temporary file.
    for leftover in out.parent.glob(f'.{glob.escape(out.name)}.{"[0-9a-f]" * 16}.tmp'):
        leftover.unlink()
    with replacing(out) as temporary:
        _write(lmdb, temporary, root, sizes, pages * _PAGE_BYTES, progress)
        # Another program may have created the file in the meantime.
        _require_free(out)
    return PackSummary(len(sizes), sum(sizes.values()))


def _require_free(out: Path) -> None:
    if os.path.lexists(out):
        raise RejectedError(f'{printable(out)} exists and is not replaced: pass another --out')


def _list_files(name: str, root: Path) -> dict[bytes, int]:
    """Paths below the root in the order of LMDB's keys, and the sizes of the files."""
    if not root.is_dir():
        raise InputError(f'no folder {printable(root)}: expected the root of {name}')
    present = list_folder(root).folders
    folders = layout_folders(name) or present
    missing = [folder for folder in folders if folder not in present]
    if missing or not folders:
        raise InputError(
            f'{printable(root)} has no {" and no ".join(missing) or "folders"}: expected the '
            f'layout of {name}. rm-mm data check {name} ROOT lists what is missing'
        )
    sizes: dict[bytes, int] = {}
    for folder in folders:
        tree = list_tree(root / folder)
        for fault in tree.faults:
            # An empty file can be packed; reporting it is up to the check.
            if fault.cause != 'empty files':
                path = root / folder / fault.name
                raise InputError(f'{printable(path)} {fault.text}: fix or remove it')
        sizes |= {os.fsencode(f'{folder}/{file}'): size for file, size in tree.files.items()}
    if not sizes:
        raise InputError(f'{printable(root)} holds no files: expected the layout of {name}')
    longest = max(sizes, key=len)
    if len(longest) > _LONGEST_NAME_BYTES:
        text = printable(os.fsdecode(longest))
        raise InputError(f'{text}: a name below ROOT can have at most {_LONGEST_NAME_BYTES} bytes')
    return dict(sorted(sizes.items()))


def _write(
    lmdb: Any,
    target: Path,
    root: Path,
    sizes: dict[bytes, int],
    space: int,
    progress: Callable[[str], None],
) -> None:
    pending = deque(sizes)
    try:
        # The map size only reserves addresses; the file grows with its content.
        map_size = space + space // 8 + (64 << 20)
        options = {'subdir': False, 'lock': False, 'sync': False, 'map_size': map_size}
        with closing(lmdb.open(str(target), **options)) as environment:
            while pending:
                progress(f'pack: {len(sizes) - len(pending):,} of {len(sizes):,} files')
                size = 0
                with environment.begin(write=True) as transaction:
                    while pending and size < COMMIT_BYTES:
                        key = pending.popleft()
                        content = _read(root / os.fsdecode(key), sizes[key])
                        transaction.put(key, content, append=True)
                        size += sizes[key]
            environment.sync(True)
    except lmdb.Error as error:
        raise InputError(
            f'cannot pack into {printable(target.parent)}: {error}; nothing was left there'
        ) from error


def _read(path: Path, size: int) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f'cannot read {printable(path)}: {error.strerror}') from error
    except MemoryError as error:
        raise InputError(f'{printable(path)} has {size:,} bytes, too many for memory') from error
    if len(data) != size:
        raise InputError(f'{printable(path)} changed while it was read: run the command again')
    return data
