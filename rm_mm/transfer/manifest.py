"""The record beside an exported backbone: where it came from, and which bytes it is."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from rm_mm import files
from rm_mm.errors import InputError, printable
from rm_mm.transfer.inputs import Inputs, inputs_of_config

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class Manifest:
    """What is known about one exported backbone, or about one that was refused.

    Attributes:
        schema_version: Of this record.
        source: File name of the checkpoint, without its folder, or the address that it is from.
        source_format: Whose naming it had, see :class:`rm_mm.transfer.convert.FoundBackbone`;
            ``rm_mm`` for an earlier export.
        source_sha256: Of the checkpoint, hexadecimal.
        backbone: File name of the export.
        backbone_sha256: Of the export, hexadecimal; empty if it was refused.
        arch: The ``model.backbone`` config of the network that it was verified against.
        tensors_wanted: Parameters and buffers of that network.
        tensors_matched: How many of them are filled: all, or there is no export.
        dropped: Keys of known heads that were left behind.
        completed: Counters that the source lacked and that were set to 0.
        epoch: Epochs trained, if the source says.
        metrics: Accuracies that the source states, in its own names and units.
        container: Of the source: ``torch`` or ``safetensors``.
        key: Which of the networks in the source it is; empty if it is the whole file.
        networks: The others.
        inputs: Colour order and style, as far as known; see :class:`rm_mm.transfer.inputs.Inputs`.
        layout: Whose names the export has: ``openmmlab``, ``torchvision`` or ``timm``.
        verified: Whether there is an export.
        mismatch: What sets the network of the weights apart from the one to fill; None if nothing.
        problems: Every tensor that was refused: kind of problem to name to what was found.
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
    container: str = 'torch'
    key: str = ''
    networks: list[str] = field(default_factory=list)
    inputs: dict[str, str | None] = field(default_factory=dict)
    layout: str = 'openmmlab'
    verified: bool = True
    mismatch: str | None = None
    problems: dict[str, dict[str, str]] = field(default_factory=dict)


#: What each version has; the newest has all.
_VERSIONS = {
    1: {
        entry.name
        for entry in fields(Manifest)
        if entry.default is MISSING and entry.default_factory is MISSING
    },
    SCHEMA_VERSION: {entry.name for entry in fields(Manifest)},
}


def refused_path(backbone: Path) -> Path:
    """Return where a refusal is recorded while an earlier export is there, which stays."""
    return backbone.with_suffix('.refused.json')


def manifest_path(backbone: Path) -> Path:
    """Return where the manifest of ``backbone`` is: beside it, ``.json``."""
    return backbone.with_suffix('.json')


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write ``manifest`` as JSON, atomically."""
    files.write_json(path, asdict(manifest))


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        InputError: If the file is not a manifest, or one of another version.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise InputError(f'cannot read the manifest {printable(path)}: {error}') from error
    version = content.get('schema_version') if isinstance(content, dict) else None
    if version not in _VERSIONS:
        raise InputError(
            f'{printable(path)} is not a backbone manifest of version {SCHEMA_VERSION}: export the '
            'checkpoint again with `rm-mm export`'
        )
    if set(content) != _VERSIONS[version]:
        differing = ', '.join(map(printable, sorted(set(content) ^ _VERSIONS[version])))
        raise InputError(f'{printable(path)} is not a backbone manifest: it differs in {differing}')
    return Manifest(**content)


def inputs_in_manifest(backbone: Path) -> Inputs:
    """What the manifest of an export says of its inputs; nothing where there is no manifest.

    Raises:
        InputError: If there is something else in its place.
    """
    path = manifest_path(backbone)
    if not path.exists():
        return Inputs()
    manifest = read_manifest(path)
    # What was verified against a network of one style is of that style, whoever made it.
    style = inputs_of_config({'model': {'backbone': manifest.arch}}).style
    because = manifest.inputs.get('because') or 'it was exported as such'
    return Inputs(manifest.inputs.get('colors'), style, because)
