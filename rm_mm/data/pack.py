"""``rm-mm data pack``: a data set's files into one, for file systems that are slow with many."""

from __future__ import annotations

import argparse
import glob
import os
import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from rm_mm.data.catalog import ade20k_root
from rm_mm.data.check.listing import list_folder, list_tree
from rm_mm.data.pack_uri import PREFIX, SUFFIX
from rm_mm.data.prepare.writing import require_space
from rm_mm.data.progress import ProgressLine
from rm_mm.errors import InputError, RejectedError, printable
from rm_mm.files import hold, replacing

#: Folders of each layout, as its configs read them.
_FOLDERS = {
    'imagenet': ('train', 'val'),
    'coco': ('train2017', 'val2017', 'annotations'),
    'ade20k': ('images', 'annotations'),
}
_PAGE = 4096
# LMDB holds in memory what is not yet committed.
_BYTES_A_COMMIT = 64 << 20
# Of a name, in bytes: what LMDB is built for.
_LONGEST_NAME = 511


def run_pack(args: argparse.Namespace) -> int:
    """Write the files below a root into one, and print how it is read.

    Returns:
        0.

    Raises:
        InputError: If there is nothing to pack, no room, or no lmdb.
        RejectedError: If the file is there already.
    """
    target: Path = args.out
    try:
        import lmdb
    except ImportError as error:
        raise InputError('packing takes lmdb: pip install lmdb') from error
    if target.suffix != SUFFIX or str(target).startswith('lmdb:'):
        raise InputError(f'--out {printable(target)}: expected a path, NAME{SUFFIX}')
    if any(parent.suffix == SUFFIX for parent in target.parents):
        raise InputError(f'--out {printable(target)}: expected {SUFFIX} at the end alone')
    _require_free(target)
    root = ade20k_root(args.root) if args.name == 'ade20k' else args.root
    sizes = _files(args.name, root)
    room = sum(_pages(len(name), size) for name, size in sizes.items()) * _PAGE
    require_space(target.parent, room, option='--out')
    line = ProgressLine()
    try:
        with _alone(target) as temporary:
            _write(lmdb, temporary, root, sizes, room, line)
            # Somebody may have come to need the name meanwhile.
            _require_free(target)
    finally:
        line.clear()
    # To be copied into a shell, so that only what would act on a terminal is spelt otherwise.
    name = str(target) if str(target).isprintable() else printable(target)
    print(f'{len(sizes):,} files, {sum(sizes.values()) / 1e6:,.1f} MB: {name}')
    print(f'read it with --data-root {shlex.quote(PREFIX + name)}')
    return 0


def _require_free(target: Path) -> None:
    if os.path.lexists(target):
        raise RejectedError(f'{printable(target)} is there and is left as it is: say another --out')


def _files(name: str, root: Path) -> dict[bytes, int]:
    """Names below the root, as they are sorted in the pack, and their sizes."""
    if name.startswith('cifar'):
        raise InputError(f'{name} is published as a few files: there is nothing to gain')
    if not root.is_dir():
        raise InputError(f'no folder {printable(root)}: expected the root of {name}')
    there = list_folder(str(root)).folders
    folders = _FOLDERS.get(name, there)
    missing = [folder for folder in folders if folder not in there]
    if missing or not folders:
        raise InputError(
            f'{printable(root)} has no {" and no ".join(missing) or "folders"}: expected the '
            f'layout of {name}. rm-mm data check {name} ROOT says what it lacks'
        )
    sizes: dict[bytes, int] = {}
    for folder in folders:
        found = list_tree(str(root / folder))
        for fault in found.faults:
            # One that is empty is for the check to tell: it can be packed.
            if fault.cause != 'empty files':
                path = root / folder / fault.name
                raise InputError(f'{printable(path)} {fault.text}: mend or remove it')
        sizes |= {os.fsencode(f'{folder}/{file}'): size for file, size in found.files.items()}
    if not sizes:
        raise InputError(f'{printable(root)} holds no files: expected the layout of {name}')
    longest = max(sizes, key=len)
    if len(longest) > _LONGEST_NAME:
        text = printable(os.fsdecode(longest))
        raise InputError(f'{text}: a name below ROOT can have {_LONGEST_NAME} bytes at most')
    return dict(sorted(sizes.items()))


@contextmanager
def _alone(target: Path) -> Iterator[Path]:
    """Where to write what is to become the file; what a call that was killed left is removed."""
    hold(target.parent, f'.{target.name}.lock', '--out')
    for left in target.parent.glob(f'.{glob.escape(target.name)}.{"[0-9a-f]" * 16}.tmp'):
        left.unlink()
    with replacing(target) as temporary:
        yield temporary


def _pages(name: int, size: int) -> int:
    """No fewer than LMDB takes for a file: its own, and of those that lead there."""
    return -(-(size + name + 64) // _PAGE) + 1


def _write(
    lmdb: Any, target: Path, root: Path, sizes: dict[bytes, int], room: int, line: ProgressLine
) -> None:
    try:
        # The size is of addresses: the file grows with what is in it.
        environment = lmdb.open(
            str(target),
            subdir=False,
            lock=False,
            sync=False,
            map_size=room + room // 8 + (64 << 20),
        )
        with closing(environment):
            for done, keys in _commits(sizes):
                line(f'pack: {done:,} of {len(sizes):,} files')
                with environment.begin(write=True) as writing:
                    for key in keys:
                        writing.put(key, _read(root / os.fsdecode(key), sizes[key]), append=True)
            environment.sync(True)
    except lmdb.Error as error:
        raise InputError(
            f'cannot pack into {printable(target.parent)}: {error}; nothing was left there'
        ) from error


def _commits(sizes: dict[bytes, int]) -> Iterator[tuple[int, list[bytes]]]:
    """Names for one commit each, and how many went before."""
    keys: list[bytes] = []
    held = done = 0
    for key, size in sizes.items():
        keys.append(key)
        held += size
        if held >= _BYTES_A_COMMIT:
            yield done, keys
            done += len(keys)
            keys, held = [], 0
    yield done, keys


def _read(path: Path, size: int) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f'cannot read {printable(path)}: {error.strerror}') from error
    except MemoryError as error:
        raise InputError(f'{printable(path)} has {size:,} bytes, too many for memory') from error
    if len(data) != size:
        raise InputError(f'{printable(path)} changed while it was read: call again')
    return data
