"""What would stop a cell later, asked of all of them before anything runs."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cache
from typing import Any

from rm_mm.batch_policy import apply_batch_policy
from rm_mm.data.presence import require_data
from rm_mm.errors import InputError
from rm_mm.printable import printable
from rm_mm.suite.cells import Options, Prepared
from rm_mm.suite.mistakes import Mistakes
from rm_mm.suite.plan import Cell


def check_runnable(left: Sequence[Prepared], options: Options, mistakes: Mistakes) -> None:
    """Take up each data set that is not there, and each batch that is not the recipe's.

    The embedded images are laid out when they are needed.
    """
    for item in {(item.cell.column, item.trains): item for item in left}.values():
        if not item.config.get('embedded_data'):
            with mistakes.collecting():
                require_data(item.config, item.cell.label)
        if item.trains:
            with mistakes.collecting():
                processes = max(options.gpus, 1)
                apply_batch_policy(copy.deepcopy(item.config), processes, options.batch_policy)


def check_backbones(left: Sequence[Prepared], exported: Sequence[Cell], mistakes: Mistakes) -> None:
    """Take up each backbone that would not verify, as far as it can be told by now.

    A checkpoint of the user's is verified as its export would be, unless it has to be fetched; a
    backbone that is there already is held against its manifest; the network that a config of the
    user's pretrains, or takes, against the other's.

    Args:
        left: The cells that are to run.
        exported: The pretraining whose backbones are going to be written.
        mistakes: Takes them up.
    """
    by_backbone = {cell.backbone: cell for cell in exported}
    for item in left:
        cell = item.cell
        if cell.pretrains or cell.backbone is None:
            continue
        with mistakes.collecting():
            if cell.backbone in by_backbone:
                _require_same_network(by_backbone[cell.backbone], cell)
            elif cell.backbone.exists():
                _require_intact(str(cell.backbone))
            elif cell.source and cell.network and '://' not in cell.source:
                _require_exportable(cell.source, cell.network)


def _require_same_network(pretraining: Cell, cell: Cell) -> None:
    """Check that what is pretrained is what the task takes; of the stock recipes tests say so."""
    if pretraining.own or cell.own:
        _compare(pretraining.config, cell.config)


@cache
def _compare(pretraining: str, downstream: str) -> None:
    from rm_mm.transfer.verify import check

    given, wanted = _network(pretraining), _network(downstream)
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


@cache
def _network(config: str) -> Any:
    from rm_mm.transfer.target import target_from_config

    return target_from_config(config)


@cache
def _require_intact(backbone: str) -> None:
    from pathlib import Path

    from rm_mm.transfer.initializer import read_export

    read_export(Path(backbone))


@cache
def _require_exportable(checkpoint: str, network: str) -> None:
    from rm_mm.transfer.export import require_exportable

    require_exportable(checkpoint, network)
