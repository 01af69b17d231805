"""Running a suite: plan, check, run what is missing, return the records."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError, Mistakes, RejectedError, as_request
from rm_mm.records import Record, read_record
from rm_mm.suite.cell.checks import check_backbones, check_runnable, require_pretrained
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell, prepare_cells
from rm_mm.suite.cell.running import export_step
from rm_mm.suite.cost.estimate import estimate_costs, plan_lines
from rm_mm.suite.launch import Run, launcher_for
from rm_mm.suite.launch.folder import lock_folder
from rm_mm.suite.options import chosen_options, chosen_settings, with_embedded_data
from rm_mm.suite.plan.cells import Cell, plan_cells
from rm_mm.suite.plan.presets import PRETRAINING, Preset
from rm_mm.suite.plan.study import Study, build_study
from rm_mm.suite.plan.targets import find_target
from rm_mm.suite.requests import CellsRequest, SuiteRequest, TransferRequest, parse_entries
from rm_mm.suite.steps.children import run_in_child, stopped_by_signals

LOCK = 'suite.lock'


@dataclass(frozen=True)
class SuiteResult:
    """Result of a suite call.

    Attributes:
        records: Records of all its cells that are done, including those of earlier calls.
        failures: One paragraph for each cell that is not done.
        cells: Number of planned cells.
    """

    records: list[Record]
    failures: list[str]
    cells: int

    def require_complete(self) -> None:
        """Raise ``RejectedError`` with the failures, if any cell is not done."""
        if self.failures:
            failures = '\n'.join(self.failures)
            raise RejectedError(
                f'{len(self.failures)} of {self.cells} cells are not done:\n{failures}'
            )


@dataclass(frozen=True)
class SuitePlan:
    """Plan of a suite call.

    Attributes:
        lines: The plan as text: cells, costs, totals.
        mistakes: Everything that would stop it.
    """

    lines: list[str]
    mistakes: Mistakes


@dataclass(frozen=True)
class _Call:
    """A checked call, before anything runs.

    Attributes:
        preset: Preset, custom methods and tasks included.
        run: Runs cells.
        cells: All cells of the call.
        done: Cells that have a record.
        remaining: Cells that have none.
        pretraining: For a transfer: finished runs that ``remaining`` takes backbones from.
        options: Options of the cells.
    """

    preset: Preset
    run: Run
    cells: list[Cell]
    done: list[PreparedCell]
    remaining: list[PreparedCell]
    pretraining: list[Cell]
    options: CellOptions


def run_suite(request: SuiteRequest | str | Path = 'mini', **fields: Any) -> SuiteResult:
    """Run what is missing of methods x tasks x seeds, pretraining included.

    Args:
        request: A :class:`SuiteRequest`; or a preset or study file, with the other fields of the
            request as keywords: ``run_suite('mini', methods='baseline,rm', seeds=[0, 1])``.
        **fields: Fields of :class:`SuiteRequest`.

    Returns:
        Records and failures. A failed cell does not stop the others.

    Raises:
        InputError: With everything that is wrong with the call; nothing was run.
    """
    request = as_request(SuiteRequest, request, (), fields)
    if request.plan:
        raise InputError('plan: run_suite runs a suite; plan_suite returns its plan')
    with stopped_by_signals():
        mistakes = Mistakes()
        call = _prepare(request, mistakes)
        mistakes.require_none()
        return _run(call, call.remaining)


def plan_suite(request: SuiteRequest | str | Path = 'mini', **fields: Any) -> SuitePlan:
    """Plan a suite and estimate its costs; nothing is run, except for a probe.

    Args:
        request: As for :func:`run_suite`.
        **fields: Fields of :class:`SuiteRequest`.
    """
    request = replace(as_request(SuiteRequest, request, (), fields), plan=True)
    with stopped_by_signals():
        mistakes = Mistakes()
        call = _prepare(request, mistakes)
        options, remaining = call.options, call.remaining
        if request.cluster == 'slurm':
            # As many at a time as the partition has room for.
            options = replace(options, jobs=max(len(remaining), 1))
        estimate = estimate_costs(request, call.preset, remaining, options, mistakes)
        price = request.usd_per_gpu_hour
        lines = plan_lines(call.cells, call.done, remaining, estimate, options, price)
        return SuitePlan(lines, mistakes)


def run_transfer(request: TransferRequest | Sequence[str], **fields: Any) -> SuiteResult:
    """Run one downstream task for every method whose pretraining is finished.

    Args:
        request: A :class:`TransferRequest`; or its target, such as ``('atss', 'coco')``.
        **fields: Fields of :class:`TransferRequest`.

    Returns:
        Records and failures. Methods without finished pretraining are among the failures.

    Raises:
        InputError: With everything that is wrong with the call; nothing was run.
    """
    request = as_request(TransferRequest, request, (), fields)
    with stopped_by_signals():
        mistakes = Mistakes()
        call = _prepare(request, mistakes)
        mistakes.require_none()
        missing = {}
        needed = {item.cell.backbone for item in call.remaining}
        for cell in (cell for cell in call.pretraining if cell.backbone in needed):
            try:
                require_pretrained(cell)
                run_in_child(export_step(cell))
            except RejectedError as error:
                missing[cell.backbone] = f'{cell.method}: {error}'
        lost = [item.cell.backbone for item in call.remaining if item.cell.backbone in missing]
        failures = [missing[backbone] for backbone in lost]
        # Reported now, before the others run for days, and again at the end.
        print('\n'.join(failures), end='\n' if failures else '', file=sys.stderr)
        ready = [item for item in call.remaining if item.cell.backbone not in missing]
        return _run(call, ready, failures)


def _prepare(request: SuiteRequest | TransferRequest, mistakes: Mistakes) -> _Call:
    """Plan and check the cells of a call; collect everything that is wrong with it.

    The work directory is locked, unless the call only plans.
    """
    study = _study(request, mistakes)
    preset, scale, locks = study.preset, 1.0, True
    if isinstance(request, SuiteRequest):
        scale, locks = request.schedule_scale, not request.plan
    work_dir = _work_dir(request, preset, mistakes, writes=locks)
    run = launcher_for(request, work_dir, mistakes)
    cells: list[Cell] = []
    with mistakes.collecting():
        settings = chosen_settings(request.setting, preset.settings)
        cells = plan_cells(preset, study.methods, study.tasks, study.seeds, work_dir, settings)
    pretraining = []
    if isinstance(request, TransferRequest):
        pretraining = [cell for cell in cells if cell.pretrains]
        cells = [cell for cell in cells if not cell.pretrains]
    options = chosen_options(request, preset, mistakes, scale)
    if locks and not mistakes.found and (ended := lock_folder(work_dir, LOCK)):
        print(f'ended {ended} processes that a killed call had left in {work_dir}', file=sys.stderr)
    done, remaining = prepare_cells(cells, options or CellOptions(), mistakes)
    check_runnable(remaining, options, mistakes)
    exported = pretraining or [item.cell for item in remaining if item.cell.pretrains]
    check_backbones(remaining, exported, done, mistakes)
    return _Call(preset, run, cells, done, remaining, pretraining, options or CellOptions())


def _study(request: SuiteRequest | TransferRequest, mistakes: Mistakes) -> Study:
    methods = parse_entries('--methods', request.methods)
    if isinstance(request, TransferRequest):
        preset, task = find_target(request.target, request.preset)
        return build_study(preset, methods, [(task, None)], request.seeds, mistakes)
    for mistake in request.planning_mistakes():
        mistakes.add(mistake)
    tasks = parse_entries('--tasks', request.tasks)
    study = build_study(str(request.preset), methods, tasks, request.seeds, mistakes)
    if request.data_root and len(set(study.tasks) - {PRETRAINING}) != 1:
        mistakes.add(
            '--data-root is the data set of one transfer task: name it, as in --tasks detection, '
            'or link each data set to where its config looks for it'
        )
    return study


def _work_dir(request: CellsRequest, preset: Preset, mistakes: Mistakes, *, writes: bool) -> Path:
    """Return the work directory, after checking that it is or can become a writable folder."""
    found = Path(request.work_dir or preset.work_dir)
    # Not Path.exists, which raises where a parent folder cannot be read.
    above = next(path for path in (found, *found.resolve().parents) if os.path.exists(path))
    if not above.is_dir():
        mistakes.add(f'--work-dir {found}: {above} is a file: expected a folder')
    elif writes and not os.access(above, os.W_OK | os.X_OK):
        mistakes.add(f'--work-dir {found}: {above} is not writable: pass another folder')
    return found


def _run(
    call: _Call, remaining: Sequence[PreparedCell], failures: Sequence[str] = ()
) -> SuiteResult:
    """Run the remaining cells, and collect the records of all."""
    options = with_embedded_data(call.options, call.preset)
    if done := len(call.done):
        print(f'{done} of {done + len(remaining)} cells are done already')
    found = [*failures, *(call.run(remaining, options) if remaining else [])]
    records = [read_record(cell.record) for cell in call.cells if cell.record.exists()]
    return SuiteResult(records, found, len(call.cells))
