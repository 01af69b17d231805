"""``rm-mm suite`` and ``rm-mm transfer``: prepare, run, hand over the records."""

from __future__ import annotations

import argparse
import copy
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rm_mm.batch_policy import apply_batch_policy
from rm_mm.compat.config_scopes import configs_root
from rm_mm.config_files import read_config
from rm_mm.data.embedded import sizes_of
from rm_mm.data.presence import require_data
from rm_mm.errors import InputError, LeftBehindError, RefusedError
from rm_mm.lock import hold
from rm_mm.names import SETTINGS
from rm_mm.suite.cells import Options, Prepared, prepare
from rm_mm.suite.devices import visible
from rm_mm.suite.family import end, mark_of
from rm_mm.suite.find_task import find_task
from rm_mm.suite.plan import PRETRAINING, Cell, plan
from rm_mm.suite.presets import PRESETS, Preset
from rm_mm.suite.pretrained import best_checkpoint, export, unfinished
from rm_mm.suite.records import Record, read_record
from rm_mm.suite.run import run

#: Two small networks on a core each train faster than one on two; more share the memory bus.
MINI_JOBS = 2
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
    preset = PRESETS[args.preset]
    work_dir = args.work_dir or preset.work_dir
    if args.data_root and len(set(args.tasks) - {PRETRAINING}) != 1:
        raise InputError(
            '--data-root is the data set of one transfer task: name it, as in --tasks detection, '
            'or link each data set to where its config looks for it'
        )
    methods, settings = args.methods or preset.methods, _settings(args.setting, preset.settings)
    seeds = args.seeds or preset.seeds
    cells = plan(preset, methods, args.tasks, seeds, work_dir, settings)
    options = _options(args, preset, scale=args.schedule_scale)
    _take(work_dir)
    done, left = prepare(cells, options)
    _require_runnable(left, options)
    return _outcome(_run(left, options, done), cells)


def run_transfer(args: argparse.Namespace) -> Outcome:
    """Run one downstream task for every method whose pretraining is there."""
    preset, task = find_task(args.target, args.preset)
    work_dir = args.work_dir or preset.work_dir
    methods = args.methods or preset.methods
    settings = _settings(args.setting, preset.tasks[task].settings)
    planned = plan(preset, methods, (task,), args.seeds or preset.seeds, work_dir, settings)
    options = _options(args, preset)
    cells = [cell for cell in planned if cell.task == task]
    _take(work_dir)
    done, left = prepare(cells, options)
    _require_runnable(left, options)

    absent = {}
    for pretraining in (cell for cell in planned if cell.pretrains):
        if not any(item.cell.backbone == pretraining.backbone for item in left):
            continue
        try:
            _require_pretrained(pretraining, work_dir)
            export(pretraining)
        except RefusedError as error:
            absent[pretraining.backbone] = f'{pretraining.method}: {error}'
    ready = [item for item in left if item.cell.backbone not in absent]
    # Named before the others run, which may take days, and again at the end.
    lacking = [absent[item.cell.backbone] for item in left if item.cell.backbone in absent]
    print('\n'.join(lacking), end='\n' if lacking else '', file=sys.stderr)
    return _outcome([*lacking, *_run(ready, options, done)], cells)


def _take(work_dir: Path) -> None:
    """Keep other calls out; runs that a killed one left are ended, for they go on from here.

    Raises:
        InputError: If another call is at work there.
    """
    try:
        hold(work_dir, LOCK, '--work-dir')
        left = end([mark_of(work_dir)])
    except LeftBehindError:
        left = end([mark_of(work_dir)])
        hold(work_dir, LOCK, '--work-dir')
    if left:
        print(f'ended {left} processes that a killed call had left in {work_dir}', file=sys.stderr)


def _settings(asked: str | None, offered: Sequence[str]) -> Sequence[str]:
    """As asked, or the paper's rows where there are such."""
    if asked is None:
        return ('paper',) if 'paper' in offered else offered
    settings = SETTINGS if asked == 'both' else (asked,)
    if set(settings) <= set(offered):
        return settings
    raise InputError(
        f'--setting {asked}: these rows have only the setting {", ".join(offered)}; leave it out'
    )


def _run(left: Sequence[Prepared], options: Options, done: Sequence[Prepared]) -> list[str]:
    if done:
        print(f'{len(done)} of {len(done) + len(left)} cells are there already')
    return run(left, options) if left else []


def _require_pretrained(cell: Cell, work_dir: Path) -> None:
    """Check that a pretraining run has come to its end.

    Raises:
        RefusedError: If it has not, or was never begun; with the call that mends it.
    """
    how_far = unfinished(cell.directory)
    if how_far is None and best_checkpoint(cell.directory) is not None:
        return
    trained_by_script = cell.preset == 'paper' and not cell.seed
    command = (
        f'tools/dist_train.sh configs/{cell.config} 8 --work-dir {cell.directory}'
        + (' --resume' if how_far else '')
        if trained_by_script
        else f'rm-mm suite --preset {cell.preset} --tasks {PRETRAINING} --methods {cell.method} '
        f'--seeds {cell.seed} --work-dir {work_dir}'
    )
    state = (
        f'its pretraining is at {how_far}'
        if how_far
        else f'its pretraining is not there: expected best_*.pth in {cell.directory}'
    )
    raise RefusedError(f'not run, {state}; run {command}')


def _options(args: argparse.Namespace, preset: Preset, scale: float = 1.0) -> Options:
    gpus = _gpus(args, preset)
    jobs = _jobs(args, preset, gpus)
    fingerprint = None
    if preset.data is not None:
        from rm_mm.data import mini

        # Any of the preset's recipes: they read one set.
        recipe = read_config(configs_root() / preset.tasks[PRETRAINING].config_of('baseline'))
        root = mini.prepare(preset.data, progress=print, **sizes_of(recipe))
        fingerprint = mini.fingerprint(root)
    return Options(
        gpus=gpus,
        jobs=jobs,
        scale=scale,
        data_root=args.data_root,
        data_fingerprint=fingerprint,
        batch_policy=args.batch_policy,
    )


def _gpus(args: argparse.Namespace, preset: Preset) -> int:
    """Processes a run: as asked; else all GPUs there are, and none for the small networks."""
    if args.gpus is None:
        if preset.data:
            return 0
        from torch.cuda import device_count

        return int(device_count())
    if args.gpus < 0:
        raise InputError(f'--gpus must be 0 or more, got {args.gpus}')
    return int(args.gpus)


def _jobs(args: argparse.Namespace, preset: Preset, gpus: int) -> int:
    """Cells at a time: as asked; else the small networks of the mini preset one a core."""
    if args.jobs is None:
        return min(os.cpu_count() or 1, MINI_JOBS) if preset.data and not gpus else 1
    if args.jobs < 1:
        raise InputError(f'--jobs must be 1 or more, got {args.jobs}')
    if args.jobs > 1 and gpus and (needed := args.jobs * gpus) > (present := len(visible())):
        raise InputError(
            f'--jobs {args.jobs} with {gpus} GPUs each need {needed}, here are {present}: say '
            'fewer of either'
        )
    return int(args.jobs)


def _require_runnable(left: Sequence[Prepared], options: Options) -> None:
    """Name every data set that is not there and every batch that is not the recipe's, at once.

    Raises:
        InputError: If there is any.
    """
    problems: dict[str, None] = {}
    for item in {(item.cell.task, item.trains): item for item in left}.values():
        checks: list[Callable[[], object]] = [partial(require_data, item.config, item.cell.task)]
        if item.trains:
            config = copy.deepcopy(item.config)
            processes = max(options.gpus, 1)
            checks.append(partial(apply_batch_policy, config, processes, options.batch_policy))
        for check in checks:
            try:
                check()
            except InputError as error:
                problems[str(error)] = None
    if problems:
        raise InputError('\n'.join(problems))


def _outcome(failures: Sequence[str], cells: Sequence[Cell]) -> Outcome:
    records = [read_record(cell.record) for cell in cells if cell.record.exists()]
    return Outcome(records, list(failures), len(cells))
