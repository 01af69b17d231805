"""One JSON record a cell: what was run, on what, and what came out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rm_mm.atomic import write_json
from rm_mm.batch_policy import RECIPES_BATCH
from rm_mm.errors import RefusedError
from rm_mm.names import TASKS
from rm_mm.suite.metrics import Metric
from rm_mm.suite.run_facts import read_entries

SCHEMA_VERSION = 4
_LARGEST = 1e12


@dataclass
class Record:
    """The result of one cell.

    Attributes:
        preset: Which preset it belongs to.
        task: Task name.
        method: Method name.
        seed: Of the run.
        metric: Name of the metric, with its unit.
        best: Highest value of the curve.
        best_step: Where it was reached, in ``step_unit``.
        last: Last value of the curve.
        last_step: Where that is.
        step_unit: ``epoch`` or ``iteration``.
        curve: Every evaluation, as ``[step, value]``.
        published: The paper's figure in per cent, if there is one.
        source: Where that stands.
        config: Path of the recipe below ``configs/``.
        config_sha256: Of the resolved config.
        schedule_scale: Length of the schedule as a fraction of the recipe's.
        backbone_sha256: Of the backbone it took, or left.
        data_fingerprint: Of the embedded images, or of the names and annotations of the data set
            that the run read.
        seconds: Wall time of the run, the interrupted parts of it not counted.
        environment: Versions and machine; from schema 3 on, what the run itself ran on.
        column: Name of the task, such as ``atss_r50_coco``; empty in records of schema 1.
        settings: Which settings the row belongs to; none in records of schema 1.
        batch: How its global batch differed from the recipe's, and what was done about it; None if
            it did not.
        seconds_an_iteration: Median of training; None before schema 3.
        memory_mb: The most of one process, the GPU's if there is one; None before schema 3.
        checkpoint: The best one, from the work directory; None before schema 4.
        config_diff: What the run changed of the recipe, key by key, as ``[recipe, run]``; None
            before schema 4.
        per_class: Figure of each class in per cent, of ``checkpoint``; empty if there is none.
        schema_version: Of this layout.
    """

    preset: str
    task: str
    method: str
    seed: int
    metric: str
    best: float
    best_step: int
    last: float
    last_step: int
    step_unit: str
    curve: list[list[float]]
    published: float | None
    source: str | None
    config: str
    config_sha256: str
    schedule_scale: float
    backbone_sha256: str | None
    data_fingerprint: str | None
    seconds: float
    environment: dict[str, Any] = field(default_factory=dict)
    column: str = ''
    settings: list[str] = field(default_factory=list)
    batch: str | None = None
    seconds_an_iteration: float | None = None
    memory_mb: float | None = None
    checkpoint: str | None = None
    config_diff: dict[str, list[Any]] | None = None
    per_class: dict[str, float] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def write(self, path: Path) -> None:
        """Write it atomically."""
        write_json(path, asdict(self))


def figures_of(curve: Sequence[tuple[int, float]]) -> dict[str, Any]:
    """The fields of a record that come of its curve: best, last, and where.

    Args:
        curve: ``(step, value)``, by step; one or more. Of equal ones the first is the best.
    """
    best_step, best = max(curve, key=lambda point: point[1])
    last_step, last = curve[-1]
    return {
        'best': best,
        'best_step': best_step,
        'last': last,
        'last_step': last_step,
        'curve': [[step, value] for step, value in curve],
    }


def read_record(path: Path) -> Record:
    """Read one record.

    Raises:
        RefusedError: If it is not one, or of a later schema.
    """
    try:
        values = json.loads(path.read_text(encoding='utf-8'))
        schema = values['schema_version']
        if type(schema) is not int or schema < 1:
            raise ValueError(f'schema version {schema!a}')
        if schema > SCHEMA_VERSION:
            raise RefusedError(
                f'{path}: schema version {schema}, this rm_mm reads up to {SCHEMA_VERSION}: '
                'upgrade it'
            )
        record = Record(**values)
        _require_sound(record)
        return record
    except RefusedError:
        raise
    except OSError as error:
        raise RefusedError(
            f'{path} is not a record: expected a file that can be read, found {error.strerror}. '
            'Remove it and run the suite again'
        ) from error
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise RefusedError(
            f'{path} is not a record: {error}. Remove it and run the suite again'
        ) from error


def _require_sound(record: Record) -> None:
    """Check what tables are made of.

    Raises:
        ValueError: If anything of it is of the wrong kind.
    """
    numbers = [record.best, record.last]
    numbers += [] if record.published is None else [record.published]
    if not all(map(_is_figure, numbers)):
        raise ValueError(f'expected finite figures, found {numbers}')
    texts = [record.preset, record.task, record.method, record.metric, record.column]
    is_list = isinstance(record.settings, list)
    if not is_list or not all(isinstance(text, str) for text in [*texts, *record.settings]):
        raise ValueError(f'expected names, found {[*texts, record.settings]}')
    if len(set(record.settings)) < len(record.settings):
        raise ValueError(f'expected each setting once, found {record.settings}')
    if record.task not in TASKS:
        raise ValueError(f'expected a task of {", ".join(TASKS)}, found {record.task!a}')
    if not all(text.isprintable() for text in [*texts, *record.settings]):
        raise ValueError(f'expected names, found {[*texts, record.settings]!a}')
    if not record.method:
        raise ValueError('expected the name of a method, found none')
    if type(record.seed) is not int or not isinstance(record.schedule_scale, int | float):
        raise ValueError(f'expected numbers, found {record.seed!a} and {record.schedule_scale!a}')
    # As --seeds takes them.
    if not 0 <= record.seed < 2**32:
        raise ValueError('expected a seed from 0 that has 32 bits')
    amounts = [record.seconds, record.seconds_an_iteration, record.memory_mb]
    if not all(amount is None or isinstance(amount, int | float) for amount in amounts):
        raise ValueError(f'expected numbers of time and memory, found {amounts!a}')
    _require_drawable(record)


def _require_drawable(record: Record) -> None:
    """Check what curves and figures of classes are drawn from.

    Raises:
        ValueError: If anything of it is of the wrong kind.
    """
    points = record.curve
    if not isinstance(points, list) or not all(
        isinstance(point, list) and len(point) == 2 and all(map(_is_figure, point))
        for point in points
    ):
        raise ValueError('expected a curve of [step, value]')
    classes = record.per_class
    if not isinstance(classes, dict) or not all(map(_is_figure, classes.values())):
        raise ValueError('expected a figure for each class')
    diff = record.config_diff
    if diff is not None and not (
        isinstance(diff, dict) and all(isinstance(v, list) and len(v) == 2 for v in diff.values())
    ):
        raise ValueError('expected config_diff as [recipe, run] for each key')
    if not isinstance(record.environment, dict):
        raise ValueError('expected an environment by names')
    known = (record.backbone_sha256, record.data_fingerprint, record.checkpoint, record.source)
    texts = [record.config, record.config_sha256, record.step_unit]
    texts += [text for text in (*known, record.batch) if text is not None]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f'expected texts, found {texts!a}')


def _is_figure(value: Any) -> bool:
    """Whether it is a number that can be drawn: steps and percentages are not near the limit."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and -_LARGEST <= value <= _LARGEST


def read_floor(metrics: Path, metric: Metric) -> list[tuple[int, float]]:
    """The one evaluation of a network that was not trained, from `rm-mm test --out`."""
    value = json.loads(metrics.read_text(encoding='utf-8')).get(metric.key)
    if value is None:
        raise RefusedError(f'no {metric.key} in {metrics}, or it is not a number')
    return [(0, round(float(value) * metric.factor, 4))]


def read_batch(environment: dict[str, Any]) -> str | None:
    """What a run's ``environment.json`` says of a batch that is not the recipe's."""
    note = environment.get('batch')
    return None if note == RECIPES_BATCH else note


def read_curve(directory: Path, metric: Metric) -> list[tuple[int, float]]:
    """Every evaluation of a run, from mmengine's ``scalars.json``, in per cent.

    A run that was resumed left several logs; where two name the same step, the later one counts.

    Args:
        directory: Work directory of the run.
        metric: What to look for.

    Returns:
        ``(step, value)``, by step.
    """
    curve: dict[int, float] = {}
    for entry in read_entries(directory):
        if metric.key in entry and 'step' in entry:
            value = float(entry[metric.key]) * metric.factor
            curve[int(entry['step'])] = round(value, 4)
    return sorted(curve.items())
