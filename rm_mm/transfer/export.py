"""From a checkpoint to a verified backbone and its manifest."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rm_mm import atomic
from rm_mm.errors import InputError
from rm_mm.transfer.checkpoint import EXPORT_MARK, read_checkpoint
from rm_mm.transfer.convert import find_backbone
from rm_mm.transfer.manifest import (
    SCHEMA_VERSION,
    Manifest,
    manifest_path,
    read_manifest,
    write_manifest,
)
from rm_mm.transfer.printable import printable
from rm_mm.transfer.target import build_from_config, build_resnet, resnet_from_shapes
from rm_mm.transfer.verify import check, require
from rm_mm.transfer.zoo import locate


def export_backbone(
    checkpoint: str | Path, output: Path, *, config: Path | None = None
) -> Manifest:
    """Take the backbone out of ``checkpoint``, verify it, and write it with its manifest.

    Both files appear whole, the manifest last, and only if everything went well; a second export
    of the same checkpoint writes the same bytes.

    Args:
        checkpoint: Any file that :func:`rm_mm.transfer.checkpoint.read_checkpoint` reads, or a name
            that :func:`rm_mm.transfer.zoo.locate` knows.
        output: Where to write the backbone, named as in mmdet, mmseg and mmpretrain, without
            prefix; the manifest goes beside it, as ``.json``. An earlier export is replaced.
        config: A config whose ``model.backbone`` the weights have to fill. Without it, the ResNet
            with the plain stem that the shapes tell of.

    Raises:
        InputError: If the checkpoint or config cannot be used, the network cannot be told, or
            ``output`` cannot be written or is something other than an earlier export.
        RefusedError: If the weights do not fill the network completely.
    """
    checkpoint = locate(str(checkpoint))
    _check_output(output, checkpoint)
    source = read_checkpoint(checkpoint)
    found = find_backbone(source.state_dict)
    if config is None:
        arch = resnet_from_shapes(found.state_dict)
        target = build_resnet(arch)
    else:
        arch, target = build_from_config(config)
    # Tuples become lists, and classes their names: what is returned is what is written.
    arch = json.loads(json.dumps(arch, default=str))
    coverage = check(found.state_dict, target, found.left_over)
    require(coverage, f'{printable(checkpoint)} does not fill {_name(arch)}')
    written = _serialise(found.state_dict, target, arch)
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        source=checkpoint.name,
        source_format='rm_mm' if source.format == 'rm_mm' else found.source_format,
        source_sha256=source.sha256,
        backbone=output.name,
        backbone_sha256=hashlib.sha256(written).hexdigest(),
        arch=arch,
        tensors_wanted=coverage.wanted,
        tensors_matched=coverage.matched,
        dropped=list(found.dropped),
        completed=list(found.completed),
        epoch=source.meta.epoch,
        metrics=source.meta.metrics,
    )
    try:
        # The inner block ends first: the backbone takes its place, then the manifest. In between,
        # an older manifest names another hash, so that the pair is refused.
        with atomic.replacing(manifest_path(output)) as new_manifest:
            write_manifest(new_manifest, manifest)
            with atomic.replacing(output) as new_backbone:
                new_backbone.write_bytes(written)
    except OSError as error:
        raise InputError(f'cannot write {printable(output)}: {error.strerror}') from error
    return manifest


def _check_output(output: Path, checkpoint: Path) -> None:
    """Refuse to replace anything that is not an earlier export."""
    manifest = manifest_path(output)
    if output == manifest:
        raise InputError(
            f'{printable(output)} is the name of the manifest: give the backbone one such as '
            f'{printable(output.with_suffix(".pth").name)}'
        )
    if output.resolve() == checkpoint.resolve():
        raise InputError(f'{printable(output)} is the checkpoint itself: choose another output')
    try:
        ours = not output.exists() or read_checkpoint(output).format == 'rm_mm'
        if manifest.exists():
            read_manifest(manifest)
    except InputError:
        ours = False
    if not ours:
        raise InputError(
            f'{printable(output)} or {printable(manifest.name)} beside it is there and is not an '
            'earlier export: choose another output, or remove it'
        )


def _serialise(state: dict[str, Tensor], target: dict[str, Tensor], arch: dict[str, Any]) -> bytes:
    """Return the bytes of the backbone file, in the target's order and dtypes."""
    # Cloned, because torch.save writes all of the storage that a view is cut from.
    weights = {
        name: state[name].to(wanted.dtype).clone(memory_format=torch.contiguous_format)
        for name, wanted in target.items()
    }
    # Through memory, because torch.save puts the name of a file that it opens into its bytes.
    buffer = io.BytesIO()
    torch.save({'state_dict': weights, 'meta': {'format': EXPORT_MARK, 'arch': arch}}, buffer)
    return buffer.getvalue()


def _name(arch: dict[str, Any]) -> str:
    depth = arch.get('depth') or arch.get('arch')
    return printable(arch.get('type')) + (f'-{printable(depth)}' if depth else '')
