"""The record of a cell, read from what its run left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rm_mm.data.sources import datasets, reads_embedded
from rm_mm.errors import RejectedError
from rm_mm.logs.scalars import evaluation_curve, training_pace, untrained_curve
from rm_mm.recipe.batch import RECIPES_BATCH
from rm_mm.records import Record, figures_of, require_sound
from rm_mm.run.environment import config_digest, versions
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell

#: Entries of ``environment.json`` that a record keeps. The others are in the record already, or
#: describe one machine only.
_FACTS = (
    'device', 'cuda', 'cudnn', 'processes', 'threads', 'batch_size', 'workers', 'deterministic',
    'git_commit',
)  # fmt: skip


def build_record(
    prepared: PreparedCell,
    options: CellOptions,
    backbone_sha256: str | None,
    seconds: float,
    details: dict[str, Any],
) -> Record:
    """Build the record of a cell whose steps are done, after ``seconds`` of wall time.

    ``backbone_sha256`` is of the backbone that the run took, or left. ``details`` are further
    fields of the record.

    Raises:
        RejectedError: If the run left no result.
    """
    cell, config, metric = prepared.cell, prepared.config, prepared.metric
    curve = (
        evaluation_curve(cell.directory, metric)
        if cell.trains
        else untrained_curve(cell.untrained_metrics, metric)
    )
    if not curve:
        raise RejectedError(
            f'no {metric.key} in the logs of {cell.directory}: no evaluation gave a value. '
            'mmdetection reports none if nothing at all is detected, as after a very short schedule'
        )
    # A custom config may have inherited the published figure of another run.
    expected = {} if cell.custom else config.get('expected') or {}
    # A subset of the embedded images is another data set: its fingerprint is the run's own.
    whole = not any(dataset.get('indices') for dataset in datasets(config))
    embedded = options.data_fingerprint if whole and reads_embedded(config) else None
    environment = read_environment(cell.directory)
    pace = training_pace(cell.directory, environment.get('peak_memory_mb'))
    batch = environment.get('batch') if cell.trains else None
    record = Record(
        preset=cell.preset,
        task=cell.task,
        method=cell.method,
        seed=cell.seed,
        metric=metric.name,
        step_unit='iteration' if 'max_iters' in config.train_cfg else 'epoch',
        **figures_of(curve),
        published=expected.get('value'),
        source=expected.get('source'),
        config=cell.config,
        config_sha256=config_digest(config),
        schedule_scale=options.scale,
        backbone_sha256=backbone_sha256,
        data_fingerprint=embedded or environment.get('data_fingerprint'),
        seconds=round(seconds, 1),
        environment=run_facts(environment) or versions(),
        column=cell.column,
        settings=list(cell.settings),
        batch=None if batch == RECIPES_BATCH else batch,
        seconds_an_iteration=pace.seconds_an_iteration,
        memory_mb=pace.memory_mb,
        **details,
    )
    try:
        require_sound(record)
    except ValueError as error:
        raise RejectedError(f'{cell.directory} left no valid result: {error}') from error
    return record


def read_environment(directory: Path) -> dict[str, Any]:
    """Read ``environment.json`` of a run, or of its last evaluation; empty if there is none."""
    own = directory / 'environment.json'
    found = [own] if own.is_file() else sorted(directory.glob('*/environment.json'))[-1:]
    return json.loads(found[0].read_text(encoding='utf-8')) if found else {}


def run_facts(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of ``environment.json`` that a record keeps, versions included."""
    facts = {name: environment[name] for name in _FACTS if name in environment}
    return {**environment.get('versions', {}), **facts}
