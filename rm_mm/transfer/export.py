"""From a checkpoint to a verified backbone and its manifest.

The way of the weights: file → content (``container``) → networks (``networks``) → the backbone that
is meant (``candidates``) → its names (``convert``) → the network to fill (``target``) → 100 % or no
(``verify``) → the names and the file that were asked for (``layouts``) → backbone and manifest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from rm_mm import files
from rm_mm.errors import InputError, RejectedError, printable
from rm_mm.transfer.candidates import Candidate, choose, find_candidates, name_of
from rm_mm.transfer.checkpoint import Checkpoint, read_checkpoint
from rm_mm.transfer.convert import FoundBackbone, take_backbone
from rm_mm.transfer.inputs import Inputs, inputs_mismatch, inputs_of_weights
from rm_mm.transfer.layouts import classifier_of, rename, serialise
from rm_mm.transfer.manifest import (
    SCHEMA_VERSION,
    Manifest,
    manifest_path,
    refused_path,
    write_manifest,
)
from rm_mm.transfer.output import forget_refusal, require_replaceable
from rm_mm.transfer.target import Target, target_from_config, target_from_shapes
from rm_mm.transfer.variants import in_names_of
from rm_mm.transfer.verify import Coverage, check, require
from rm_mm.transfer.zoo import Source, locate

# What a refusal may take of a terminal.
_SCREEN_LINES = 20


@dataclass(frozen=True)
class _Taken:
    """A backbone on its way from a file to a network."""

    source: Source
    checkpoint: Checkpoint
    candidate: Candidate
    others: list[str]
    found: FoundBackbone
    state: dict[str, Tensor]
    inputs: Inputs
    target: Target
    coverage: Coverage


def export_backbone(
    checkpoint: str | Path,
    output: Path,
    *,
    config: str | Path | None = None,
    key: str | None = None,
    trust: bool = False,
    to: str = 'openmmlab',
) -> Manifest:
    """Take the backbone out of ``checkpoint``, verify it, and write it with its manifest.

    Both files appear whole, the manifest last, and only if everything went well; a second export
    of the same checkpoint writes the same bytes. Of a backbone that is refused nothing is written,
    or the manifest alone where it has more to say than a screen has room for.

    Args:
        checkpoint: Any file that :func:`rm_mm.transfer.checkpoint.read_checkpoint` reads, or a name
            that :func:`rm_mm.transfer.zoo.locate` knows.
        output: Where to write the backbone, named as in mmdet, mmseg and mmpretrain, without
            prefix; the manifest goes beside it, as ``.json``. An earlier export is replaced.
        config: A config whose ``model.backbone`` the weights have to fill. Without it, the ResNet
            with the plain stem that the shapes tell of.
        key: Which of several networks to take, see :func:`rm_mm.transfer.candidates.choose`.
        trust: Unpickle whatever the file asks for. It can run anything.
        to: Whose names to write: one of :data:`rm_mm.names.EXPORT_LAYOUTS`.

    Raises:
        InputError: If the checkpoint or config cannot be used, the network cannot be told, or
            ``output`` cannot be written or is something other than an earlier export.
        RejectedError: If the weights do not fill the network completely, or are of another one.
    """
    source = locate(str(checkpoint))
    require_replaceable(output, source.path)
    taken = _take(source, config, key, trust=trust)
    if not taken.coverage.ok:
        raise _refused(taken, output)
    # In the target's order and dtypes.
    weights = {
        name: taken.state[name].to(value.dtype) for name, value in taken.target.state.items()
    }
    classifier = classifier_of(taken.found, weights) if to != 'openmmlab' else {}
    heads = {new: taken.found.heads[old] for old, new in classifier.items()}
    weights, layout = rename(weights, taken.target, to, heads)
    written = serialise(
        weights,
        _meta(taken),
        layout,
        safetensors=to == 'safetensors' or output.suffix == '.safetensors',
    )
    manifest = _manifest(
        taken,
        output,
        backbone_sha256=hashlib.sha256(written).hexdigest(),
        dropped=[name for name in taken.found.heads if name not in classifier],
        layout=layout,
    )
    try:
        # The inner block ends first: the backbone takes its place, then the manifest. In between,
        # an older manifest names another hash, so that the pair is refused.
        with files.replacing(manifest_path(output)) as new_manifest:
            write_manifest(new_manifest, manifest)
            with files.replacing(output) as new_backbone:
                new_backbone.write_bytes(written)
    except OSError as error:
        raise InputError(f'cannot write {printable(output)}: {error.strerror}') from error
    forget_refusal(output)
    return manifest


def require_exportable(checkpoint: str | Path, config: str | Path) -> None:
    """Check that a checkpoint fills the network of a config; nothing is written.

    Raises:
        InputError: If either cannot be used.
        RejectedError: If it does not fill the network completely, or is of another one.
    """
    source = locate(str(checkpoint))
    taken = _take(source, config, None, trust=False)
    require(taken.coverage, f'{printable(source.path)} does not fill {taken.target.name}')


def _take(source: Source, config: str | Path | None, key: str | None, *, trust: bool) -> _Taken:
    """Find the backbone that is meant, and hold it against the network that it is to fill."""
    shown = printable(source.path)
    checkpoint = read_checkpoint(source.path, trust=trust)
    target = None if config is None else target_from_config(config)
    wanted = _names(target)
    candidates = find_candidates(checkpoint.networks, shown, wanted)
    candidate = choose(candidates, key, shown)
    found = take_backbone(candidate, wanted)
    state = found.state_dict
    if target is None:
        target = target_from_shapes(state)
    elif not any(name.startswith(target.wrapped) for name in state):
        state = {target.wrapped + name: value for name, value in state.items()}
    state = in_names_of(state, target.state)
    inputs = checkpoint.inputs or inputs_of_weights(
        checkpoint.meta.config, found.heads, state, found.source_format
    )
    coverage = check(
        state,
        target.state,
        found.left_over,
        folded=target.inputs.style == 'caffe',
        mismatch=inputs_mismatch(inputs, target.inputs),
    )
    others = [name_of(other) for other in candidates if other is not candidate]
    return _Taken(
        source, checkpoint, candidate, others, found, state, inputs, target, coverage
    )  # fmt: skip


def _meta(taken: _Taken) -> dict[str, Any]:
    """What the file itself says, which is the same whoever the weights came from."""
    meta: dict[str, Any] = {'arch': taken.target.arch}
    if taken.inputs.unusual:
        meta['inputs'] = taken.inputs.as_json()
    return meta


def _names(target: Target | None) -> frozenset[str]:
    """What the names of a source may end with if it is of that network."""
    if target is None:
        return frozenset()
    return frozenset(target.state) | {name.removeprefix(target.wrapped) for name in target.state}


def _manifest(
    taken: _Taken,
    output: Path,
    *,
    backbone_sha256: str,
    dropped: list[str],
    layout: str,
) -> Manifest:
    found, checkpoint = taken.found, taken.checkpoint
    source_format = found.source_format
    if checkpoint.format in ('rm_mm', 'lightning') and source_format in ('backbone', 'torchvision'):
        source_format = checkpoint.format
    problems = taken.coverage.problems()
    return Manifest(
        schema_version=SCHEMA_VERSION,
        source=taken.source.name,
        source_format=source_format,
        source_sha256=checkpoint.sha256,
        backbone=output.name,
        backbone_sha256=backbone_sha256,
        arch=taken.target.arch,
        tensors_wanted=taken.coverage.wanted,
        tensors_matched=taken.coverage.matched,
        dropped=dropped,
        completed=list(found.completed),
        epoch=checkpoint.meta.epoch,
        metrics={**taken.source.metrics, **checkpoint.meta.metrics},
        container=checkpoint.container,
        key=taken.candidate.key,
        networks=taken.others,
        inputs=taken.inputs.as_json(),
        layout=layout,
        verified=taken.coverage.ok,
        mismatch=taken.coverage.mismatch,
        problems={kind: dict(names) for kind, names in problems.items() if names},
    )


def _refused(taken: _Taken, output: Path) -> RejectedError:
    """What to say; where that is not all, with a record of every tensor that is wrong.

    An earlier export stays.
    """
    what = f'{printable(taken.source.path)} does not fill {taken.target.name}'
    if taken.coverage.fits(_SCREEN_LINES):
        return RejectedError(f'{what}: {taken.coverage.summary(_SCREEN_LINES)}')
    path = refused_path(output) if output.exists() else manifest_path(output)
    dropped = list(taken.found.heads)
    record = _manifest(taken, output, backbone_sha256='', dropped=dropped, layout='openmmlab')
    try:
        write_manifest(path, record)
        where = f'every tensor that is wrong is named in {printable(path)}; no backbone was written'
    except OSError as error:
        where = f'the full list could not be written to {printable(path)}: {error.strerror}'
    return RejectedError(f'{what}: {taken.coverage.summary(_SCREEN_LINES - 1)}\n{where}')
