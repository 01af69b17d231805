"""What would stop a cell later, asked of all of them before anything runs."""

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
from rm_mm.suite.cells import Options, Prepared
from rm_mm.suite.planning.own_config import require_trainable
from rm_mm.suite.planning.plan import Cell


def check_runnable(left: Sequence[Prepared], options: Options | None, mistakes: Mistakes) -> None:
    """Take up each data set that is not there, and each batch that is not the recipe's.

    The embedded images are laid out when they are needed. Without options, nobody knows the batch.
    """
    for item in {(i.cell.column, i.cell.config, i.trains): i for i in left}.values():
        name = item.cell.config
        with mistakes.collecting(), understood(name):
            if not reads_embedded(item.config):
                require_data(item.config, item.cell.label, movable=not item.cell.pretrains)
        if item.trains and options is not None:
            with mistakes.collecting(item.cell.column), understood(name):
                config = copy.deepcopy(item.config)
                apply_batch_policy(config, options.processes, options.batch_policy)
        if item.trains and Path(name).is_absolute():
            # Of the stock recipes tests say so.
            with mistakes.collecting(name), understood(name):
                require_trainable(item.config)


def check_backbones(
    left: Sequence[Prepared],
    exported: Sequence[Cell],
    done: Sequence[Cell],
    mistakes: Mistakes,
) -> None:
    """Take up each backbone that would not verify, as far as it can be told by now.

    A checkpoint of the user's is verified as its export would be, unless it has to be fetched; a
    backbone that is there already is held against its manifest; the network that a config of the
    user's pretrains, or takes, against the other's.

    Args:
        left: The cells that are to run.
        exported: The pretraining whose backbones are going to be written.
        done: Cells that are done, whose backbones have to be there.
        mistakes: Takes them up.
    """
    by_backbone = {cell.backbone: cell for cell in exported}
    left_behind = {cell.backbone for cell in done if cell.pretrains}
    # Many cells ask the same.
    asked: dict[tuple[object, ...], Callable[[], None]] = {}
    networks = _Networks()
    for cell in (item.cell for item in left if not item.cell.pretrains):
        if cell.backbone is None:
            continue
        if pretraining := by_backbone.get(cell.backbone):
            # Of the stock recipes tests say so.
            if pretraining.own or cell.own:
                pair = pretraining.config, cell.config
                asked[pair] = partial(networks.require_same, *pair)
        elif cell.backbone.exists():
            if cell.own_file:
                pair = cell.own_file, str(cell.backbone)
                asked[pair] = partial(_require_export_of, cell.own_file, cell.backbone)
            asked[(cell.backbone,)] = partial(_require_intact, cell.backbone)
        elif cell.own_file and cell.network:
            asked[(cell.own_file,)] = partial(_require_exportable, cell.own_file, cell.network)
        elif cell.backbone in left_behind:
            asked[(cell.backbone,)] = partial(_require_there, cell.backbone)
    for ask in asked.values():
        with mistakes.collecting():
            ask()


class _Networks:
    """The backbones of configs, each built once."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def require_same(self, pretraining: str, downstream: str) -> None:
        """Check that what is pretrained is what the task takes.

        Raises:
            InputError: If it is another network.
        """
        from rm_mm.transfer.verify import check

        given, wanted = self._network(pretraining), self._network(downstream)
        found = check(given.state, wanted.state)
        names = [*found.missing, *found.unexpected, *found.wrong_shape, *found.wrong_kind]
        if not names and not found.mismatch:
            return
        said = found.mismatch or (
            f'{len(found.missing)} tensors are missing, {len(found.unexpected)} left over, '
            f'{len(found.wrong_shape)} of another shape, first {printable(names[0])}'
        )
        raise InputError(
            f'{printable(downstream)} takes a {wanted.name}, {printable(pretraining)} pretrains '
            f'another {given.name}: {said}'
        )

    def _network(self, config: str) -> Any:
        from rm_mm.transfer.target import target_from_config

        if config not in self._built:
            self._built[config] = target_from_config(config)
        return self._built[config]


def check_sources(done: Sequence[Prepared], mistakes: Mistakes) -> None:
    """Take up each cell that is done with another checkpoint than the call names."""
    for cell in (item.cell for item in done):
        if cell.own_file and cell.backbone and cell.backbone.exists():
            with mistakes.collecting():
                _require_export_of(cell.own_file, cell.backbone)


def _require_export_of(checkpoint: str, backbone: Path) -> None:
    from rm_mm.transfer.manifest import manifest_path, read_manifest

    path = manifest_path(backbone)
    before = read_manifest(path).source_sha256 if path.exists() else 'nothing that says of what'
    now = hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest()
    if now != before:
        raise InputError(
            f'{printable(backbone)} was exported from another file than {printable(checkpoint)}: '
            f'expected sha256 {now}, found {printable(before)}. Call the new one otherwise, say '
            'another --work-dir, or remove that folder and what was trained from it'
        )


def _require_there(backbone: Path) -> None:
    raise InputError(
        f'{printable(backbone)} is gone, though the pretraining that left it is done: export it '
        f'again with rm-mm export {printable(backbone.parent)}/best_….pth -o '
        f'{printable(backbone)}, or remove the record of the pretraining to train it anew'
    )


def _require_intact(backbone: Path) -> None:
    from rm_mm.transfer.initializer import read_export

    read_export(backbone)


def _require_exportable(checkpoint: str, network: str) -> None:
    from rm_mm.transfer.export import require_exportable

    require_exportable(checkpoint, network)
