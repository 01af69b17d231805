"""Zip archives: their members, checked by CRC as they are read."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rm_mm.data.prepare.writing import safe_path
from rm_mm.errors import InputError, printable

DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError
)  # fmt: skip
_END, _END_64 = b'PK\x05\x06', b'PK\x06\x06'


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive.

    Raises:
        InputError: If it is damaged; also of a damaged member that is read inside.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.infolist()) != _declared(path):
                raise zipfile.BadZipFile('its directory has lost members')
            yield archive
    except DAMAGE as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> InputError:
    """What to say of an archive that cannot be read."""
    return InputError(
        f'{printable(path)} is truncated or damaged ({printable(error)}): download it again'
    )


def _declared(path: Path) -> int:
    """How many members the record at the end of a zip says that there are."""
    with path.open('rb') as file:
        file.seek(max(0, path.stat().st_size - 2**17))
        tail = file.read()
    at = tail.rfind(_END)
    count = int.from_bytes(tail[at + 10 : at + 12], 'little')
    # More than fit here are in a second record; elsewhere its mark is a part of somebody's image.
    if count == 0xFFFF and (large := tail.rfind(_END_64, 0, at)) >= 0:
        return int.from_bytes(tail[large + 32 : large + 40], 'little')
    return count


def members_of(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The files of a zip by their safe names, without what macOS adds.

    Raises:
        InputError: If a member is a link, leads out of the root, or is there twice.
    """
    found: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = str(safe_path(info.filename, path))
        if info.is_dir() or name.split('/')[0] == '__MACOSX':
            continue
        # 0 where the archive was made on a system without such modes.
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise InputError(
                f'{printable(path)} holds {printable(name)}, which is no plain file: the official '
                'archive has no links'
            )
        if name in found:
            raise InputError(f'{printable(path)} holds {printable(name)} twice: download it again')
        found[name] = info
    return found
