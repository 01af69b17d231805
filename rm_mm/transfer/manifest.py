"""The record next to an exported backbone: where it came from, and its hash."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError, printable
from rm_mm.transfer.inputs import Inputs, inputs_of_config

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class Manifest:
    """What is known about one backbone that was exported, verified or rejected.

    Attributes:
        schema_version: Version of the record.
        source: File name of the checkpoint without its folder, or the address it came from.
        source_format: Naming scheme of the checkpoint, see
            :class:`rm_mm.transfer.backbones.FoundBackbone`; ``rm_mm`` for an earlier export,
            ``lightning`` for a file of Lightning.
        source_sha256: Hash of the checkpoint, hexadecimal.
        backbone: File name of the export; empty if there is none.
        backbone_sha256: Hash of the export, hexadecimal; empty if there is none.
        arch: ``model.backbone`` config of the network that it was compared with.
        tensors_wanted: Number of parameters and buffers of that network.
        tensors_matched: Number of them that the checkpoint fills. An export has all.
        dropped: Names of known heads that were left out.
        completed: Names of counters that the checkpoint lacked and that were set to 0.
        epoch: Number of epochs trained, if known.
        metrics: Accuracies that the source reports, in its own names and units.
        container: ``torch`` or ``safetensors``: format of the checkpoint.
        key: Key of the network in the checkpoint; empty if it is the whole file.
        networks: Keys of the other networks.
        inputs: Fields of :class:`rm_mm.transfer.inputs.Inputs`.
        layout: Whose names the export has: ``openmmlab``, ``torchvision`` or ``timm``.
        verified: Whether the backbone fills the network.
        mismatch: Difference between the network of the weights and the one to fill, or None.
        problems: Rejected tensors: kind of problem, to name, to what was found.
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


# Fields of each version. The first ended before `container`.
_NAMES = [entry.name for entry in fields(Manifest)]
_FIELDS = {1: set(_NAMES[: _NAMES.index('container')]), SCHEMA_VERSION: set(_NAMES)}


def manifest_path(backbone: Path) -> Path:
    """Path of the manifest of a backbone: next to it, ``.json``."""
    return backbone.with_suffix('.json')


def rejection_path(backbone: Path) -> Path:
    """Path of the record of a rejection next to an earlier export, whose manifest stays."""
    return backbone.with_suffix('.refused.json')


def read_manifest(path: Path) -> Manifest:
    """Read a manifest of any version.

    Raises:
        InputError: If the file cannot be read, or is not a manifest.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise InputError(f'cannot read the manifest {printable(path)}: {error}') from error
    version = content.get('schema_version') if isinstance(content, dict) else None
    if version not in _FIELDS:
        raise InputError(
            f'{printable(path)} is not a backbone manifest of version {SCHEMA_VERSION}: export the '
            'checkpoint again with `rm-mm export`'
        )
    if set(content) != _FIELDS[version]:
        differing = ', '.join(map(printable, sorted(set(content) ^ _FIELDS[version])))
        raise InputError(f'{printable(path)} is not a backbone manifest: it differs in {differing}')
    return Manifest(**content)


def inputs_in_manifest(backbone: Path) -> Inputs:
    """Inputs that the manifest of an export reports; unknown without a manifest.

    Raises:
        InputError: If another file is in its place.
    """
    path = manifest_path(backbone)
    if not path.exists():
        return Inputs()
    manifest = read_manifest(path)
    # Whatever the source, an export has the style of the network that it was verified against.
    style = inputs_of_config({'model': {'backbone': manifest.arch}}).style
    because = manifest.inputs.get('because') or 'it was exported as such'
    return Inputs(manifest.inputs.get('colors'), style, because)
