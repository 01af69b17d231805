"""``rm-mm suite`` and ``rm-mm transfer``: prepare, run, hand over the records."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rm_mm.errors import Mistakes, RejectedError
from rm_mm.records import Record, read_record
from rm_mm.suite.call import chosen_options, chosen_settings, with_data
from rm_mm.suite.cells import Options, Prepared, prepare
from rm_mm.suite.cluster import Run, chosen_cluster
from rm_mm.suite.planning.checks import check_backbones, check_runnable, check_sources
from rm_mm.suite.planning.choose import choose
from rm_mm.suite.planning.command import require_planning, show_plan
from rm_mm.suite.planning.find_task import find_task
from rm_mm.suite.planning.plan import PRETRAINING, Cell, plan
from rm_mm.suite.planning.presets import Preset
from rm_mm.suite.pretrained import best_checkpoint, export, unfinished
from rm_mm.suite.take import take

LOCK = 'suite.lock'


@dataclass(frozen=True)
class Outcome:
    """What a call leaves.

    Attributes:
        records: Of all its cells that are done, those of earlier calls included.
        failures: A paragraph for each cell that is not.
        cells: How many cells it planned.
    """

    records: list[Record]
    failures: list[str]
    cells: int


def run_suite(args: argparse.Namespace) -> Outcome:
    """Run what is missing of methods x tasks x seeds, pretraining included."""
    mistakes = Mistakes()
    require_planning(args, mistakes)
    chosen = choose(args.preset, args.methods, args.tasks, args.seeds, mistakes)
    preset = chosen.preset
    work_dir = _work_dir(args, preset, mistakes)
    if args.data_root and len(set(chosen.tasks) - {PRETRAINING}) != 1:
        mistakes.add(
            '--data-root is the data set of one transfer task: name it, as in --tasks detection, '
            'or link each data set to where its config looks for it'
        )
    run = chosen_cluster(args, work_dir, mistakes)
    cells: list[Cell] = []
    with mistakes.collecting():
        settings = chosen_settings(args.setting, preset.settings)
        cells = plan(preset, chosen.methods, chosen.tasks, chosen.seeds, work_dir, settings)
    asked = chosen_options(args, preset, mistakes, scale=args.schedule_scale)
    if not (args.plan or mistakes.found):
        _take(work_dir)
    done, left = _checked(cells, None, asked, mistakes)
    options = asked or Options()
    if args.plan:
        show_plan(args, preset, cells, (done, left), options, mistakes)
        return Outcome([], [], len(cells))
    mistakes.require_none()
    return _outcome(_run(run, left, with_data(options, preset), done), cells)


def run_transfer(args: argparse.Namespace) -> Outcome:
    """Run one downstream task for every method whose pretraining is there."""
    mistakes = Mistakes()
    preset, task = find_task(args.target, args.preset)
    chosen = choose(preset, args.methods, None, args.seeds, mistakes)
    preset = chosen.preset
    work_dir = _work_dir(args, preset, mistakes)
    run = chosen_cluster(args, work_dir, mistakes)
    planned: list[Cell] = []
    with mistakes.collecting():
        settings = chosen_settings(args.setting, preset.tasks[task].settings)
        planned = plan(preset, chosen.methods, (task,), chosen.seeds, work_dir, settings)
    asked = chosen_options(args, preset, mistakes)
    cells = [cell for cell in planned if cell.task == task]
    if not mistakes.found:
        _take(work_dir)
    exported = [cell for cell in planned if cell.pretrains]
    done, left = _checked(cells, exported, asked, mistakes)
    mistakes.require_none()
    options = asked or Options()

    absent = {}
    for pretraining in (cell for cell in planned if cell.pretrains):
        if not any(item.cell.backbone == pretraining.backbone for item in left):
            continue
        try:
            _require_pretrained(pretraining, work_dir)
            export(pretraining)
        except RejectedError as error:
            absent[pretraining.backbone] = f'{pretraining.method}: {error}'
    ready = [item for item in left if item.cell.backbone not in absent]
    # Named before the others run, which may take days, and again at the end.
    lacking = [absent[item.cell.backbone] for item in left if item.cell.backbone in absent]
    print('\n'.join(lacking), end='\n' if lacking else '', file=sys.stderr)
    return _outcome([*lacking, *_run(run, ready, with_data(options, preset), done)], cells)


def _checked(
    cells: Sequence[Cell],
    exported: Sequence[Cell] | None,
    options: Options | None,
    mistakes: Mistakes,
) -> tuple[list[Prepared], list[Prepared]]:
    """The cells that are done, and those that are left; what would stop one of these is taken up.

    Args:
        cells: Of the call.
        exported: The pretraining whose backbones are going to be written; what is left of it if
            not given.
        options: Of the call; None if these are wrong themselves.
        mistakes: Takes them up.
    """
    done, left = prepare(cells, options or Options(), mistakes)
    if exported is None:
        exported = [item.cell for item in left if item.cell.pretrains]
    check_runnable(left, options, mistakes)
    check_backbones(left, exported, [item.cell for item in done], mistakes)
    check_sources(done, mistakes)
    return done, left


def _work_dir(args: argparse.Namespace, preset: Preset, mistakes: Mistakes) -> Path:
    """The folder of the call; that it is none, or cannot be written to, is taken up."""
    found = Path(args.work_dir or preset.work_dir)
    # Not Path.exists, which raises where a folder above cannot be read.
    above = next(path for path in (found, *found.resolve().parents) if os.path.exists(path))
    if not above.is_dir():
        mistakes.add(f'--work-dir {found}: {above} is a file: expected a folder')
    elif not getattr(args, 'plan', False) and not os.access(above, os.W_OK | os.X_OK):
        mistakes.add(f'--work-dir {found}: {above} cannot be written to: say another')
    return found


def _take(work_dir: Path) -> None:
    """Keep other calls out; runs that a killed one left are ended, for they go on from here.

    Raises:
        InputError: If another call is at work there.
    """
    if left := take(work_dir, LOCK):
        print(f'ended {left} processes that a killed call had left in {work_dir}', file=sys.stderr)


def _run(
    run: Run, left: Sequence[Prepared], options: Options, done: Sequence[Prepared]
) -> list[str]:
    if done:
        print(f'{len(done)} of {len(done) + len(left)} cells are there already')
    return run(left, options) if left else []


def _require_pretrained(cell: Cell, work_dir: Path) -> None:
    """Check that a pretraining run has come to its end.

    Raises:
        RejectedError: If it has not, or was never begun; with the call that mends it.
    """
    how_far = unfinished(cell.directory)
    if how_far is None and best_checkpoint(cell.directory) is not None:
        return
    row = cell.method + (f'={cell.config}' if cell.own else '')
    trained_by_script = cell.preset == 'paper' and not cell.seed and not cell.own
    command = (
        f'tools/dist_train.sh configs/{cell.config} 8 --work-dir {cell.directory}'
        + (' --resume' if how_far else '')
        if trained_by_script
        else f'rm-mm suite --preset {cell.preset} --tasks {PRETRAINING} '
        f'--methods {shlex.quote(row)} --seeds {cell.seed} --work-dir {shlex.quote(str(work_dir))}'
    )
    state = (
        f'its pretraining is at {how_far}'
        if how_far
        else f'its pretraining is not there: expected best_*.pth in {cell.directory}'
    )
    raise RejectedError(f'not run, {state}; run {command}')


def _outcome(failures: Sequence[str], cells: Sequence[Cell]) -> Outcome:
    records = [read_record(cell.record) for cell in cells if cell.record.exists()]
    return Outcome(records, list(failures), len(cells))
