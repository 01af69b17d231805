"""The plan as text: cells, what each waits for, and what remains to be paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rm_mm.errors import Mistakes
from rm_mm.run.outcome import unfinished
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.cost.cost import Cost, from_log, from_probe, wall_seconds
from rm_mm.suite.cost.gpus import find_gpu
from rm_mm.suite.cost.probe import Probe, probe_cell
from rm_mm.suite.plan.cells import Cell
from rm_mm.suite.plan.presets import Preset
from rm_mm.suite.requests import SuiteRequest
from rm_mm.suite.units import duration, size

_HEADER = ('cell', 'does', 'state', 'after', 'GPU-hours', 'wall', 'disk')
#: Columns with text are aligned left, those with numbers right.
_TEXT_COLUMNS = 4
_UNKNOWN = '?'


@dataclass(frozen=True)
class Estimate:
    """Estimated costs.

    Attributes:
        costs: Cost by the directory of the cell; cells of unknown cost are missing.
        notes: One sentence for each source of a cost.
    """

    costs: Mapping[Path, Cost] = field(default_factory=dict)
    notes: Sequence[str] = ()


def estimate_costs(
    request: SuiteRequest,
    preset: Preset,
    remaining: Sequence[PreparedCell],
    options: CellOptions,
    mistakes: Mistakes,
) -> Estimate:
    """Estimate the cost of every remaining cell that trains, in the way that the request asks for.

    ``mistakes`` collects an unknown device, and cells that cannot be probed; the others are
    measured.
    """
    named = None
    with mistakes.collecting():
        named = find_gpu(request.device) if request.device else None
    if request.probe and mistakes.found:
        # What cannot run cannot be measured.
        return Estimate()
    costs: dict[Path, Cost] = {}
    notes: dict[str, None] = {}
    probes: dict[tuple[str, str], Probe | None] = {}
    for item in (item for item in remaining if item.cell.trains):
        cell = item.cell
        # No published log can be about a custom recipe.
        pace = None if Path(cell.config).is_absolute() else preset.tasks[cell.label].pace
        if request.probe:
            # One per column: a method adds little to a step. A custom recipe may add anything.
            key = (cell.column, cell.config if cell.pretrains and cell.custom else '')
            if key not in probes:
                probes[key] = None
                with mistakes.collecting(cell.name):
                    probes[key] = probe_cell(item, options)
            if (found := probes[key]) is None:
                continue
            costs[cell.directory] = from_probe(item, found, options)
            note = _probed(cell, found, options)
        elif pace is not None and options.gpus:
            device = named or pace.device
            costs[cell.directory] = from_log(item, pace, options, device)
            scaled = '' if device == pace.device else f', scaled to {device} by the data sheets'
            note = (
                f'{cell.column}: {pace.seconds_an_iteration:g} s an iteration, '
                f'{pace.iterations:,} iterations on {pace.gpus} x {pace.device} '
                f'({pace.source}){scaled}.'
            )
        else:
            without = 'no published log' if pace is None else 'no published log from a CPU'
            note = f'{cell.column}: {without}; --probe measures it here.'
        notes[note] = None
    return Estimate(costs, list(notes))


def _probed(cell: Cell, found: Probe, options: CellOptions) -> str:
    custom = f' {cell.method}' if cell.pretrains and cell.custom else ''
    processes = f'{options.gpus} x {found.device}' if options.gpus else found.device
    return (
        f'{cell.column}{custom}: {found.seconds_an_iteration:.3g} s an iteration, measured here in '
        f'{found.iterations} iterations on {processes}.'
    )


def plan_lines(
    cells: Sequence[Cell],
    done: Sequence[PreparedCell],
    remaining: Sequence[PreparedCell],
    found: Estimate,
    options: CellOptions,
    usd_per_gpu_hour: float | None,
) -> list[str]:
    """Return the plan as lines of text: one per cell, then the totals."""
    waiting = {item.cell.directory for item in remaining}
    ready = {item.cell.directory for item in done}
    names = {cell.run_name: cell.name for cell in cells}
    rows = [_HEADER]
    for cell in cells:
        after = names.get(cell.pretraining or '', '')
        state, figures = 'done' if cell.directory in ready else 'wrong', ('', '', '')
        if cell.directory in waiting:
            state = unfinished(cell.directory) or 'missing'
            figures = _figures(found.costs.get(cell.directory)) if cell.trains else figures
        rows.append((cell.name, _does(cell), state, after, *figures))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        '  '.join(
            text.ljust(width) if i < _TEXT_COLUMNS else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines[1:1] = ['-' * max(map(len, lines))]
    wrong = len(cells) - len(done) - len(remaining)
    counts = f'{len(done)} done, {len(remaining)} to run' + (f', {wrong} wrong' if wrong else '')
    return [
        *lines,
        '',
        *(f'In {folder}.' for folder in dict.fromkeys(cell.work_dir for cell in cells)),
        f'{len(cells)} cells: {counts}.',
        *_totals(remaining, found.costs, options, usd_per_gpu_hour),
        *found.notes,
    ]


def _does(cell: Cell) -> str:
    if not cell.trains:
        return 'evaluate'
    return 'pretrain, evaluate' if cell.pretrains else 'transfer, evaluate'


def _figures(cost: Cost | None) -> tuple[str, str, str]:
    if cost is None:
        return (_UNKNOWN,) * 3
    hours = f'{cost.gpu_hours:,.1f}' if cost.gpus else '-'
    return hours, duration(cost.seconds), size(cost.disk_bytes)


def _totals(
    remaining: Sequence[PreparedCell],
    costs: Mapping[Path, Cost],
    options: CellOptions,
    usd_per_gpu_hour: float | None,
) -> list[str]:
    known = [(item.cell, costs[d]) for item in remaining if (d := item.cell.directory) in costs]
    lines = []
    if usd_per_gpu_hour is not None and not any(cost.gpus for _, cost in known):
        lines.append('No price: no GPU-hours are known.')
    if not known:
        return lines
    hours = sum(cost.gpu_hours for _, cost in known)
    gpus = max(cost.gpus for _, cost in known)
    wall = duration(wall_seconds(known, options.jobs))
    room = size(sum(cost.disk_bytes for _, cost in known))
    at_once = f', {options.jobs} cells at a time' if options.jobs > 1 else ''
    where = f'{gpus} GPUs a cell' if gpus else 'this CPU'
    unknown = sum(item.cell.trains for item in remaining) - len(known)
    spent = f'{hours:,.0f} GPU-hours, ' if gpus else ''
    rest = f'; {unknown} cells of unknown cost not counted.' if unknown else '.'
    lines.append(f'To run: {spent}{wall} of wall time on {where}{at_once}, {room} of disk{rest}')
    if usd_per_gpu_hour is not None and hours:
        price = hours * usd_per_gpu_hour
        lines.append(f'At {usd_per_gpu_hour:g} USD a GPU-hour: {price:,.0f} USD.')
    return [
        *lines,
        'Training only: evaluations are not included. A cell that was begun is counted in full.',
    ]
