"""The cells of a call with their resolved configs: those that are done, and those to run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rm_mm.errors import Mistakes
from rm_mm.recipe.config import understood
from rm_mm.recipe.metric import Metric, metric_of
from rm_mm.records import read_record
from rm_mm.suite.cell.config import continued_config, resolve_config
from rm_mm.suite.plan.cells import Cell


@dataclass(frozen=True)
class CellOptions:
    """Options that all cells of a call share.

    Attributes:
        gpus: Processes of a run on each node; 0 runs in one process, on any device.
        nodes: Nodes of a run.
        jobs: Cells at a time, which share the cores and have GPUs of their own.
        scale: Length of every schedule as a fraction of the recipe's.
        data_root: Root of the downstream data set, instead of the config's.
        data_fingerprint: Fingerprint of the embedded images, for the records.
        batch_policy: What to do if the global batch is not the recipe's; None rejects it.
    """

    gpus: int = 0
    nodes: int = 1
    jobs: int = 1
    scale: float = 1.0
    data_root: str | None = None
    data_fingerprint: str | None = None
    batch_policy: str | None = None

    @property
    def threads(self) -> int | None:
        """Cores of one cell; None for all."""
        return max((os.cpu_count() or 1) // self.jobs, 1) if self.jobs > 1 else None

    @property
    def processes(self) -> int:
        """Number of processes that train one cell."""
        return max(self.gpus * self.nodes, 1)


@dataclass(frozen=True)
class PreparedCell:
    """A cell and its resolved config."""

    cell: Cell
    config: Any

    @property
    def metric(self) -> Metric:
        """Metric of its record."""
        return metric_of(self.config, self.cell.config)


def prepare_cells(
    cells: Sequence[Cell], options: CellOptions, mistakes: Mistakes
) -> tuple[list[PreparedCell], list[PreparedCell]]:
    """Resolve the config of every cell before anything runs.

    ``mistakes`` collects configs that do not parse or name no metric, runs that were started with
    another config, and unreadable records. Their cells are left out.

    Returns:
        The cells that are done, and those that remain.
    """
    done: list[PreparedCell] = []
    remaining: list[PreparedCell] = []
    for cell in cells:
        with mistakes.collecting(), understood(cell.config):
            data_root = None if cell.pretrains else options.data_root
            config = resolve_config(cell, scale=options.scale, data_root=data_root)
            config = continued_config(cell, config)
            # Raises if there is none.
            metric_of(config, cell.config)
            if is_done := cell.record.exists():
                read_record(cell.record)
            (done if is_done else remaining).append(PreparedCell(cell, config))
    return done, remaining
