"""The three formats: the authors' text, mmcv 1.x's JSON lines, and mmengine's ``scalars.json``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError
from rm_mm.fidelity.logs import parse_config, run_length
from rm_mm.logs.lines import LogLine as Line
from rm_mm.logs.lines import read_lines
from rm_mm.reporting.logs.config_beside import take_config
from rm_mm.reporting.logs.curve import LoggedRun

#: Key in a log, name in a record, and what makes it per cent.
_MMCV = {
    'bbox_mAP': ('box_ap_percent', 100.0),
    'segm_mAP': ('mask_ap_percent', 100.0),
    'mAP': ('map_percent', 100.0),
    'mIoU': ('miou_percent', 100.0),
    'accuracy_top-1': ('top1_percent', 1.0),
}
_MMENGINE = {
    'accuracy/top1': ('top1_percent', 1.0),
    'coco/bbox_mAP': ('box_ap_percent', 100.0),
    'coco/segm_mAP': ('mask_ap_percent', 100.0),
    'pascal_voc/mAP': ('map_percent', 100.0),
    'mIoU': ('miou_percent', 1.0),
}
_TRAIN = re.compile(r'Epoch \[(\d+)/\d+\]\[(\d+)/\d+\]\s+lr ')
# What follows the number shows that all of it is there.
_VAL = re.compile(r'Epoch\(val\) \[(\d+)\]\s+Test Acc@1: (\S+)\s')
_WHEN = re.compile(r'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) - ')
_EXPERIMENT = 'Exp path: '
#: What an evaluation's entry holds beside its figures.
_COUNTERS = ('mode', 'epoch', 'iter', 'step', 'lr', 'time', 'data_time', 'memory')
#: The first bytes of gzip, bzip2, xz and zstandard, as text.
_COMPRESSED = ('\x1f\ufffd', 'BZh', '\ufffd7zXZ', '(\ufffd/\ufffd')
#: How many lines may come before the first of a log.
_HEAD = 10_000
#: No run counts further.
_LONGEST_RUN = 10**9


def read_log(path: Path, *more: Path) -> LoggedRun:
    """Read a log of any of the three formats.

    Args:
        path: Of the log.
        more: Logs of the same run, from where it was resumed, in order. One that leaves nothing of
            those before it is of a run that was begun anew: that run is what is read.

    Raises:
        InputError: If one cannot be read, or is of no format that is known here.
    """
    run = _read_part(LoggedRun(path, ''), path, resumed=bool(more))
    for number, part in enumerate(more, 1):
        before = run.evaluations
        run = _read_part(run, part, resumed=True)
        if before and not any(one is other for one in before for other in run.evaluations):
            run = _read_part(LoggedRun(part, '', earlier=number), part, resumed=True)
    return run


def _read_part(run: LoggedRun, part: Path, *, resumed: bool) -> LoggedRun:
    """Go on with a run in another of its logs; of several, faults name theirs."""
    run.kind, read = _format_of(part)
    where = f'{part.parent.parent.name if part.name == "scalars.json" else part.name}: '
    take_config(run, part.with_name('config.py'))
    for line in read_lines(part):
        try:
            read(run, line)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            said = 'cut' if line.cut else ' '.join(str(error).split())[:80]
            run.fault(line.number, where * resumed + (said or type(error).__name__))
    return run


def _format_of(path: Path) -> tuple[str, Callable[[LoggedRun, Line], None]]:
    """Whose log it is, by what stands in it; its head may be damaged."""
    number = 0
    for line in read_lines(path):
        number = line.number
        if number == 1 and line.text.startswith(_COMPRESSED):
            raise InputError(f'{path} is compressed: unpack it, as with gunzip')
        if _TRAIN.search(line.text) or _VAL.search(line.text):
            return "the authors' classification code", _AuthorsText()
        entry = _entry_of(line)
        if 'mode' in entry or 'env_info' in entry:
            return 'mmcv 1.x', _mmcv_entry
        if 'step' in entry:
            return 'mmengine', _MMEngineEntries()
        if number > _HEAD:
            break
    if not number:
        raise InputError(f'the log {path} is empty')
    if path.parent.name == 'records':
        raise InputError(f'{path} is a record: name the folder above {path.parent}')
    raise InputError(
        f'{path} is no log that is known here: expected lines such as "Epoch [1/300][0/2503] lr '
        '0.03" of the authors\' code, the .log.json of mmcv 1.x, or the scalars.json of mmengine'
    )


def _entry_of(line: Line) -> dict[str, Any]:
    """An entry of JSON; empty if it is none."""
    try:
        return _parsed(line) or {}
    except ValueError:
        return {}


class _AuthorsText:
    """Lines of the authors' classification code; remembers when the last one was written."""

    def __init__(self) -> None:
        self._last: tuple[int, int, datetime] | None = None

    def __call__(self, run: LoggedRun, line: Line) -> None:
        text = line.text
        if match := _TRAIN.search(text):
            epoch, iteration = _count(match[1]), _count(match[2])
            run.by_iteration = False
            run.train(epoch, iteration)
            self._time(run, text, epoch, iteration)
        elif match := _VAL.search(text):
            # Rounded where the binary fraction would show.
            value = round(float(match[2]) * 100, 4)
            run.evaluate({'top1_percent': value}, epoch=_count(match[1]))
        elif _EXPERIMENT in text:
            run.name(text.partition(_EXPERIMENT)[2])
        elif line.cut and ' - INFO - Epoch' in text:
            raise ValueError('cut')

    def _time(self, run: LoggedRun, text: str, epoch: int, iteration: int) -> None:
        if not (match := _WHEN.match(text)):
            return
        now = datetime.fromisoformat(f'{match[1]}.{match[2]}')
        if self._last and self._last[0] == epoch:
            run.time((now - self._last[2]).total_seconds(), iteration - self._last[1])
        self._last = epoch, iteration, now


def _mmcv_entry(run: LoggedRun, line: Line) -> None:
    entry = _parsed(line)
    if entry is None:
        return
    if 'mode' not in entry:
        if 'exp_name' in entry:
            run.name(str(entry['exp_name']))
        if isinstance(entry.get('seed'), int):
            run.seed = entry['seed']
        if 'config' in entry:
            run.config = parse_config(entry['config'])
            by_epoch, run.length = run_length(run.config)
            run.by_iteration = not by_epoch
    elif entry['mode'] == 'train':
        _train(run, entry, _count(entry['epoch']))
    elif entry['mode'] == 'val' and (values := _values(run, entry, _MMCV)):
        run.evaluate(values, epoch=_count(entry['epoch']))


class _MMEngineEntries:
    """Entries of mmengine; remembers the epoch, which its evaluations do not name."""

    def __init__(self) -> None:
        self._epoch = 0

    def __call__(self, run: LoggedRun, line: Line) -> None:
        entry = _parsed(line)
        if entry is None:
            return
        if 'iter' not in entry or not _MMENGINE.keys().isdisjoint(entry):
            if values := _values(run, entry, _MMENGINE):
                run.evaluate(values, epoch=self._epoch, step=_count(entry['step']))
        else:
            # Counted through all epochs.
            run.by_iteration = True
            self._epoch = _count(entry.get('epoch', 0))
            _train(run, entry, self._epoch)


def _parsed(line: Line) -> dict[str, Any] | None:
    if not line.text.strip():
        return None
    try:
        entry = json.loads(line.text)
    except RecursionError:
        raise ValueError('nested too deep') from None
    if not isinstance(entry, dict):
        raise ValueError('expected an entry in braces')
    return entry


def _values(
    run: LoggedRun, entry: dict[str, Any], known: dict[str, tuple[str, float]]
) -> dict[str, float]:
    """Values in per cent; where there are none, the run notes what there is instead."""
    found = {}
    for key, (name, factor) in known.items():
        if key not in entry:
            continue
        value = entry[key]
        if isinstance(value, bool):
            raise TypeError(f'{key} is {value}')
        # mmclassification writes its mAP in per cent, mmdetection as a fraction.
        if key != 'mAP' or float(value) <= 1:
            value = float(value) * factor
        found[name] = round(float(value), 4)
    for key in () if found else entry:
        if key not in _COUNTERS:
            run.note_other(key)
    return found


def _count(value: Any) -> int:
    number = int(value)
    if not 0 <= number < _LONGEST_RUN:
        raise ValueError(f'no run counts to {number}')
    return number


def _train(run: LoggedRun, entry: dict[str, Any], epoch: int) -> None:
    """Take up an entry of training; its time is the mean of the iterations since the last one."""
    done = run.train(epoch, _count(entry['iter']))
    run.time(float(entry.get('time', 0)) * done, done)
    if 'memory' in entry:
        memory = float(entry['memory'])
        if math.isfinite(memory):
            run.memory_mb = max(run.memory_mb or 0.0, memory)
