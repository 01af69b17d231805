"""What an export may take the place of."""

from __future__ import annotations

from pathlib import Path

from rm_mm.errors import InputError, printable
from rm_mm.transfer.checkpoint import read_checkpoint
from rm_mm.transfer.manifest import manifest_path, read_manifest, refused_path


def require_replaceable(output: Path, checkpoint: Path) -> None:
    """Refuse to replace anything that is not an earlier export, or the record of a refused one.

    Args:
        output: Where an export is to go.
        checkpoint: What it is made of.

    Raises:
        InputError: If ``output`` or its manifest is something else, or the checkpoint itself.
    """
    manifest = manifest_path(output)
    if output == manifest:
        raise InputError(
            f'{printable(output)} is the name of the manifest: give the backbone one such as '
            f'{printable(output.with_suffix(".pth").name)}'
        )
    if output.exists() and checkpoint.exists() and output.samefile(checkpoint):
        raise InputError(f'{printable(output)} is the checkpoint itself: choose another output')
    try:
        ours = _is_earlier_export(output, manifest)
    except InputError:
        ours = False
    if not ours:
        raise InputError(
            f'{printable(output)} or {printable(manifest.name)} beside it is there and is not an '
            'earlier export: choose another output, or remove it'
        )


def _is_earlier_export(output: Path, manifest: Path) -> bool:
    known = read_manifest(manifest) if manifest.exists() else None
    if not output.exists():
        return True
    # In another library's names a file does not say that it is ours.
    found = read_checkpoint(output)
    return found.format == 'rm_mm' or (known is not None and known.backbone_sha256 == found.sha256)


def forget_refusal(output: Path) -> None:
    """Remove the record of a refusal that has been overtaken."""
    path = refused_path(output)
    try:
        if path.exists() and not read_manifest(path).verified:
            path.unlink()
    except InputError:
        # Somebody else's file of that name.
        return
