"""One JSON record a cell: what was run, on what, and what came out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from rm_mm.errors import RejectedError
from rm_mm.files import write_json
from rm_mm.names import TASKS

SCHEMA_VERSION = 4
#: The preset, and where it is of no recipe the setting, of a record that was made of a log.
LOG = 'log'
#: Beside ``records/``: what the runs show of their images.
PICTURES = 'pictures'
_LARGEST = 1e12
_UNITS = ('epoch', 'iteration')


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


_KNOWN = tuple(entry.name for entry in fields(Record))
#: In records of every schema.
_NEEDED = tuple(
    entry.name
    for entry in fields(Record)
    if entry.default is MISSING and entry.default_factory is MISSING
)


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
        RejectedError: If it is not one, or of a later schema.
    """
    try:
        # Some editors begin a file with a mark.
        values = json.loads(path.read_text(encoding='utf-8-sig'))
        if not isinstance(values, dict) or 'schema_version' not in values:
            raise ValueError('expected an entry "schema_version", found none')
        schema = values['schema_version']
        if type(schema) is not int or schema < 1:
            raise ValueError(f'schema version {schema!a}')
        if schema > SCHEMA_VERSION:
            raise RejectedError(
                f'{path}: schema version {schema}, this rm_mm reads up to {SCHEMA_VERSION}: '
                'upgrade it'
            )
        _require_entries(values)
        record = Record(**values)
        require_sound(record)
        return record
    except RejectedError:
        raise
    except OSError as error:
        raise RejectedError(
            f'{path} is not a record: expected a file that can be read, found {error.strerror}. '
            'See its permissions, or what is in its place'
        ) from error
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise RejectedError(
            f'{path} is not a record: {error}. Mend it, or remove it and run the suite again'
        ) from error


def _require_entries(values: dict[str, Any]) -> None:
    """Check that nothing is missing, or left over.

    Raises:
        ValueError: If something is.
    """
    # Rows were told apart otherwise before.
    later = ('column', 'settings') if values['schema_version'] > 1 else ()
    missing = [name for name in (*_NEEDED, *later) if name not in values]
    unknown = [name for name in values if name not in _KNOWN]
    if missing or unknown:
        found = [f'{", ".join(missing)} missing'] if missing else []
        found += [f'{", ".join(map(ascii, unknown))} left over'] if unknown else []
        schema = values['schema_version']
        raise ValueError(f'expected the entries of schema {schema}, found {" and ".join(found)}')


def require_sound(record: Record) -> None:
    """Check what tables are made of.

    Raises:
        ValueError: If anything of it is of the wrong kind.
    """
    numbers = [record.best, record.last]
    numbers += [] if record.published is None else [record.published]
    if not all(map(_is_figure, numbers)):
        raise ValueError(f'expected finite figures, found {numbers}')
    if str(record.metric).endswith('_percent') and not all(0 <= n <= 100 for n in numbers):
        raise ValueError(f'expected per cent, found {numbers}')
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
    if record.schema_version > 1 and not (record.column and all(record.settings)):
        raise ValueError('expected names of a column and of settings, found none')
    # As --seeds takes them.
    if type(record.seed) is not int or not 0 <= record.seed < 2**32:
        raise ValueError(f'expected a seed from 0 that has 32 bits, found {record.seed!a}')
    if not _is_figure(record.schedule_scale) or not 0 < record.schedule_scale <= 1:
        raise ValueError(f'expected a schedule_scale in (0, 1], found {record.schedule_scale!a}')
    amounts = [record.seconds, record.seconds_an_iteration, record.memory_mb]
    if not all(amount is None or (_is_figure(amount) and amount >= 0) for amount in amounts):
        raise ValueError(f'expected numbers of time and memory from 0, found {amounts!a}')
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
    steps = [record.best_step, record.last_step]
    if record.step_unit not in _UNITS or not all(type(step) is int and step >= 0 for step in steps):
        raise ValueError(
            f'expected steps in {" or ".join(_UNITS)}, found {steps!a} in {record.step_unit!a}'
        )
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
