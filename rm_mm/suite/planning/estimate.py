"""``--plan``: which cells there are, what each waits for, and what is left to pay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rm_mm.errors import Mistakes
from rm_mm.suite.cells import Options, Prepared
from rm_mm.suite.planning.cost import Cost, from_log, from_probe, wall_seconds
from rm_mm.suite.planning.plan import Cell
from rm_mm.suite.planning.presets import Preset
from rm_mm.suite.planning.probe import Probe, probe
from rm_mm.suite.pretrained import unfinished
from rm_mm.suite.progress import clock

_HEADER = ('cell', 'does', 'state', 'after', 'GPU-hours', 'wall', 'disk')
#: Names are set left, figures right.
_TEXT_COLUMNS = 4
_UNKNOWN = '?'


@dataclass(frozen=True)
class Question:
    """How the cost is to be found.

    Attributes:
        device: Which card, instead of that of the published logs.
        probe: Measure here, instead.
        usd_per_gpu_hour: Price, if one was given.
    """

    device: str | None = None
    probe: bool = False
    usd_per_gpu_hour: float | None = None


@dataclass(frozen=True)
class Estimate:
    """The answer.

    Attributes:
        costs: By the cell's directory, without those of which nothing is known.
        notes: Sentences on where they come from.
    """

    costs: Mapping[Path, Cost] = field(default_factory=dict)
    notes: Sequence[str] = ()


def estimate(
    preset: Preset,
    left: Sequence[Prepared],
    options: Options,
    question: Question,
    mistakes: Mistakes,
) -> Estimate:
    """What each cell costs that is left and trains.

    Args:
        preset: Whose cells these are.
        left: The cells.
        options: Of the call.
        question: How to find out.
        mistakes: Takes up what cannot be probed; the others are measured.
    """
    costs: dict[Path, Cost] = {}
    notes: dict[str, None] = {}
    probes: dict[tuple[str, str], Probe | None] = {}
    for item in (item for item in left if item.trains):
        cell = item.cell
        pace = None if _is_own_recipe(cell) else preset.tasks[cell.label].pace
        if question.probe:
            # One for a column: what a method adds to a step is little. An own recipe adds anything.
            key = (cell.column, cell.config if cell.pretrains and cell.own else '')
            if key not in probes:
                probes[key] = None
                with mistakes.collecting(cell.name):
                    probes[key] = probe(item, options)
            if (found := probes[key]) is None:
                continue
            costs[cell.directory] = from_probe(item, found, options)
            notes[_probed(cell, found, options)] = None
        elif pace is not None and options.gpus:
            device = question.device or pace.device
            costs[cell.directory] = from_log(item, pace, options, device)
            scaled = '' if device == pace.device else f', scaled to {device} by the data sheets'
            notes[
                f'{cell.column}: {pace.seconds_an_iteration:g} s an iteration, '
                f'{pace.iterations:,} iterations on {pace.gpus} x {pace.device} '
                f'({pace.source}){scaled}.'
            ] = None
        else:
            without = 'of no published log' if pace is None else 'no published log is of a CPU'
            notes[f'{cell.column}: {without}; --probe measures it here.'] = None
    return Estimate(costs, list(notes))


def _is_own_recipe(cell: Cell) -> bool:
    """Whether the cell trains something that no published log is of."""
    return Path(cell.config).is_absolute()


def _probed(cell: Cell, found: Probe, options: Options) -> str:
    own = f' {cell.method}' if cell.pretrains and cell.own else ''
    processes = f'{options.gpus} x {found.device}' if options.gpus else found.device
    return (
        f'{cell.column}{own}: {found.seconds_an_iteration:.3g} s an iteration, measured here in '
        f'{found.iterations} iterations on {processes}.'
    )


def show(
    cells: Sequence[Cell],
    done: Sequence[Prepared],
    left: Sequence[Prepared],
    found: Estimate,
    options: Options,
    question: Question,
) -> list[str]:
    """The plan as lines of text, a line a cell, and what it comes to."""
    costs = found.costs
    waiting = {item.cell.directory for item in left}
    ready = {item.cell.directory for item in done}
    names = {cell.backbone: cell.name for cell in cells if cell.pretrains and cell.backbone}
    rows = [_HEADER]
    for cell in cells:
        needs = None if cell.pretrains else cell.backbone
        after = names.get(needs, '') if needs else ''
        state = 'done' if cell.directory in ready else 'wrong'
        state = _state(cell) if cell.directory in waiting else state
        figures = ('', '', '')
        if cell.directory in waiting and cell.trains:
            figures = _figures(costs.get(cell.directory))
        rows.append((cell.name, _does(cell), state, after, *figures))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        '  '.join(
            text.ljust(width) if i < _TEXT_COLUMNS else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    known = [(item.cell, costs[d]) for item in left if (d := item.cell.directory) in costs]
    lines[1:1] = ['-' * max(map(len, lines))]
    return [
        *lines,
        '',
        *(f'In {folder}.' for folder in dict.fromkeys(cell.record.parent.parent for cell in cells)),
        *_totals(len(cells), len(done), left, known, options, question),
        *found.notes,
    ]


def _does(cell: Cell) -> str:
    if not cell.trains:
        return 'evaluate'
    return 'pretrain, evaluate' if cell.pretrains else 'transfer, evaluate'


def _state(cell: Cell) -> str:
    return unfinished(cell.directory) or 'missing'


def _figures(cost: Cost | None) -> tuple[str, str, str]:
    if cost is None:
        return (_UNKNOWN,) * 3
    hours = f'{cost.gpu_hours:,.1f}' if cost.gpus else '-'
    return hours, duration(cost.seconds), size(cost.disk_bytes)


def _totals(
    cells: int,
    done: int,
    left: Sequence[Prepared],
    known: Sequence[tuple[Cell, Cost]],
    options: Options,
    question: Question,
) -> list[str]:
    wrong = cells - done - len(left)
    counts = f'{done} done, {len(left)} to run' + (f', {wrong} wrong' if wrong else '')
    lines = [f'{cells} cells: {counts}.']
    priced = question.usd_per_gpu_hour is not None
    if not any(cost.gpus for _, cost in known) and priced:
        lines.append('No price: no GPU-hours are known.')
    if not known:
        return lines
    hours = sum(cost.gpu_hours for _, cost in known)
    gpus = max(cost.gpus for _, cost in known)
    wall = duration(wall_seconds(known, options.jobs))
    room = size(sum(cost.disk_bytes for _, cost in known))
    at_once = f', {options.jobs} cells at a time' if options.jobs > 1 else ''
    where = f'{gpus} GPUs a cell' if gpus else 'this CPU'
    unknown = sum(item.trains for item in left) - len(known)
    spent = f'{hours:,.0f} GPU-hours, ' if gpus else ''
    lines.append(
        f'To run: {spent}{wall} of wall time on {where}{at_once}, {room} of disk'
        + (f'; {unknown} cells of unknown cost not counted.' if unknown else '.')
    )
    if question.usd_per_gpu_hour is not None and hours:
        price = hours * question.usd_per_gpu_hour
        lines.append(f'At {question.usd_per_gpu_hour:g} USD a GPU-hour: {price:,.0f} USD.')
    return [*lines, 'Training only: evaluations come on top. A cell that was begun counts whole.']


def duration(seconds: float) -> str:
    """Seconds as ``m:ss``, ``h:mm:ss`` or, from a day on, ``2 d 20:05``."""
    if seconds < 86_400:
        return clock(seconds)
    minutes = round(seconds / 60)
    return f'{minutes // 1440} d {minutes % 1440 // 60:02d}:{minutes % 60:02d}'


def size(number: int) -> str:
    """Bytes as MB or GB."""
    return f'{number / 1e9:.1f} GB' if number >= 1e9 else f'{number / 1e6:.0f} MB'
