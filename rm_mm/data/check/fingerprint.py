"""What a data set is known by in a record."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

#: To be raised with every change of what goes into a fingerprint.
_FORMAT = b'rm_mm data 1\n'


class Fingerprint:
    """SHA-256 of what a data set consists of, wherever it lies and in whatever order it is listed.

    It covers the path below the root and the size of every image, and the whole content of
    annotation files, masks and the CIFAR batches. It does not cover the pixels of images: a file
    that was replaced by another of the same name and size is not noticed.
    """

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def add_images(self, folder: str, sizes: Mapping[str, int]) -> None:
        """Take in images by the size in bytes of each.

        Args:
            folder: Relative to the root, with forward slashes.
            sizes: By path below the folder.
        """
        start = os.fsencode(folder) + b'/'
        self._lines += (
            b'%b%b\0size %d\n' % (start, os.fsencode(name), size) for name, size in sizes.items()
        )

    def add_content(self, path: str, sha256: str) -> None:
        """Take in a file with all that is in it, by the hexadecimal SHA-256 of its content."""
        self._lines.append(b'%b\0sha256 %b\n' % (os.fsencode(path), sha256.encode('ascii')))

    def hexdigest(self) -> str:
        """The value, of 64 hexadecimal digits."""
        digest = hashlib.sha256(_FORMAT)
        for line in sorted(self._lines):
            digest.update(line)
        return digest.hexdigest()
