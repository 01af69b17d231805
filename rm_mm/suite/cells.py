"""The cells of a call, resolved before any of them runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rm_mm.errors import Mistakes
from rm_mm.recipe.config import understood
from rm_mm.recipe.metric import metric_of
from rm_mm.records import read_record
from rm_mm.suite.cell_config import require_same, resolve
from rm_mm.suite.planning.plan import Cell


@dataclass(frozen=True)
class Options:
    """What holds for all cells of a call.

    Attributes:
        gpus: Processes a run on each node; 0 runs it in one, on whatever device there is.
        nodes: Machines a run.
        jobs: Cells at a time, which share the cores, and have GPUs of their own.
        scale: Length of every schedule as a fraction of the recipe's.
        data_root: Of the downstream data set, instead of the config's.
        data_fingerprint: Of the embedded images, for the records.
        batch_policy: For a run whose global batch is not the recipe's; None refuses it.
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
        """Cores that a cell is to use; all if None."""
        return max((os.cpu_count() or 1) // self.jobs, 1) if self.jobs > 1 else None

    @property
    def processes(self) -> int:
        """How many of them train together."""
        return max(self.gpus * self.nodes, 1)


@dataclass(frozen=True)
class Prepared:
    """A cell and its resolved config."""

    cell: Cell
    config: Any

    @property
    def trains(self) -> bool:
        """Whether it is more than the evaluation of an untrained network."""
        return self.cell.trains


def prepare(
    cells: Sequence[Cell], options: Options, mistakes: Mistakes | None = None
) -> tuple[list[Prepared], list[Prepared]]:
    """Resolve every cell's config, before anything runs.

    Args:
        cells: Of the call.
        options: Likewise.
        mistakes: Takes up each config that does not parse or names no metric, each run that was
            begun with another, and each record that is none; their cells are left out.

    Returns:
        The cells that are done, and those that are left.

    Raises:
        InputError: With all of these, if there is nothing that takes them up.
    """
    found = mistakes or Mistakes()
    done, left = [], []
    for cell in cells:
        with found.collecting(), understood(cell.config):
            root = None if cell.pretrains else options.data_root
            config = resolve(cell, scale=options.scale, data_root=root)
            require_same(cell, config)
            metric_of(config, cell.config)
            if cell.record.exists():
                read_record(cell.record)
                done.append(Prepared(cell, config))
            else:
                left.append(Prepared(cell, config))
    if mistakes is None:
        found.require_none()
    return done, left
