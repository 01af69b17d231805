"""What has been laid out, so that a call that was cut goes on, and a second one has nothing to do.

A file ``.rm_mm_prepare.json`` in the root, written anew, atomically, after every part.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rm_mm import files
from rm_mm.errors import InputError, printable

NAME = '.rm_mm_prepare.json'
_SCHEMA_VERSION = 1


@dataclass
class Journal:
    """What is known of one root.

    Attributes:
        path: Where it is kept.
        name: Of the data set.
        subset: Images of each class, of a small version; None if all are laid out.
        archives: Name to its size, time and MD5, of those that were read to their end.
        parts: What is laid out and verified: folder to the number of files and bytes in it, and a
            hash of their names.
    """

    path: Path
    name: str
    subset: int | None
    archives: dict[str, dict[str, Any]] = field(default_factory=dict)
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def save(self) -> None:
        """Write it."""
        content = asdict(self)
        del content['path']
        files.write_json(self.path, {'schema_version': _SCHEMA_VERSION, **content})

    def known_md5(self, archive: Path) -> str | None:
        """The MD5 of an archive that has not changed since it was read, by size and time."""
        entry = self.archives.get(archive.name)
        return str(entry['md5']) if entry and {**entry, **_identity(archive)} == entry else None

    def complete(self, name: str) -> None:
        """Note that all of an archive is laid out."""
        if name in self.archives:
            self.archives[name]['done'] = True
            self.save()

    def begun(self, name: str) -> bool:
        """Whether a call that was cut had begun to lay an archive out."""
        return name in self.archives and not self.archives[name].get('done')

    def remember_md5(self, archive: Path, md5: str) -> None:
        """Keep an archive's MD5; what was laid out of another file of that name is not done."""
        before = self.archives.get(archive.name)
        if before is not None and before['md5'] != md5:
            self.parts.clear()
        self.archives[archive.name] = {**_identity(archive), 'md5': md5, 'done': False}
        self.save()

    def finish(self, part: str, folder: Path) -> None:
        """Note that a part is whole."""
        self.parts[part] = _extent(folder)
        self.save()

    def finished(self, part: str, folder: Path) -> bool:
        """Whether a part is whole, and its folder holds what it held then."""
        return part in self.parts and self.parts[part] == _extent(folder)


def open_journal(root: Path, name: str, subset: int | None) -> Journal:
    """The journal of a root, as an earlier call left it, or a new one.

    Raises:
        InputError: If the root was prepared for another data set or another size, or its journal
            cannot be read.
    """
    path = root / NAME
    if not path.exists():
        return Journal(path, name, subset)
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        if content.pop('schema_version') != _SCHEMA_VERSION:
            raise ValueError('another version')
        journal = Journal(path, **content)
        if not all(
            isinstance(entry, dict) and wanted <= set(entry)
            for entries, wanted in (
                (journal.archives.values(), {'size', 'mtime_ns', 'md5'}),
                (journal.parts.values(), {'files', 'bytes'}),
            )
            for entry in entries
        ):
            raise ValueError('entries of another form')
    except (
        OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError
    ) as error:  # fmt: skip
        raise InputError(
            f'cannot read {printable(path)}, the journal of an earlier call: {printable(error)}; '
            'remove it to begin anew: nothing that is laid out is lost'
        ) from error
    if (journal.name, journal.subset) != (name, subset):
        raise InputError(
            f'{printable(root)} was prepared as {_describe(journal.name, journal.subset)}: '
            f'choose another ROOT for {_describe(name, subset)}'
        )
    return journal


def require_laid_out(source: Path) -> None:
    """Check that a folder which a small version is taken from was not left by a call that was cut.

    Raises:
        InputError: If it was.
    """
    path = source / NAME
    if not path.exists():
        return
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        begun = [name for name, entry in content['archives'].items() if not entry['done']]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(
            f'cannot read {printable(path)}, the journal of an earlier call: {printable(error)}; '
            'prepare that folder again first'
        ) from error
    if begun:
        raise InputError(
            f'{printable(source)} is not laid out to its end ({", ".join(map(printable, begun))}): '
            'prepare it first, by the call that was cut'
        )


def _describe(name: str, subset: int | None) -> str:
    return f'all of {name}' if subset is None else f'{subset} images a class of {name}'


def _identity(archive: Path) -> dict[str, int]:
    found = archive.stat()
    return {'size': found.st_size, 'mtime_ns': found.st_mtime_ns}


def _extent(folder: Path) -> dict[str, Any]:
    """How many files are below a folder, their bytes, and a hash of where they lie."""
    total = 0
    paths = []
    for parent, _, names in os.walk(folder):
        # Hidden files are a system's, which come and go.
        for name in (name for name in names if not name.startswith('.')):
            path = os.path.join(parent, name)
            total += os.lstat(path).st_size
            paths.append(os.path.relpath(path, folder))
    listed = '\0'.join(sorted(paths)).encode('utf-8', 'surrogateescape')
    return {'files': len(paths), 'bytes': total, 'names': hashlib.sha256(listed).hexdigest()}
