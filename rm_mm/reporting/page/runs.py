"""The runs behind what the page shows, and the marks that lead to them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rm_mm.records import LOG, Record
from rm_mm.reporting.page.markup import Child, Markup, tag

#: Of a record, as they are, under the names that the panel gives them.
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
    """Numbers the runs in their order.

    Args:
        found: Records, and where each was read from.
    """

    def __init__(self, found: Sequence[tuple[Path, Record]]) -> None:
        self._found = found
        self._numbers = {id(record): number for number, (_, record) in enumerate(found)}
        self._folders: dict[Path, bool] = {}

    def path_of(self, record: Record) -> Path:
        """Where a record was read from."""
        return self._found[self._numbers[id(record)]][0]

    def of(self, records: Iterable[Record]) -> str:
        """What ``data-runs`` holds."""
        return ' '.join(str(self._numbers[id(record)]) for record in records)

    def button(self, records: Sequence[Record], *shown: Child, label: str) -> Markup:
        """Something in the text that leads to runs.

        Args:
            records: Of the runs.
            *shown: What it looks like.
            label: What it is of, for those who do not see where it stands.
        """
        hidden = tag('span', f', {label}', class_='unseen')
        return tag(
            'button', *shown, hidden, type='button', class_='trace', data_runs=self.of(records)
        )

    def mark(self, records: Sequence[Record], *drawn: Child, label: str, look: str) -> Markup:
        """Something in a chart that leads to runs.

        Args:
            records: Of the runs.
            *drawn: SVG.
            label: What it says, in words.
            look: Classes of the style sheet.
        """
        return tag(
            'g', drawn, class_=f'mark {look}', tabindex='0', role='button', aria_label=label,
            data_runs=self.of(records),
        )  # fmt: skip

    def data(self) -> Markup:
        """What the panel shows, once in the page; environments and differences are shared."""
        shared: dict[str, int] = {}

        def place(value: object) -> int:
            return shared.setdefault(json.dumps(_told(value)), len(shared))

        runs = []
        for path, record in self._found:
            unit = record.step_unit
            values: dict[str, Any] = {
                'Log' if record.preset == LOG else 'Record': str(path),
                'Best': f'{record.best:g} at {unit} {record.best_step}',
                'Last': f'{record.last:g} at {unit} {record.last_step}',
                'Setting': ', '.join(record.settings),
                'Config of the run': self._config_of(path),
            }
            values |= {name: getattr(record, field) for name, field in _FIELDS.items()}
            kept = {name: _told(value) for name, value in values.items() if value not in (None, '')}
            runs.append(
                {'is': kept, 'env': place(record.environment), 'diff': place(record.config_diff)}
            )
        text = json.dumps(
            {'runs': runs, 'shared': [json.loads(value) for value in shared]},
            separators=(',', ':'), ensure_ascii=False,
        )  # fmt: skip
        # Nothing in it can end the element, nor be taken for a comment.
        for character in '<>&\u2028\u2029':
            text = text.replace(character, f'\\u{ord(character):04x}')
        return tag('script', Markup(text), type='application/json', id='runs')

    def _config_of(self, path: Path) -> str | None:
        """The resolved config that the suite keeps beside the records, if it is there."""
        folder = path.parent.parent / 'configs'
        config = folder / f'{path.stem}.py'
        has_configs = self._folders.setdefault(folder, folder.is_dir())
        return str(config) if has_configs and config.is_file() else None


def _told(value: Any) -> Any:
    """A value as JSON has it: a number without end, which it has not, becomes a word."""
    if isinstance(value, dict):
        return {key: _told(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_told(part) for part in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
