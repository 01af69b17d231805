"""Read tar and zip archives: safe names, plain files only, and every kind of damage detected."""

from __future__ import annotations

import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from rm_mm.data.catalog import ARCHIVE_PAGES, ARCHIVES, Archive
from rm_mm.data.listing import list_tree
from rm_mm.data.prepare.writing import PART_SUFFIX
from rm_mm.errors import InputError, printable

# Errors from reading a damaged archive.
_DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError,
    RuntimeError, UnicodeError,
)  # fmt: skip
_BLOCK_BYTES = 512
# Tar pads to records, usually of 10 kB. Larger padding than this is damage.
_LONGEST_PADDING = 1 << 20
_ZIP_END, _ZIP64_END = b'PK\x05\x06', b'PK\x06\x06'


def find_archive(archive: Archive, folder: Path) -> Path | None:
    """Find an archive in a folder or one level below."""
    candidates = [folder / archive.name, *sorted(folder.glob(f'*/{archive.name}'))]
    return next((path for path in candidates if path.is_file()), None)


def require_archives(
    name: str, folder: Path, archives: Sequence[Archive] | None = None
) -> dict[str, Path]:
    """Find archives of a data set, by default all: their paths by name.

    Raises:
        InputError: If any is missing. The message names all missing ones.
    """
    paths = {a.name: find_archive(a, folder) for a in archives or ARCHIVES[name]}
    missing = [archive for archive, path in paths.items() if path is None]
    if missing:
        raise InputError(
            f'missing in {printable(folder)} and one level below: {", ".join(missing)}. Download '
            f'from {ARCHIVE_PAGES[name]}, or pass --archives DIR'
        )
    return {archive: path for archive, path in paths.items() if path is not None}


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn the errors of a damaged archive into an :class:`InputError` that names it."""
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            # The system's own errors; with a file name they may be about another file.
            if error.filename is not None:
                raise
            raise InputError(f'cannot read {printable(path)}: {error.strerror}') from error
        raise InputError(
            f'{printable(path)} is truncated or damaged ({printable(error)}): download it again'
        ) from error


@contextmanager
def parsing(fault: str) -> Iterator[None]:
    """Turn any error into an :class:`InputError`; damaged files raise almost anything."""
    try:
        yield
    except Exception as error:
        text = f'{fault}: {type(error).__name__}: {printable(error)}'
        raise InputError(text) from error


class Member(NamedTuple):
    """A file in an archive or folder (``source``). Its name is a path, safe below any root."""

    name: str
    size: int
    source: Path
    opener: Callable[[], Any]

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the content; if it is damaged, reading it raises an :class:`InputError`."""
        with damage_named(self.source), self.opener() as content:
            yield content


@contextmanager
def open_archive(path: Path, prefix: str = '') -> Iterator[Iterable[Member]]:
    """Open a tar or zip archive, and yield its files; a prefix of the paths in a zip is removed.

    Those of a tar have to be read in order. Raises like :func:`tar_members`.
    """
    if path.suffix != '.zip':
        yield tar_members(path)
        return
    with damage_named(path), zipfile.ZipFile(path) as archive:
        if len(archive.infolist()) != _declared_members(path):
            raise zipfile.BadZipFile('its directory has lost members')
        yield _zip_members(archive, path, prefix)


def tar_members(path: Path, stream: BinaryIO | None = None) -> Iterator[Member]:
    """The files of a tar, or of a tar inside it, in order, each to be read before the next.

    Raises:
        InputError: If it is damaged or truncated, or holds anything but plain files and folders.
    """
    with damage_named(path), tarfile.open(path if stream is None else None, fileobj=stream) as tar:
        # Python 3.10 misreads the next member of an archive that has none.
        first = tar.firstmember  # type: ignore[attr-defined]
        for info in () if first is None else iter(tar.next, None):
            if info.isdir():
                continue
            name = _safe_name(info.name, path)
            if not info.isreg() or info.sparse is not None:
                raise _not_plain(name, path)
            yield Member(name, info.size, path, partial(tar.extractfile, info))
            # Otherwise the list of members grows with every image.
            tar.members = []  # type: ignore[attr-defined]
        assert tar.fileobj is not None
        tar.fileobj.seek(tar.offset)
        if tar.fileobj.read(_BLOCK_BYTES) != bytes(_BLOCK_BYTES):
            raise tarfile.ReadError(f'its end mark is missing after {tar.offset} bytes')
        # Reading to the end verifies the checksum of gzip. Only padding may follow the end mark: a
        # download that reserved its space and stopped is zeros to its end.
        padding = 0
        while rest := tar.fileobj.read(1 << 20):
            padding += len(rest)
            if padding > _LONGEST_PADDING or rest.strip(b'\0'):
                raise tarfile.ReadError(f'it continues after its end mark at {tar.offset} bytes')


def _zip_members(archive: zipfile.ZipFile, path: Path, prefix: str) -> list[Member]:
    """The files of a zip, without those that macOS adds."""
    found: dict[str, Member] = {}
    for info in archive.infolist():
        name = _safe_name(info.filename, path)
        if info.is_dir() or name.split('/')[0] == '__MACOSX':
            continue
        # The mode is 0 if the archive was made on a system without modes.
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            raise _not_plain(name, path)
        if name in found:
            raise InputError(f'{printable(path)} holds {printable(name)} twice: download it again')
        opener = partial(archive.open, info)
        found[name] = Member(name.removeprefix(prefix), info.file_size, path, opener)
    return list(found.values())


def _declared_members(path: Path) -> int:
    """Number of members according to the record at the end of a zip."""
    with path.open('rb') as file:
        file.seek(max(0, path.stat().st_size - 2**17))
        tail = file.read()
    at = tail.rfind(_ZIP_END)
    count = int.from_bytes(tail[at + 10 : at + 12], 'little')
    # Larger numbers are in a second record. Elsewhere its mark may be part of an image.
    if count == 0xFFFF and (large := tail.rfind(_ZIP64_END, 0, at)) >= 0:
        return int.from_bytes(tail[large + 32 : large + 40], 'little')
    return count


def _safe_name(name: str, path: Path) -> str:
    if not is_safe_path(name):
        raise InputError(
            f'{printable(path)} holds {printable(name)}, a name that leads elsewhere or cannot '
            'belong to a data set: it was not unpacked further'
        )
    return str(PurePosixPath(name))


def is_safe_path(name: str) -> bool:
    """Whether a path from an archive stays below the root and is fit for any file system."""
    path = PurePosixPath(name)
    return bool(
        name
        and '\\' not in name
        and not path.is_absolute()
        and '..' not in path.parts
        and not re.match(r'[A-Za-z]:', name)
        and name.isprintable()
        and not name.endswith(PART_SUFFIX)
    )


def _not_plain(name: str, path: Path) -> InputError:
    return InputError(
        f'{printable(path)} holds {printable(name)}, which is no plain file: the official archive '
        'has no links, devices or sparse files'
    )


class SourceFiles(dict[str, Member]):
    """The files of a zip or folder by path; a missing one is an :class:`InputError`."""

    def __init__(self, path: Path, members: Iterable[Member]) -> None:
        super().__init__((member.name, member) for member in members)
        self.path = path

    def __missing__(self, name: str) -> Member:
        raise InputError(f'{printable(self.path)} lacks {printable(name)}')


def folder_source(root: Path, folders: Iterable[str]) -> SourceFiles:
    """The files below some folders of a root, without hidden ones."""
    sizes = {
        f'{folder}/{file}': size
        for folder in folders
        for file, size in list_tree(root / folder).files.items()
    }
    members = [
        Member(name, size, root, partial((root / name).open, 'rb')) for name, size in sizes.items()
    ]
    return SourceFiles(root, members)
