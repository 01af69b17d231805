"""The runs behind the figures of the page: their numbers, and the data that its panel shows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rm_mm.records import LOG, Record

#: Names in the panel, and the fields of a record that they show unchanged.
_FIELDS = {
    'Task': 'task',
    'Column': 'column',
    'Method': 'method',
    'Seed': 'seed',
    'Preset': 'preset',
    'Checkpoint': 'checkpoint',
    'Recipe': 'config',
    'Config SHA-256': 'config_sha256',
    'Backbone SHA-256': 'backbone_sha256',
    'Data fingerprint': 'data_fingerprint',
    'Schedule': 'schedule_scale',
    'Batch': 'batch',
    'Published figure': 'published',
    'Source': 'source',
    'Seconds': 'seconds',
    'Seconds an iteration': 'seconds_an_iteration',
    'Memory, MB': 'memory_mb',
}


class Runs:
    """The runs of the page, numbered in order: records, each with the file it was read from."""

    def __init__(self, located: Sequence[tuple[Path, Record]]) -> None:
        self._located = located
        self._numbers = {id(record): number for number, (_, record) in enumerate(located)}
        self._folders: dict[Path, bool] = {}

    def path_of(self, record: Record) -> Path:
        """The file that a record was read from."""
        return self._located[self._numbers[id(record)]][0]

    def of(self, records: Iterable[Record]) -> str:
        """The numbers of some records, as ``data-runs`` holds them."""
        return ' '.join(str(self._numbers[id(record)]) for record in records)

    def data(self) -> str:
        """JSON of all runs for the page's script; equal environments and diffs are stored once."""
        shared: dict[str, int] = {}

        def place(value: object) -> int:
            return shared.setdefault(json.dumps(_json_value(value)), len(shared))

        runs = []
        for path, record in self._located:
            unit = record.step_unit
            values: dict[str, Any] = {
                'Log' if record.preset == LOG else 'Record': str(path),
                'Best': f'{record.best:g} at {unit} {record.best_step}',
                'Last': f'{record.last:g} at {unit} {record.last_step}',
                'Setting': ', '.join(record.settings),
                'Config of the run': self._config_of(path),
            }
            values |= {name: getattr(record, field) for name, field in _FIELDS.items()}
            shown = {key: _json_value(v) for key, v in values.items() if v not in (None, '')}
            environment, diff = place(record.environment), place(record.config_diff)
            runs.append({'is': shown, 'env': environment, 'diff': diff})
        data = {'runs': runs, 'shared': [json.loads(value) for value in shared]}
        text = json.dumps(data, separators=(',', ':'), ensure_ascii=False)
        # Nothing in a name can end the script element or begin a comment.
        for character in '<>&\u2028\u2029':
            text = text.replace(character, f'\\u{ord(character):04x}')
        return text

    def _config_of(self, path: Path) -> str | None:
        """The resolved config that the suite keeps next to the records, if it exists."""
        folder = path.parent.parent / 'configs'
        config = folder / f'{path.stem}.py'
        has_configs = self._folders.setdefault(folder, folder.is_dir())
        return str(config) if has_configs and config.is_file() else None


def _json_value(value: Any) -> Any:
    """A value that JSON can hold; infinity and NaN become text."""
    if isinstance(value, dict):
        return {key: _json_value(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_json_value(part) for part in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
