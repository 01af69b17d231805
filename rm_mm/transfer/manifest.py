"""The record beside an exported backbone: where it came from, and which bytes it is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rm_mm import atomic
from rm_mm.errors import InputError
from rm_mm.transfer.printable import printable

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Manifest:
    """What is known about one exported backbone.

    Attributes:
        schema_version: Of this record.
        source: File name of the checkpoint, without its folder.
        source_format: Whose naming it had, see :class:`rm_mm.transfer.convert.FoundBackbone`;
            ``rm_mm`` for an earlier export.
        source_sha256: Of the checkpoint, hexadecimal.
        backbone: File name of the export.
        backbone_sha256: Of the export, hexadecimal.
        arch: The ``model.backbone`` config of the network that it was verified against.
        tensors_wanted: Parameters and buffers of that network.
        tensors_matched: How many of them are filled: all, or there would be no export.
        dropped: Keys of known heads that were left behind.
        completed: Counters that the source lacked and that were set to 0.
        epoch: Epochs trained, if the source says.
        metrics: Accuracies that the source states, in its own names and units.
    """

    schema_version: int
    source: str
    source_format: str
    source_sha256: str
    backbone: str
    backbone_sha256: str
    arch: dict[str, Any]
    tensors_wanted: int
    tensors_matched: int
    dropped: list[str]
    completed: list[str]
    epoch: int | None
    metrics: dict[str, float]


def manifest_path(backbone: Path) -> Path:
    """Return where the manifest of ``backbone`` is: beside it, ``.json``."""
    return backbone.with_suffix('.json')


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write ``manifest`` as JSON, atomically."""
    atomic.write_json(path, asdict(manifest))


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        InputError: If the file is not a manifest, or one of another version.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise InputError(f'cannot read the manifest {printable(path)}: {error}') from error
    names = {field.name for field in fields(Manifest)}
    if not isinstance(content, dict) or content.get('schema_version') != SCHEMA_VERSION:
        raise InputError(
            f'{printable(path)} is not a backbone manifest of version {SCHEMA_VERSION}: export the '
            'checkpoint again with `rm-mm export`'
        )
    if set(content) != names:
        differing = ', '.join(printable(name) for name in sorted(set(content) ^ names))
        raise InputError(f'{printable(path)} is not a backbone manifest: it differs in {differing}')
    return Manifest(**content)
