"""Finding what would stop a cell later: data, batch, config and backbone."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rm_mm.data.sources import reads_embedded, require_data
from rm_mm.errors import InputError, Mistakes, printable
from rm_mm.recipe.batch import apply_batch_policy
from rm_mm.recipe.config import understood
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.cell.trainable import require_trainable
from rm_mm.suite.plan.cells import Cell


def check_runnable(
    remaining: Sequence[PreparedCell], options: CellOptions | None, mistakes: Mistakes
) -> None:
    """Collect missing data sets, unsuitable batches, and custom configs that would not train.

    The embedded images are not checked: they are laid out when needed.

    Args:
        remaining: Cells that are to run.
        options: Options of the call; None if they are wrong themselves, so that the batch is
            unknown.
        mistakes: Collects what is found.
    """
    for item in {(i.cell.column, i.cell.config, i.trains): i for i in remaining}.values():
        name = item.cell.config
        with mistakes.collecting(), understood(name):
            if not reads_embedded(item.config):
                require_data(item.config, item.cell.label, movable=not item.cell.pretrains)
        if item.trains and options is not None:
            with mistakes.collecting(item.cell.column), understood(name):
                config = copy.deepcopy(item.config)
                apply_batch_policy(config, options.processes, options.batch_policy)
        if item.trains and Path(name).is_absolute():
            # Tests check this for the stock recipes.
            with mistakes.collecting(name), understood(name):
                require_trainable(item.config)


def check_backbones(
    remaining: Sequence[PreparedCell],
    exported: Sequence[Cell],
    done: Sequence[Cell],
    mistakes: Mistakes,
) -> None:
    """Collect every backbone that would not verify, as far as can be told before anything runs.

    A custom checkpoint is verified as its export would be, unless it has to be downloaded. An
    existing backbone is compared with its manifest. For custom configs, the network that is
    pretrained is compared with the network that the task takes.

    Args:
        remaining: Cells that are to run.
        exported: Pretraining whose backbones will be written.
        done: Cells that are done, whose backbones must exist.
        mistakes: Collects what is found.
    """
    by_backbone = {cell.backbone: cell for cell in exported}
    written = {cell.backbone for cell in done if cell.pretrains}
    # Many cells need the same check.
    checks: dict[tuple[object, ...], Callable[[], None]] = {}
    networks = _Networks()
    for cell in (item.cell for item in remaining if not item.cell.pretrains):
        if cell.backbone is None:
            continue
        if pretraining := by_backbone.get(cell.backbone):
            # Of the stock recipes tests say so.
            if pretraining.custom or cell.custom:
                pair = pretraining.config, cell.config
                checks[pair] = partial(networks.require_same, *pair)
        elif cell.backbone.exists():
            if cell.custom_file:
                pair = cell.custom_file, str(cell.backbone)
                checks[pair] = partial(_require_export_of, cell.custom_file, cell.backbone)
            checks[(cell.backbone,)] = partial(_require_intact, cell.backbone)
        elif cell.custom_file and cell.network:
            checks[(cell.custom_file,)] = partial(
                _require_exportable, cell.custom_file, cell.network
            )
        elif cell.backbone in written:
            checks[(cell.backbone,)] = partial(_require_there, cell.backbone)
    for check in checks.values():
        with mistakes.collecting():
            check()


class _Networks:
    """Backbones of configs, each built once."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def require_same(self, pretraining: str, downstream: str) -> None:
        """Check that the pretrained network is the one that the task takes.

        Raises:
            InputError: If it is another one.
        """
        from rm_mm.transfer.coverage import measure_coverage

        given, wanted = self._network(pretraining), self._network(downstream)
        found = measure_coverage(given.state, wanted.state)
        names = [*found.missing, *found.unexpected, *found.wrong_shape, *found.wrong_kind]
        if not names and not found.mismatch:
            return
        difference = found.mismatch or (
            f'{len(found.missing)} tensors are missing, {len(found.unexpected)} unexpected, '
            f'{len(found.wrong_shape)} of another shape, first {printable(names[0])}'
        )
        raise InputError(
            f'{printable(downstream)} takes a {wanted.name}, {printable(pretraining)} pretrains '
            f'another {given.name}: {difference}'
        )

    def _network(self, config: str) -> Any:
        from rm_mm.transfer.target import target_from_config

        if config not in self._built:
            self._built[config] = target_from_config(config)
        return self._built[config]


def check_sources(done: Sequence[PreparedCell], mistakes: Mistakes) -> None:
    """Collect cells that are done, but with another checkpoint than the call names."""
    for cell in (item.cell for item in done):
        if cell.custom_file and cell.backbone and cell.backbone.exists():
            with mistakes.collecting():
                _require_export_of(cell.custom_file, cell.backbone)


def _require_export_of(checkpoint: str, backbone: Path) -> None:
    from rm_mm.transfer.manifest import manifest_path, read_manifest

    path = manifest_path(backbone)
    before = read_manifest(path).source_sha256 if path.exists() else 'no manifest'
    now = hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest()
    if now != before:
        raise InputError(
            f'{printable(backbone)} was exported from another file than {printable(checkpoint)}: '
            f'expected sha256 {now}, found {printable(before)}. Rename the new method, pass '
            'another --work-dir, or remove that folder and everything trained from it'
        )


def _require_there(backbone: Path) -> None:
    raise InputError(
        f'{printable(backbone)} is missing, though its pretraining is done: export it '
        f'again with rm-mm export {printable(backbone.parent)}/best_….pth -o '
        f'{printable(backbone)}, or remove the record of the pretraining to train again'
    )


def _require_intact(backbone: Path) -> None:
    from rm_mm.transfer.initializer import read_export

    read_export(backbone)


def _require_exportable(checkpoint: str, network: str) -> None:
    from rm_mm.transfer.export import verify as require_exportable

    require_exportable(checkpoint, network)
