"""Verify the backbone in a checkpoint against a network, and export it.

A checkpoint passes through the modules of this package in this order:

1. ``location``: its name → a local file
2. ``container``, ``checkpoint``: the file → the networks in it
3. ``backbones``: the networks → the backbone to export, in OpenMMLab's names
4. ``target``: the config or the shapes → the network to fill
5. ``coverage``: backbone and network → 100 %, or rejected
6. ``output``, ``manifest``: the backbone → the requested names, a file and its record
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from rm_mm.errors import InputError, RejectedError, printable, require_type
from rm_mm.names import EXPORT_LAYOUTS
from rm_mm.transfer.backbones import (
    FoundBackbone,
    choose_candidate,
    find_candidates,
    take_backbone,
)
from rm_mm.transfer.checkpoint import read_checkpoint
from rm_mm.transfer.coverage import Coverage, measure_coverage, require_complete
from rm_mm.transfer.inputs import inputs_mismatch, inputs_of_weights
from rm_mm.transfer.location import CheckpointSource, locate
from rm_mm.transfer.manifest import SCHEMA_VERSION, Manifest
from rm_mm.transfer.output import (
    rename_for_export,
    require_replaceable,
    serialise,
    write_export,
    write_rejection,
)
from rm_mm.transfer.resnets import rename_to_target
from rm_mm.transfer.target import Target, target_from_config, target_from_shapes

# Longest message of a rejection.
_SCREEN_LINES = 20


@dataclass(frozen=True)
class ExportRequest:
    """One export.

    Attributes:
        checkpoint: Path of a checkpoint of any source, ``https://`` address, or
            ``torchvision://NETWORK``.
        output: Path of the backbone; the manifest goes next to it, as ``.json``. An earlier export
            is replaced.
        config: Config whose ``model.backbone`` the weights have to fill; by default, the ResNet
            with the plain stem that their shapes belong to.
        key: Key of the network to export if the checkpoint holds several, see
            :func:`rm_mm.transfer.backbones.choose_candidate`.
        to: Whose names to write, one of :data:`rm_mm.names.EXPORT_LAYOUTS`. With the names of
            torchvision or timm, the export includes the classifier.
        trust: Whether to unpickle whatever the file asks for, which can run anything.

    Raises:
        InputError: If a value is of the wrong type or out of range.
    """

    checkpoint: str | Path
    output: str | Path
    config: str | Path | None = None
    key: str | None = None
    to: str = EXPORT_LAYOUTS[0]
    trust: bool = False

    def __post_init__(self) -> None:
        _require_types(self.checkpoint, self.config, self.key, self.trust)
        require_type('output', self.output, str | Path)
        try:
            self.output_path.resolve()
        except (RuntimeError, OSError, ValueError) as error:
            raise InputError(f'output {str(self.output)!a} cannot be a path: {error}') from error
        if not self.output_path.name:
            raise InputError(
                f'output must name a file, such as backbone.pth, found {str(self.output)!a}'
            )
        if self.to not in EXPORT_LAYOUTS:
            raise InputError(f'to must be one of {", ".join(EXPORT_LAYOUTS)}, found {self.to!a}')

    @property
    def output_path(self) -> Path:
        """Path of the backbone; ``~`` is a home directory."""
        return Path(self.output).expanduser()


def export(
    checkpoint: ExportRequest | str | Path,
    output: str | Path | None = None,
    *,
    config: str | Path | None = None,
    key: str | None = None,
    to: str = EXPORT_LAYOUTS[0],
    trust: bool = False,
) -> Manifest:
    """Verify the backbone in a checkpoint, and write it with its manifest.

    Takes an :class:`ExportRequest`, or its values: ``export('resnet50.pth', 'backbone.pth')``.

    Both files appear complete, the manifest last, and only on success. Exporting a checkpoint again
    writes the same bytes. If a backbone is rejected, nothing is written, except for a record of
    every rejected tensor if they are too many for the message.

    Raises:
        InputError: If checkpoint, config or output cannot be used, or no network is recognised.
        RejectedError: If the weights do not fill the network completely, or belong to another one.
    """
    if isinstance(checkpoint, ExportRequest):
        request = checkpoint
        if (output, config, key, to, trust) != (None, None, None, EXPORT_LAYOUTS[0], False):
            raise InputError('export takes a request or its values, not both')
    else:
        # A missing output is rejected like an empty one.
        output = '' if output is None else output
        request = ExportRequest(checkpoint, output, config, key, to, trust)
    path = request.output_path
    source = locate(str(request.checkpoint))
    require_replaceable(path, source.path)
    measured = _measure(source, request.config, request.key, trust=request.trust)
    if not measured.coverage.ok:
        raise _recorded_rejection(measured, path)
    state, target = measured.state, measured.target
    # In the order and dtypes of the network.
    weights = {name: state[name].to(value.dtype) for name, value in target.state.items()}
    weights, layout, dropped = rename_for_export(measured.found, weights, target, request.to)
    meta = {'arch': target.arch, **measured.unusual_inputs} if layout == 'openmmlab' else None
    in_safetensors = request.to == 'safetensors' or path.suffix == '.safetensors'
    content = serialise(weights, meta, safetensors=in_safetensors)
    manifest = replace(measured.manifest, backbone=path.name, dropped=dropped, layout=layout)
    return write_export(path, content, manifest)


def verify(
    checkpoint: str | Path,
    config: str | Path | None = None,
    *,
    key: str | None = None,
    trust: bool = False,
) -> Manifest:
    """Verify the backbone in a checkpoint without writing anything.

    Arguments and errors are those of :func:`export`. The result is the manifest that an export
    would have, without a file name and hash.
    """
    _require_types(checkpoint, config, key, trust)
    measured = _measure(locate(str(checkpoint)), config, key, trust=trust)
    require_complete(measured.coverage, measured.subject)
    return measured.manifest


@dataclass(frozen=True)
class _Measured:
    """A backbone and the network that it has to fill, compared."""

    subject: str
    found: FoundBackbone
    state: dict[str, Tensor]
    target: Target
    coverage: Coverage
    manifest: Manifest
    unusual_inputs: dict[str, Any]


def _measure(
    source: CheckpointSource, config: str | Path | None, key: str | None, *, trust: bool
) -> _Measured:
    """Find the requested backbone, and compare it with the network to fill."""
    shown = printable(source.path)
    checkpoint = read_checkpoint(source.path, trust=trust)
    target = None if config is None else target_from_config(config)
    wanted = frozenset() if target is None else target.accepted_names
    candidates = find_candidates(checkpoint.networks, shown, wanted)
    candidate = choose_candidate(candidates, key, shown)
    found = take_backbone(candidate, wanted)
    state = found.state_dict
    if target is None:
        target = target_from_shapes(state)
    elif not any(name.startswith(target.wrapper) for name in state):
        state = {target.wrapper + name: value for name, value in state.items()}
    state = rename_to_target(state, target.state)
    source_format = found.source_format
    inputs = checkpoint.inputs or inputs_of_weights(
        checkpoint.config, found.heads, state, source_format
    )
    coverage = measure_coverage(
        state,
        target.state,
        found.left_over,
        folded=target.inputs.style == 'caffe',
        mismatch=inputs_mismatch(inputs, target.inputs),
    )
    if checkpoint.format in ('rm_mm', 'lightning') and source_format in ('backbone', 'torchvision'):
        source_format = checkpoint.format
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        source=source.name,
        source_format=source_format,
        source_sha256=checkpoint.sha256,
        backbone='',
        backbone_sha256='',
        arch=target.arch,
        tensors_wanted=coverage.wanted,
        tensors_matched=coverage.matched,
        dropped=list(found.heads),
        completed=list(found.completed),
        epoch=checkpoint.epoch,
        metrics={**source.metrics, **checkpoint.metrics},
        container=checkpoint.container,
        key=candidate.key,
        networks=[other.label for other in candidates if other is not candidate],
        inputs=asdict(inputs),
        verified=coverage.ok,
        mismatch=coverage.mismatch,
        problems={kind: names for kind, names in coverage.problems().items() if names},
    )
    subject = f'{shown} does not fill {target.name}'
    unusual = {'inputs': asdict(inputs)} if inputs.unusual else {}
    return _Measured(subject, found, state, target, coverage, manifest, unusual)


def _recorded_rejection(measured: _Measured, output: Path) -> RejectedError:
    """Error of a rejected export; problems that are too many for it are recorded in a file."""
    subject, coverage = measured.subject, measured.coverage
    if coverage.fits(_SCREEN_LINES):
        return RejectedError(f'{subject}: {coverage.summary(_SCREEN_LINES)}')
    where = write_rejection(output, replace(measured.manifest, backbone=output.name))
    return RejectedError(f'{subject}: {coverage.summary(_SCREEN_LINES - 1)}\n{where}')


def _require_types(checkpoint: object, config: object, key: object, trust: object) -> None:
    require_type('checkpoint', checkpoint, str | Path)
    require_type('config', config, str | Path | None)
    require_type('key', key, str | None)
    require_type('trust', trust, bool)
