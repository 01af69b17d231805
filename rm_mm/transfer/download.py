"""A checkpoint from an ``https://`` address, into a cache, whole or not at all."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from rm_mm import files
from rm_mm.errors import InputError, printable

_CHUNK_BYTES = 1 << 20
#: For the connection, and for each piece; a large file takes as long as it takes.
_TIMEOUT_SECONDS = 30


def download(address: str, cache: Path) -> Path:
    """Fetch a file, unless it is in the cache.

    Two addresses never share a file, whatever their last part: many published checkpoints are
    called ``resnet50.pth``.

    Args:
        address: ``https://…``; it may be redirected, to ``https`` only.
        cache: The folder to keep it in.

    Raises:
        InputError: If it cannot be fetched, is cut short, has another hash than its name says, or
            is more than the disk has room for. Nothing is kept then.
    """
    name = re.sub(r'[^\w.-]', '_', unquote(urlsplit(address).path.rpartition('/')[2])) or 'file'
    target = cache / hashlib.sha256(address.encode()).hexdigest()[:16] / name[-100:]
    if target.exists():
        return target
    shown = printable(shown_address(address))
    try:
        with urlopen(Request(address), timeout=_TIMEOUT_SECONDS) as response:
            if urlsplit(response.url).scheme != 'https':
                raise InputError(f'{shown} is redirected to an address that is not https')
            with files.replacing(target) as temporary, temporary.open('wb') as file:
                digest = _copy(response, file, target.parent, shown)
                wanted = hash_in_name(name)
                if wanted and not digest.startswith(wanted):
                    raise InputError(
                        f'{shown} has the hash {digest[:16]}, its name says {wanted}: it is '
                        'damaged or another file; fetch it again'
                    )
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, InputError):
            raise
        # Of an answer such as 404 the reason alone would be "Not Found".
        reason: object = error
        if isinstance(error, URLError) and not isinstance(error, HTTPError):
            reason = error.reason
        raise InputError(
            f'cannot download {shown}: {printable(reason)}. Fetch it elsewhere and name the file'
        ) from error
    return target


def shown_address(address: str) -> str:
    """An address without what may be secret in it: user, password, query."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition('@')[2], parts.path, '', ''))


def hash_in_name(name: str) -> str | None:
    """The start of the SHA-256 in a published file's name, such as ``resnet50-0676ba61.pth``."""
    found = re.search(r'-([0-9a-f]{8,64})\.', name)
    return found[1] if found else None


def _copy(response: Any, file: Any, folder: Path, shown: str) -> str:
    """Copy what comes, and return its SHA-256."""
    declared = response.headers.get('Content-Length')
    size = int(declared) if declared and declared.isdecimal() else None
    free = shutil.disk_usage(folder).free
    if size is not None and size > free:
        raise InputError(f'{shown} has {size} bytes, {printable(folder)} has {free} free')
    digest = hashlib.sha256()
    copied = 0
    told = -1
    while chunk := response.read(_CHUNK_BYTES):
        file.write(chunk)
        digest.update(chunk)
        copied += len(chunk)
        tenth = copied * 10 // size if size else copied // (100 * _CHUNK_BYTES)
        if tenth != told:
            told = tenth
            of_all = f' of {size >> 20}' if size else ''
            print(f'{shown}: {copied >> 20}{of_all} MB', file=sys.stderr)
    if size is not None and copied != size:
        raise InputError(f'{shown} was cut short: {copied} of {size} bytes came; try again')
    return digest.hexdigest()
