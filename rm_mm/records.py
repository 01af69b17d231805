"""The record of one cell: what was run, on which data, and the result.

Records are the contract between the suite, which writes them, and the report, which reads them.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, InstanceOf, TypeAdapter, ValidationError

from rm_mm.errors import InputError, Mistakes, RejectedError, printable
from rm_mm.files import write_json
from rm_mm.names import TASKS

SCHEMA_VERSION = 4
#: Preset of a record that was made from a log; also its setting if the log matches no recipe.
LOG = 'log'
#: Folder next to ``records/`` with pictures of the runs.
PICTURES = 'pictures'


def _printable_text(text: str) -> str:
    if not text.isprintable():
        raise ValueError('expected printable characters')
    return text


#: A finite number that can be drawn. Percentages, steps, seconds and megabytes are far below 1e12.
Figure = Annotated[float, Field(strict=True, ge=-1e12, le=1e12, allow_inf_nan=False)]
Amount = Annotated[float, Field(strict=True, ge=0, le=1e12, allow_inf_nan=False)]
Step = Annotated[int, Field(strict=True, ge=0)]
#: A name in tables: no terminal escapes and no line breaks.
Name = Annotated[str, AfterValidator(_printable_text)]
#: Any text. Paths that are not UTF-8 hold surrogates, which pydantic's own ``str`` rejects.
Text = InstanceOf[str]


@dataclass
class Record:
    """Result of one cell.

    Building a record checks nothing; :func:`read_record` and :func:`require_sound` do.

    Attributes:
        preset: Preset that the cell belongs to.
        task: Task name.
        method: Method name.
        seed: Seed of the run.
        metric: Name of the metric, with its unit.
        best: Highest value of the curve.
        best_step: Step of the highest value, in ``step_unit``.
        last: Last value of the curve.
        last_step: Step of the last value.
        step_unit: ``epoch`` or ``iteration``.
        curve: Every evaluation, as ``[step, value]``.
        published: The paper's figure in percent; None if it has none.
        source: Where the paper prints that figure.
        config: Path of the recipe below ``configs/``.
        config_sha256: Hash of the resolved config.
        schedule_scale: Length of the schedule as a fraction of the recipe's, in (0, 1].
        backbone_sha256: Hash of the backbone that the run started from, or that pretraining left.
        data_fingerprint: Hash of the embedded images, or of the names and annotations that the run
            read.
        seconds: Wall time of the run, without interrupted parts.
        environment: Versions and machine; since schema 3, those of the run itself.
        column: Name of the task's configuration, such as ``atss_r50_coco``; empty in schema 1.
        settings: Settings that the row belongs to; empty in schema 1.
        batch: How the global batch differed from the recipe's, and how that was handled; None if
            it did not differ.
        seconds_an_iteration: Median time of a training iteration; None before schema 3.
        memory_mb: Peak memory of one process, on the GPU if there is one; None before schema 3.
        checkpoint: Best checkpoint, relative to the work directory; None before schema 4.
        config_diff: Keys in which the run differed from the recipe, as ``[recipe, run]``; None
            before schema 4.
        per_class: Figure of each class in percent, for ``checkpoint``; empty if not measured.
        schema_version: Version of this layout.
    """

    __pydantic_config__ = ConfigDict(extra='forbid')

    preset: Name
    task: Annotated[str, Field(pattern=f'^({"|".join(TASKS)})$')]
    method: Annotated[Name, Field(min_length=1)]
    # 32 bits, the same range as --seeds.
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)]
    metric: Name
    best: Figure
    best_step: Step
    last: Figure
    last_step: Step
    step_unit: Annotated[str, Field(pattern='^(epoch|iteration)$')]
    curve: list[Annotated[list[Figure], Field(min_length=2, max_length=2)]]
    published: Figure | None
    source: Text | None
    config: Text
    config_sha256: Text
    schedule_scale: Annotated[float, Field(strict=True, gt=0, le=1)]
    backbone_sha256: Text | None
    data_fingerprint: Text | None
    seconds: Amount
    environment: dict[Text, Any] = field(default_factory=dict)
    column: Name = ''
    settings: list[Name] = field(default_factory=list)
    batch: Text | None = None
    seconds_an_iteration: Amount | None = None
    memory_mb: Amount | None = None
    checkpoint: Text | None = None
    config_diff: dict[Text, Annotated[list[Any], Field(min_length=2, max_length=2)]] | None = None
    per_class: dict[Text, Figure] = field(default_factory=dict)
    schema_version: Annotated[int, Field(strict=True, ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION

    def write(self, path: Path) -> None:
        """Write the record atomically."""
        write_json(path, asdict(self))


def _consistent(record: Record) -> Record:
    """Check the rules that involve more than one field."""
    shown = [record.best, record.last, record.published or 0.0]
    if record.metric.endswith('_percent') and not all(0 <= figure <= 100 for figure in shown):
        raise ValueError(f'expected percentages from 0 to 100, found {shown}')
    if len(set(record.settings)) < len(record.settings):
        raise ValueError(f'expected each setting once, found {record.settings}')
    if record.schema_version > 1 and not (record.column and all(record.settings)):
        raise ValueError('expected names of a column and of settings, found an empty name')
    return record


_MODEL = TypeAdapter(Annotated[Record, AfterValidator(_consistent)])
_FIELDS = {entry.name: entry for entry in fields(Record)}
#: Fields that schema 1 requires.
_REQUIRED = [
    name
    for name, entry in _FIELDS.items()
    if entry.default is MISSING and entry.default_factory is MISSING
]
#: Fields that later schemas require as well. They name a row.
_REQUIRED_LATER = ['column', 'settings']


def figures_of(curve: Sequence[tuple[int, float]]) -> dict[str, Any]:
    """Fields of a record that follow from its curve: best, last, and their steps.

    The curve holds one or more ``(step, value)``, by step. The first of equal values is the best.
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
    """Read and validate one record of any schema.

    Raises:
        RejectedError: If the file is not a record, or has a later schema.
    """
    try:
        # Some editors write a byte order mark.
        values = json.loads(path.read_text(encoding='utf-8-sig'))
        if not isinstance(values, dict) or 'schema_version' not in values:
            raise ValueError('expected an entry "schema_version", found none')
        schema = values['schema_version']
        if type(schema) is int and schema > SCHEMA_VERSION:
            raise RejectedError(
                f'{path}: schema version {schema}, but this rm_mm reads up to {SCHEMA_VERSION}: '
                'upgrade rm_mm'
            )
        _require_fields(values)
        return _validated(values)
    except RejectedError:
        raise
    except OSError as error:
        raise RejectedError(
            f'{path} is not a record: expected a readable file, found {error.strerror}. '
            'Check its permissions and what the path is'
        ) from error
    except (ValueError, RecursionError) as error:
        raise RejectedError(
            f'{path} is not a record: {error}. Fix it, or remove it and run the suite again'
        ) from error


def _require_fields(values: dict[str, Any]) -> None:
    """Check that no field is missing, and that none is unknown."""
    schema = values['schema_version']
    required = [*_REQUIRED, *(_REQUIRED_LATER if schema != 1 else ())]
    missing = ', '.join(name for name in required if name not in values)
    unknown = ', '.join(f"'{printable(name)}'" for name in values if name not in _FIELDS)
    if missing or unknown:
        found = [f'{missing} missing'] if missing else []
        found += [f'{unknown} unknown'] if unknown else []
        raise ValueError(f'expected the fields of schema {schema!a}, found {" and ".join(found)}')


def require_sound(record: Record) -> None:
    """Check the type and range of every field.

    Raises:
        ValueError: If one is wrong, in one line.
    """
    _validated(vars(record))


def _validated(values: dict[str, Any]) -> Record:
    try:
        return _MODEL.validate_python(values)
    except ValidationError as error:
        first, *more = error.errors(include_url=False, include_context=False)
        text = first['msg'].removeprefix('Value error, ')
        if first['loc']:
            place = '.'.join(map(str, first['loc']))
            text = f'{printable(place)}: {text}, found {ascii(first["input"])[:160]}'
        count = f' (and {len(more)} more)' if more else ''
        raise ValueError(text + count) from error


def record_schema() -> dict[str, Any]:
    """JSON schema of a record, as published in ``docs/record.schema.json``."""
    schema = _MODEL.json_schema()
    title, _, attributes = (Record.__doc__ or '').partition('Attributes:')
    for name, text in re.findall(r'^ {8}(\w+): (.+\n(?: {12}.+\n)*)', attributes, re.MULTILINE):
        schema['properties'][name]['description'] = ' '.join(text.split())
        schema['properties'][name].pop('title', None)
    later = {'properties': {'schema_version': {'minimum': 2}}}
    schema |= {'title': 'rm_mm record', 'description': title.splitlines()[0]}
    schema |= {'if': later, 'then': {'required': ['column', 'settings']}}
    schema['required'].append('schema_version')
    return schema


class RecordSet(tuple[Record, ...]):
    """Records in the order of their files."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f'<RecordSet of {len(self)} records>'

    def to_frame(self) -> Any:
        """One row per record as a ``pandas.DataFrame``, with the fields as columns.

        Raises:
            InputError: If pandas is not installed.
        """
        try:
            # By name, because rm_mm neither requires nor offers pandas.
            pandas = importlib.import_module('pandas')
        except ImportError as error:
            raise InputError(
                'to_frame needs pandas, which is not installed: run `pip install pandas`'
            ) from error
        return pandas.DataFrame([vars(record) for record in self], columns=list(_FIELDS))


def read_records(folder: str | PathLike[str]) -> RecordSet:
    """Read all records of a suite's work directory, or of a folder with the JSON files themselves.

    Raises:
        InputError: If there is none, or with every file that is not a record.
    """
    if not isinstance(folder, str | PathLike):
        raise InputError(
            f'read_records: expected the path of a folder, found {type(folder).__name__}'
        )
    path = Path(folder).expanduser()
    files = sorted((path / 'records').glob('*.json')) or sorted(path.glob('*.json'))
    if not files:
        raise InputError(
            f'no records in {printable(path)}: expected {printable(path)}/records/*.json, as '
            'rm-mm suite writes them, or a folder of such files'
        )
    return read_files(files, 'nothing was read')


def read_files(files: Sequence[Path], consequence: str) -> RecordSet:
    """Read record files.

    Raises:
        InputError: With every file that is not a record, and the consequence of that.
    """
    mistakes, found = Mistakes(), []
    for file in files:
        with mistakes.collecting():
            found.append(read_record(file))
    mistakes.require_none(consequence)
    return RecordSet(found)
