"""The three formats of a log, and their lines as typed entries."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from rm_mm.errors import InputError
from rm_mm.logs.lines import BrokenLineError, LogLine, json_entry, read_lines

#: What parsing or using an entry raises if the line is damaged.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OverflowError)

_TRAINING = re.compile(
    r'Epoch \[(\d+)/(\d+)\]\[(\d+)/(\d+)\]\s+lr (?:(\d+(?:\.\d+)?(?:e-?\d+)?)(?![\d.e-]))?'
)
# What follows the number shows that all of its digits are there.
_EVALUATION = re.compile(r'Epoch\(val\) \[(\d+)\]\s+Test Acc@1: (\S+)\s')
_LOGGED_AT = re.compile(r'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) - ')
_EXPERIMENT = 'Exp path: '
#: Metric as logged, its name in a record, and the factor that makes it a percentage.
_AUTHORS_METRICS = {'Acc@1': ('top1_percent', 100.0)}
_MMCV_METRICS = {
    'bbox_mAP': ('box_ap_percent', 100.0),
    'segm_mAP': ('mask_ap_percent', 100.0),
    'mAP': ('map_percent', 100.0),
    'mIoU': ('miou_percent', 100.0),
    'accuracy_top-1': ('top1_percent', 1.0),
}
_MMENGINE_METRICS = {
    'accuracy/top1': ('top1_percent', 1.0),
    'coco/bbox_mAP': ('box_ap_percent', 100.0),
    'coco/segm_mAP': ('mask_ap_percent', 100.0),
    'pascal_voc/mAP': ('map_percent', 100.0),
    'mIoU': ('miou_percent', 1.0),
}
#: The first bytes of gzip, bzip2, xz and zstandard, decoded as UTF-8.
_COMPRESSED = ('\x1f\ufffd', 'BZh', '\ufffd7zXZ', '(\ufffd/\ufffd')
#: Lines that may precede the first entry of a log.
_LONGEST_HEAD = 10_000
#: Bound of every epoch, iteration and step.
_LARGEST_COUNT = 10**9


class HeaderEntry(NamedTuple):
    """What a log says about the whole run: its name, its seed, and the text of its config."""

    name: str | None = None
    seed: int | None = None
    config: Any = None


class TrainingEntry(NamedTuple):
    """A training iteration.

    Attributes:
        epoch: Epoch, from 1; 0 if the log does not count epochs.
        iteration: Iteration as logged: of the epoch or of the run, from 0 in the authors' logs and
            from 1 in all others.
        plan: Epochs of the run and iterations of an epoch, as logged, if the line has them.
        logged_at: ISO date and time of the line, with a comma before the milliseconds, if it has
            them.
        figures: Other values of the entry, as logged: ``lr``, ``time``, ``memory``.
    """

    epoch: int
    iteration: int
    plan: tuple[str, str] | None = None
    logged_at: str | None = None
    figures: Mapping[str, Any] = MappingProxyType({})


class EvaluationEntry(NamedTuple):
    """The values of an evaluation and its step or epoch, unchecked: ``LogFormat.numbers_steps``."""

    point: Any
    figures: Mapping[str, Any]


LogEntry = HeaderEntry | TrainingEntry | EvaluationEntry


@dataclass(frozen=True)
class LogFormat:
    """One format of logs.

    Attributes:
        name: Program that writes it.
        parse: Parses a line; None if the line is of no interest. Raises one of ``UNREADABLE`` if it
            is damaged.
        metrics: Name in a record, and factor that makes it a percentage, of each metric.
        by_iteration: Whether iterations are counted through all epochs; None if that depends on
            the run.
        numbers_steps: Whether an evaluation names its step, instead of its epoch.
    """

    name: str
    parse: Callable[[LogLine], LogEntry | None]
    metrics: Mapping[str, tuple[str, float]]
    by_iteration: bool | None
    numbers_steps: bool = False

    def percentages(self, figures: Mapping[str, Any]) -> dict[str, float]:
        """The known metrics of an evaluation, in percent, by their names in a record."""
        found = {}
        for key, (name, factor) in self.metrics.items():
            if key not in figures:
                continue
            if isinstance(figures[key], bool):
                raise TypeError(f'{key} is {figures[key]}')
            value = float(figures[key])
            # mmclassification logs its mAP in percent, mmdetection as a fraction.
            scaled = value if key == 'mAP' and value > 1 else value * factor
            # Rounded where the binary fraction would show.
            found[name] = round(scaled, 4)
        return found


def detect_format(path: Path) -> LogFormat:
    """Find the format of a log by its content. Damaged lines at its head are skipped.

    Raises:
        InputError: If the file cannot be read, or has none of the known formats.
    """
    number = 0
    for line in read_lines(path):
        number = line.number
        if number == 1 and line.text.startswith(_COMPRESSED):
            raise InputError(f'{path} is compressed: unpack it first, for example with gunzip')
        if _TRAINING.search(line.text) or _EVALUATION.search(line.text):
            return _AUTHORS
        try:
            entry = json_entry(line) or {}
        except ValueError:
            entry = {}
        if not entry.keys().isdisjoint(('mode', 'env_info', 'config')):
            return _MMCV
        if 'step' in entry:
            return _MMENGINE
        if number > _LONGEST_HEAD:
            break
    if not number:
        raise InputError(f'the log {path} is empty')
    if path.parent.name == 'records':
        raise InputError(f'{path} is a record: name the folder above {path.parent}')
    raise InputError(
        f'{path} is not a log in a known format: expected lines such as "Epoch [1/300][0/2503] lr '
        '0.03" of the authors\' code, the .log.json of mmcv 1.x, or the scalars.json of mmengine'
    )


def checked_count(value: Any) -> int:
    """An epoch, iteration or step of a log.

    Raises:
        ValueError | TypeError: If the value is not a number, or out of range.
    """
    number = int(value)
    if not 0 <= number < _LARGEST_COUNT:
        raise ValueError(f'no run counts to {number}')
    return number


def _authors_entry(line: LogLine) -> LogEntry | None:
    text = line.text
    if match := _TRAINING.search(text):
        epoch, epochs, iteration, length, rate = match.groups()
        # A number at the end of a cut line may lack digits.
        is_whole = rate and not (line.cut and match.end() == len(text))
        when = _LOGGED_AT.match(text)
        return TrainingEntry(
            checked_count(epoch),
            checked_count(iteration),
            (epochs, length),
            when[1] if when else None,
            {'lr': rate} if is_whole else {},
        )
    if match := _EVALUATION.search(text):
        return EvaluationEntry(match[1], {'Acc@1': match[2]})
    if _EXPERIMENT in text:
        return HeaderEntry(name=text.partition(_EXPERIMENT)[2])
    if line.cut and ' - INFO - Epoch' in text:
        raise BrokenLineError('cut')
    return None


def _mmcv_entry(line: LogLine) -> LogEntry | None:
    entry = json_entry(line)
    if entry is None:
        return None
    if 'mode' not in entry:
        name, seed = entry.get('exp_name'), entry.get('seed')
        name = None if name is None else str(name)
        return HeaderEntry(name, seed if type(seed) is int else None, entry.get('config'))
    if entry['mode'] == 'train':
        return _training_entry(entry, entry['epoch'])
    return EvaluationEntry(entry.get('epoch'), entry) if entry['mode'] == 'val' else None


def _mmengine_entry(line: LogLine) -> LogEntry | None:
    entry = json_entry(line)
    if entry is None:
        return None
    if 'iter' not in entry or not _MMENGINE_METRICS.keys().isdisjoint(entry):
        return EvaluationEntry(entry.get('step'), entry)
    return _training_entry(entry, entry.get('epoch', 0))


def _training_entry(entry: Mapping[str, Any], epoch: Any) -> TrainingEntry:
    return TrainingEntry(checked_count(epoch), checked_count(entry['iter']), figures=entry)


_AUTHORS = LogFormat(
    "the authors' classification code", _authors_entry, _AUTHORS_METRICS, by_iteration=False
)
_MMCV = LogFormat('mmcv 1.x', _mmcv_entry, _MMCV_METRICS, by_iteration=None)
_MMENGINE = LogFormat(
    'mmengine', _mmengine_entry, _MMENGINE_METRICS, by_iteration=True, numbers_steps=True
)
