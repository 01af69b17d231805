"""Finding what would stop a cell later: data, batch, config, backbone and pretraining."""

from __future__ import annotations

import copy
import hashlib
import shlex
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from rm_mm.data.sources import reads_embedded, require_data
from rm_mm.errors import InputError, Mistakes, RejectedError, printable
from rm_mm.recipe.batch import apply_batch_policy
from rm_mm.recipe.config import understood
from rm_mm.run.outcome import best_checkpoint, unfinished
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.cell.trainable import require_trainable
from rm_mm.suite.plan.cells import Cell
from rm_mm.suite.plan.presets import PRETRAINING
from rm_mm.transfer.coverage import measure_coverage
from rm_mm.transfer.export import verify as require_exportable
from rm_mm.transfer.manifest import manifest_path, read_manifest
from rm_mm.transfer.target import target_from_config


def check_runnable(
    remaining: Sequence[PreparedCell], options: CellOptions | None, mistakes: Mistakes
) -> None:
    """Collect missing data sets, unsuitable batches, and custom configs that would not train.

    The embedded images are not checked: they are laid out when needed. ``options`` is None if the
    options of the call are wrong, so that the batch is unknown.
    """
    different = {(i.cell.column, i.cell.config, i.cell.trains): i for i in remaining}
    for cell, config in ((item.cell, item.config) for item in different.values()):
        with mistakes.collecting(), understood(cell.config):
            if not reads_embedded(config):
                require_data(config, cell.label, movable=not cell.pretrains)
        if cell.trains and options is not None:
            with mistakes.collecting(cell.column), understood(cell.config):
                trial = copy.deepcopy(config)
                apply_batch_policy(trial, options.processes, options.batch_policy)
        if cell.trains and Path(cell.config).is_absolute():
            # Tests check this for the stock recipes.
            with mistakes.collecting(cell.config), understood(cell.config):
                require_trainable(config)


def check_backbones(
    remaining: Sequence[PreparedCell],
    exported: Sequence[Cell],
    done: Sequence[PreparedCell],
    mistakes: Mistakes,
) -> None:
    """Collect every backbone that would not verify, as far as can be told before anything runs.

    A custom checkpoint is verified as its export would be, unless it has to be downloaded. An
    existing backbone is compared with its manifest. For custom configs, the network that is
    pretrained is compared with the network that the task takes.

    Args:
        remaining: Cells that are to run.
        exported: Pretraining whose backbones will be written.
        done: Cells whose backbones must be exports of the call's checkpoints.
        mistakes: Collects what is found.
    """
    by_backbone = {cell.backbone: cell for cell in exported}
    written = {item.cell.backbone for item in done if item.cell.pretrains}
    # Many cells need the same check.
    checks: dict[tuple[object, ...], Callable[[], object]] = {}
    networks = cache(target_from_config)
    for cell in (item.cell for item in remaining):
        if cell.backbone is None or cell.pretrains:
            continue
        if pretraining := by_backbone.get(cell.backbone):
            # Tests check this for the stock recipes.
            if pretraining.custom or cell.custom:
                pair = pretraining.config, cell.config
                checks[pair] = partial(_require_same_network, networks, *pair)
        elif cell.backbone.exists():
            checks[(cell.backbone,)] = partial(_require_intact, cell.backbone)
        elif cell.custom_file and cell.network:
            call = cell.custom_file, cell.network
            checks[(cell.custom_file,)] = partial(require_exportable, *call)
        elif cell.backbone in written:
            checks[(cell.backbone,)] = partial(_require_present, cell.backbone)
    for cell in (item.cell for item in (*remaining, *done)):
        if cell.custom_file and cell.backbone and cell.backbone.exists():
            paths = cell.custom_file, cell.backbone
            checks[paths] = partial(_require_export_of, *paths)
    for check in checks.values():
        with mistakes.collecting():
            check()


def _require_same_network(
    networks: Callable[[str], Any], pretraining: str, downstream: str
) -> None:
    """Check that the pretrained network is the one that the task takes."""
    given, wanted = networks(pretraining), networks(downstream)
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


def _require_export_of(checkpoint: str, backbone: Path) -> None:
    path = manifest_path(backbone)
    before = read_manifest(path).source_sha256 if path.exists() else 'no manifest'
    now = hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest()
    if now != before:
        raise InputError(
            f'{printable(backbone)} was exported from another file than {printable(checkpoint)}: '
            f'expected sha256 {now}, found {printable(before)}. Rename the new method, pass '
            'another --work-dir, or remove that folder and everything trained from it'
        )


def _require_present(backbone: Path) -> None:
    raise InputError(
        f'{printable(backbone)} is missing, though its pretraining is done: export it '
        f'again with rm-mm export {printable(backbone.parent)}/best_….pth -o '
        f'{printable(backbone)}, or remove the record of the pretraining to train again'
    )


def _require_intact(backbone: Path) -> None:
    # Its module imports the hooks of mmengine, which only this check needs.
    from rm_mm.transfer.initializer import read_export

    read_export(backbone)


def require_pretrained(cell: Cell) -> None:
    """Check that a pretraining run is finished.

    Raises:
        RejectedError: If it is not, or was never begun; with the call that fixes it.
    """
    progress = unfinished(cell.directory)
    if progress is None and best_checkpoint(cell.directory) is not None:
        return
    if cell.preset == 'paper' and not cell.seed and not cell.custom:
        command = f'tools/dist_train.sh configs/{cell.config} 8 --work-dir {cell.directory}'
        command += ' --resume' if progress else ''
    else:
        row = shlex.quote(cell.method + (f'={cell.config}' if cell.custom else ''))
        command = (
            f'rm-mm suite --preset {cell.preset} --tasks {PRETRAINING} --methods {row} '
            f'--seeds {cell.seed} --work-dir {shlex.quote(str(cell.work_dir))}'
        )
    state = (
        f'its pretraining is at {progress}'
        if progress
        else f'its pretraining is missing: expected best_*.pth in {cell.directory}'
    )
    raise RejectedError(f'not run, {state}; run {command}')
