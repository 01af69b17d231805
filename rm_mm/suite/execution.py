"""Running a suite: plan, check, run what is missing, return the records."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rm_mm.errors import Mistakes, RejectedError
from rm_mm.records import Record, read_record
from rm_mm.run.outcome import best_checkpoint, unfinished
from rm_mm.suite.cell.checks import check_backbones, check_runnable, check_sources
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell, prepare_cells
from rm_mm.suite.cell.running import export_step
from rm_mm.suite.cost.estimate import CostQuestion, Estimate, estimate_costs, plan_lines
from rm_mm.suite.cost.gpus import find_gpu
from rm_mm.suite.launch import Run, launcher_for
from rm_mm.suite.launch.folder import lock_folder
from rm_mm.suite.options import chosen_options, chosen_settings, with_embedded_data
from rm_mm.suite.plan.cells import PRETRAINING, Cell, plan_cells
from rm_mm.suite.plan.presets import Preset
from rm_mm.suite.plan.study import Study, build_study
from rm_mm.suite.plan.targets import find_target
from rm_mm.suite.requests import CellsRequest, SuiteRequest, TransferRequest, parse_entries
from rm_mm.suite.steps.children import run_in_child, stopped_by_signals

LOCK = 'suite.lock'


@dataclass(frozen=True)
class SuiteResult:
    """What a call leaves.

    Attributes:
        records: Records of all its cells that are done, including those of earlier calls.
        failures: One paragraph for each cell that is not done.
        cells: Number of planned cells.
    """

    records: list[Record]
    failures: list[str]
    cells: int

    def require_complete(self) -> None:
        """Check that all cells are done.

        Raises:
            RejectedError: With the failures, if any cell is not.
        """
        if self.failures:
            raise RejectedError(
                f'{len(self.failures)} of {self.cells} cells are not done:\n'
                + '\n'.join(self.failures)
            )


@dataclass(frozen=True)
class SuitePlan:
    """What a call would run.

    Attributes:
        lines: The plan as text: cells, costs, totals.
        mistakes: Everything that would stop it.
    """

    lines: list[str]
    mistakes: Mistakes


@dataclass(frozen=True)
class _Prepared:
    """A checked call, before anything runs."""

    study: Study
    work_dir: Path
    run: Run
    cells: list[Cell]
    done: list[PreparedCell]
    remaining: list[PreparedCell]
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
    request = _as_request(request, fields)
    with stopped_by_signals():
        mistakes = Mistakes()
        prepared = _prepare_suite(request, mistakes)
        mistakes.require_none()
        return _run(prepared, prepared.remaining)


def plan_suite(request: SuiteRequest | str | Path = 'mini', **fields: Any) -> SuitePlan:
    """Plan a suite and estimate its costs; nothing is run, except for a probe.

    Args:
        request: As for :func:`run_suite`.
        **fields: Fields of :class:`SuiteRequest`.
    """
    request = replace(_as_request(request, fields), plan=True)
    with stopped_by_signals():
        mistakes = Mistakes()
        prepared = _prepare_suite(request, mistakes)
        device = None
        with mistakes.collecting():
            device = find_gpu(request.device) if request.device else None
        question = CostQuestion(device, request.probe, request.usd_per_gpu_hour)
        options, remaining = prepared.options, prepared.remaining
        if request.cluster == 'slurm':
            # As many at a time as the partition has room for.
            options = replace(options, jobs=max(len(remaining), 1))
        # What cannot run cannot be measured.
        measurable = not (request.probe and mistakes.found)
        estimate = (
            estimate_costs(prepared.study.preset, remaining, options, question, mistakes)
            if measurable
            else Estimate()
        )
        lines = plan_lines(prepared.cells, prepared.done, remaining, estimate, options, question)
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
    if not isinstance(request, TransferRequest):
        request = TransferRequest(request, **fields)
    with stopped_by_signals():
        mistakes = Mistakes()
        prepared, pretraining = _prepare_transfer(request, mistakes)
        mistakes.require_none()
        missing = {}
        for cell in pretraining:
            if not any(item.cell.backbone == cell.backbone for item in prepared.remaining):
                continue
            try:
                _require_pretrained(cell, prepared.work_dir)
                run_in_child(export_step(cell))
            except RejectedError as error:
                missing[cell.backbone] = f'{cell.method}: {error}'
        ready = [item for item in prepared.remaining if item.cell.backbone not in missing]
        # Reported now, before the others run for days, and again at the end.
        failures = [
            missing[item.cell.backbone]
            for item in prepared.remaining
            if item.cell.backbone in missing
        ]
        print('\n'.join(failures), end='\n' if failures else '', file=sys.stderr)
        return _run(prepared, ready, failures)


def _as_request(request: SuiteRequest | str | Path, fields: dict[str, Any]) -> SuiteRequest:
    return request if isinstance(request, SuiteRequest) else SuiteRequest(request, **fields)


def _prepare_suite(request: SuiteRequest, mistakes: Mistakes) -> _Prepared:
    for mistake in request.planning_mistakes():
        mistakes.add(mistake)
    study = build_study(
        str(request.preset),
        parse_entries('--methods', request.methods),
        parse_entries('--tasks', request.tasks),
        _seeds(request),
        mistakes,
    )
    if request.data_root and len(set(study.tasks) - {PRETRAINING}) != 1:
        mistakes.add(
            '--data-root is the data set of one transfer task: name it, as in --tasks detection, '
            'or link each data set to where its config looks for it'
        )

    def plan(work_dir: Path) -> list[Cell]:
        settings = chosen_settings(request.setting, study.preset.settings)
        return plan_cells(study.preset, study.methods, study.tasks, study.seeds, work_dir, settings)

    locks = not request.plan
    return _prepare(request, study, plan, None, mistakes, locks, request.schedule_scale)


def _prepare_transfer(request: TransferRequest, mistakes: Mistakes) -> tuple[_Prepared, list[Cell]]:
    """Prepare the cells of the task; the second result is the pretraining that they need."""
    preset, task = find_target(request.target, request.preset)
    study = build_study(
        preset, parse_entries('--methods', request.methods), None, _seeds(request), mistakes
    )
    pretraining: list[Cell] = []

    def plan(work_dir: Path) -> list[Cell]:
        settings = chosen_settings(request.setting, study.preset.tasks[task].settings)
        planned = plan_cells(study.preset, study.methods, (task,), study.seeds, work_dir, settings)
        pretraining.extend(cell for cell in planned if cell.pretrains)
        return [cell for cell in planned if cell.task == task]

    return _prepare(request, study, plan, pretraining, mistakes), pretraining


def _seeds(request: CellsRequest) -> tuple[int, ...] | None:
    return None if request.seeds is None else tuple(request.seeds)


def _prepare(
    request: CellsRequest,
    study: Study,
    plan: Callable[[Path], list[Cell]],
    exported: Sequence[Cell] | None,
    mistakes: Mistakes,
    locks: bool = True,
    scale: float = 1.0,
) -> _Prepared:
    """Plan and check the cells of a call.

    Args:
        request: The call.
        study: What it is to run.
        plan: Plans the cells, given the work directory.
        exported: Pretraining whose backbones will be exported; if None, all that remains to run.
        mistakes: Collects everything that is wrong.
        locks: Whether to lock the work directory.
        scale: Length of every schedule as a fraction of the recipe's.
    """
    work_dir = _work_dir(request, study.preset, mistakes, writes=locks)
    run = launcher_for(request, work_dir, mistakes)
    cells: list[Cell] = []
    with mistakes.collecting():
        cells = plan(work_dir)
    options = chosen_options(request, study.preset, mistakes, scale)
    if locks and not mistakes.found and (ended := lock_folder(work_dir, LOCK)):
        print(f'ended {ended} processes that a killed call had left in {work_dir}', file=sys.stderr)
    done, remaining = prepare_cells(cells, options or CellOptions(), mistakes)
    if exported is None:
        exported = [item.cell for item in remaining if item.cell.pretrains]
    check_runnable(remaining, options, mistakes)
    check_backbones(remaining, exported, [item.cell for item in done], mistakes)
    check_sources(done, mistakes)
    return _Prepared(study, work_dir, run, cells, done, remaining, options or CellOptions())


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
    prepared: _Prepared, remaining: Sequence[PreparedCell], failures: Sequence[str] = ()
) -> SuiteResult:
    """Run the remaining cells, and collect the records of all."""
    done, cells = len(prepared.done), prepared.cells
    options = with_embedded_data(prepared.options, prepared.study.preset)
    if done:
        print(f'{done} of {done + len(remaining)} cells are done already')
    found = [*failures, *(prepared.run(remaining, options) if remaining else [])]
    records = [read_record(cell.record) for cell in cells if cell.record.exists()]
    return SuiteResult(records, found, len(cells))


def _require_pretrained(cell: Cell, work_dir: Path) -> None:
    """Check that a pretraining run is finished.

    Raises:
        RejectedError: If it is not, or was never begun; with the call that fixes it.
    """
    progress = unfinished(cell.directory)
    if progress is None and best_checkpoint(cell.directory) is not None:
        return
    row = cell.method + (f'={cell.config}' if cell.custom else '')
    trained_by_script = cell.preset == 'paper' and not cell.seed and not cell.custom
    command = (
        f'tools/dist_train.sh configs/{cell.config} 8 --work-dir {cell.directory}'
        + (' --resume' if progress else '')
        if trained_by_script
        else f'rm-mm suite --preset {cell.preset} --tasks {PRETRAINING} '
        f'--methods {shlex.quote(row)} --seeds {cell.seed} --work-dir {shlex.quote(str(work_dir))}'
    )
    state = (
        f'its pretraining is at {progress}'
        if progress
        else f'its pretraining is missing: expected best_*.pth in {cell.directory}'
    )
    raise RejectedError(f'not run, {state}; run {command}')
