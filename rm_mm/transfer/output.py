"""Write an export in the names of a library, as a file next to its manifest."""

from __future__ import annotations

import errno
import hashlib
import io
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rm_mm import files
from rm_mm.errors import InputError, RejectedError, printable
from rm_mm.transfer.backbones import FoundBackbone
from rm_mm.transfer.checkpoint import EXPORT_MARK, read_checkpoint
from rm_mm.transfer.manifest import Manifest, manifest_path, read_manifest, rejection_path
from rm_mm.transfer.resnets import rename_to_library
from rm_mm.transfer.target import Target

# Names of a linear classifier: in torchvision, timm and the authors' code; in mmpretrain; and in
# training scripts.
_CLASSIFIERS = ('fc', 'head.fc', 'classifier', 'head', 'linear')
# Methods whose `fc` or `head` is no classifier.
_WITHOUT_LABELS = ('moco', 'dino', 'byol', 'swav', 'barlow-twins', 'projector')
_DEPTHS = (18, 34, 50, 101, 152)


def rename_for_export(
    found: FoundBackbone, backbone: Mapping[str, Tensor], target: Target, to: str
) -> tuple[dict[str, Tensor], str, list[str]]:
    """Give a backbone the names of another library, and add the classifier that it expects.

    Args:
        found: The backbone and heads of the source.
        backbone: Its weights in OpenMMLab's names.
        target: The network that they fill.
        to: One of :data:`rm_mm.names.EXPORT_LAYOUTS`.

    Returns:
        The weights; whose names they have: ``openmmlab``, ``torchvision`` or ``timm``; and the
        heads that are left out. OpenMMLab's backbones have no head.

    Raises:
        InputError: If the library has no such network.
        RejectedError: If the classifier holds NaN or infinity.
    """
    kind = str(target.arch.get('type')).rpartition('.')[2]
    plain = kind == 'ResNet' and not (target.arch.get('deep_stem') or target.arch.get('avg_down'))
    known = (
        (plain or (kind in ('ResNetV1c', 'ResNetV1d') and to != 'torchvision'))
        and target.arch.get('depth') in _DEPTHS
        and target.arch.get('base_channels', 64) == 64
        and target.arch.get('style', 'pytorch') == 'pytorch'
    )
    if to == 'openmmlab' or (to == 'safetensors' and not known):
        return dict(backbone), 'openmmlab', list(found.heads)
    if not known:
        also = ', ResNetV1c and V1d' if to == 'timm' else ''
        raise InputError(
            f'--to {to}: expected a ResNet{also} of depth 18, 34, 50, 101 or 152 and base '
            f"width 64, found {target.name}; --to safetensors keeps OpenMMLab's names"
        )
    weights = rename_to_library(backbone, 'timm')
    classifier = _classifier_names(found, backbone)
    for source, name in classifier.items():
        value = found.heads[source]
        if not torch.isfinite(value).all():
            raise RejectedError(f'--to {to}: the classifier in the source is not finite ({name})')
        weights[name] = value.to(torch.float32)
    dropped = [name for name in found.heads if name not in classifier]
    return weights, 'torchvision' if to == 'torchvision' else 'timm', dropped


def _classifier_names(found: FoundBackbone, backbone: Mapping[str, Tensor]) -> dict[str, str]:
    """Names of the linear layer on the backbone's features, to ``fc.weight`` and ``fc.bias``."""
    if found.source_format in _WITHOUT_LABELS:
        return {}
    features = max(value.shape[0] for value in backbone.values() if value.ndim == 4)
    for name in _CLASSIFIERS:
        weight = found.heads.get(f'{name}.weight')
        if weight is not None and weight.ndim == 2 and weight.shape[1] == features:
            parts = [part for part in ('weight', 'bias') if f'{name}.{part}' in found.heads]
            return {f'{name}.{part}': f'fc.{part}' for part in parts}
    return {}


def serialise(
    weights: Mapping[str, Tensor], meta: Mapping[str, Any] | None, *, safetensors: bool
) -> bytes:
    """The bytes of an export, which are the same for the same weights.

    Args:
        weights: Tensors in the order and dtypes of the file.
        meta: Description of the network, saved with a mark of rm_mm; None for weights alone.
        safetensors: Use that format instead of torch's. It has no room for ``meta``.
    """
    # Cloned, because torch.save writes the whole storage of a view.
    content: dict[str, Any] = {
        name: value.clone(memory_format=torch.contiguous_format) for name, value in weights.items()
    }
    if safetensors:
        # Imported here because most exports are torch's.
        from safetensors.torch import save

        # A single entry, because safetensors writes several in any order.
        return bytes(save(content, {'format': 'pt'}))
    if meta is not None:
        content = {'state_dict': content, 'meta': {'format': EXPORT_MARK, **meta}}
    # To memory, because torch.save writes the name of a file that it opens into the bytes.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def write_export(output: Path, content: bytes, manifest: Manifest) -> Manifest:
    """Write an export and its manifest, and remove the record of an earlier rejection.

    Returns:
        The manifest as written, with the hash of the export.

    Raises:
        InputError: If the files cannot be written. An earlier export then stays whole.
    """
    manifest = replace(manifest, backbone_sha256=hashlib.sha256(content).hexdigest())
    try:
        # The inner block ends first, so the backbone is replaced before the manifest. In between,
        # the older manifest has another hash, and the pair is rejected.
        with files.replacing(manifest_path(output)) as new_manifest:
            files.write_json(new_manifest, asdict(manifest))
            with files.replacing(output) as new_backbone:
                new_backbone.write_bytes(content)
    except OSError as error:
        raise InputError(f'cannot write {printable(output)}: {error.strerror}') from error
    rejection = rejection_path(output)
    if _is_rejection(rejection):
        rejection.unlink()
    return manifest


def write_rejection(output: Path, manifest: Manifest) -> str:
    """Record every tensor that was rejected, without touching an earlier export.

    Returns:
        A sentence on where the record is.
    """
    path = rejection_path(output) if output.exists() else manifest_path(output)
    try:
        if output.exists() and path.exists() and not _is_rejection(path):
            raise FileExistsError(errno.EEXIST, 'it is another file')
        files.write_json(path, asdict(manifest))
    except OSError as error:
        return f'the full list could not be written to {printable(path)}: {error.strerror}'
    return f'all rejected tensors are named in {printable(path)}; no backbone was written'


def _is_rejection(path: Path) -> bool:
    try:
        return not read_manifest(path).verified
    except InputError:
        return False


def require_replaceable(output: Path, checkpoint: Path) -> None:
    """Check that an export would replace only an earlier export or the record of a rejection.

    Raises:
        InputError: If ``output`` or its manifest is another file, or the checkpoint itself.
    """
    manifest = manifest_path(output)
    if output == manifest:
        raise InputError(
            f'{printable(output)} is the name of the manifest: choose another one for the '
            f'backbone, such as {printable(output.with_suffix(".pth").name)}'
        )
    if output.exists() and checkpoint.exists() and output.samefile(checkpoint):
        raise InputError(f'{printable(output)} is the checkpoint itself: choose another output')
    try:
        replaceable = _is_earlier_export(output, manifest)
    except InputError:
        replaceable = False
    if not replaceable:
        raise InputError(
            f'{printable(output)} or its manifest {printable(manifest.name)} exists and is not an '
            'earlier export: choose another output, or remove it'
        )


def _is_earlier_export(output: Path, manifest: Path) -> bool:
    known = read_manifest(manifest) if manifest.exists() else None
    if not output.exists():
        return True
    # A file in another library's names carries no mark of rm_mm.
    found = read_checkpoint(output)
    return found.format == 'rm_mm' or (known is not None and known.backbone_sha256 == found.sha256)
