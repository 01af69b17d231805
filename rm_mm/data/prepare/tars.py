"""Tar archives, read to an end that is one: a file that was cut is not taken for a whole one."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from rm_mm.errors import InputError, printable

_BLOCK_BYTES = 512
# Of a record as large as anybody writes; tar's own are 10 kB.
_LONGEST_PADDING = 1 << 20
# What reading a damaged archive may raise.
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say of an archive that cannot be read that it is damaged.

    Raises:
        InputError: Instead of what tar, gzip or zlib say.
    """
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
            # Of the file system, not of the archive: it says which file.
            raise
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f'{printable(path)}: {error.strerror}') from error
        raise InputError(
            f'{printable(path)} is truncated or damaged ({printable(error)}): download it again'
        ) from error


def files_in(
    path: Path, stream: BinaryIO | IO[bytes] | None = None
) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """The regular files of a tar, in its order, each to be read before the next.

    Args:
        path: Of the archive, for messages too.
        stream: A tar inside ``path``, to read instead.

    Raises:
        InputError: If it is damaged or ends early, or holds anything but files and folders.
    """
    with reading(path), tarfile.open(path if stream is None else None, fileobj=stream) as archive:
        # Python 3.10 looks for the next member in front of an archive that has none.
        first = archive.firstmember  # type: ignore[attr-defined]
        members = () if first is None else iter(archive.next, None)
        for member in members:
            if member.isdir():
                continue
            if not member.isreg() or member.sparse is not None:
                raise InputError(
                    f'{printable(path)} holds {printable(member.name)}, which is no plain file: '
                    'the official archive has no links, devices or sparse files'
                )
            content = archive.extractfile(member)
            assert content is not None, 'a regular file has content'
            yield member, content
            # Every archive of a thousand classes would keep its list of members.
            archive.members = []  # type: ignore[attr-defined]
        assert archive.fileobj is not None
        archive.fileobj.seek(archive.offset)
        if archive.fileobj.read(_BLOCK_BYTES) != bytes(_BLOCK_BYTES):
            raise InputError(
                f'{printable(path)} is truncated or damaged after {archive.offset} bytes: its end '
                'mark is missing; download it again'
            )
        # To the end, where gzip has its checksum. What is beyond the mark fills up the last record;
        # a download that was made room for, and cut, has zeros to its end.
        padding = 0
        while rest := archive.fileobj.read(1 << 20):
            padding += len(rest)
            if padding > _LONGEST_PADDING or rest.strip(b'\0'):
                raise InputError(
                    f'{printable(path)} goes on behind its end mark at {archive.offset} bytes: it '
                    'is damaged, or its download was cut; download it again'
                )
