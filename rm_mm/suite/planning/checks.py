"""What would stop a cell later, asked of all of them before anything runs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rm_mm.batch_policy import apply_batch_policy
from rm_mm.data.presence import require_data
from rm_mm.errors import InputError
from rm_mm.printable import printable
from rm_mm.suite.cells import Options, Prepared
from rm_mm.suite.planning.mistakes import Mistakes
from rm_mm.suite.planning.plan import Cell


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
                config = copy.deepcopy(item.config)
                apply_batch_policy(config, options.processes, options.batch_policy)


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
            asked[(cell.backbone,)] = partial(_require_intact, cell.backbone)
        elif cell.source and cell.network and '://' not in cell.source:
            asked[(cell.source,)] = partial(_require_exportable, cell.source, cell.network)
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


def _require_intact(backbone: Path) -> None:
    from rm_mm.transfer.initializer import read_export

    read_export(backbone)


def _require_exportable(checkpoint: str, network: str) -> None:
    from rm_mm.transfer.export import require_exportable

    require_exportable(checkpoint, network)
