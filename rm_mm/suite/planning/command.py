"""``rm-mm suite --plan``: print, and run nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from rm_mm.errors import Mistakes
from rm_mm.suite.cells import Options, Prepared
from rm_mm.suite.planning.estimate import Estimate, Question, estimate, show
from rm_mm.suite.planning.gpus import find_gpu
from rm_mm.suite.planning.plan import Cell
from rm_mm.suite.planning.presets import Preset


def require_planning(args: argparse.Namespace, mistakes: Mistakes) -> None:
    """Take up what is asked of a plan without ``--plan``, or makes no sense together."""
    asked = {
        '--device': args.device, '--probe': args.probe, '--usd-per-gpu-hour': args.usd_per_gpu_hour
    }  # fmt: skip
    given = [name for name, value in asked.items() if value is not None and value is not False]
    if given and not args.plan:
        mistakes.add(f'{given[0]} is a question about the plan: add --plan, which runs nothing')
    if args.probe and args.device:
        mistakes.add('--probe measures the device of this machine: leave --device out')
    if args.probe and (args.nodes or 1) > 1:
        mistakes.add('--probe measures on one machine: leave --nodes out')


def show_plan(
    args: argparse.Namespace,
    preset: Preset,
    cells: Sequence[Cell],
    resolved: tuple[Sequence[Prepared], Sequence[Prepared]],
    options: Options,
    mistakes: Mistakes,
) -> None:
    """Print the plan, and then what is wrong with it.

    Args:
        args: The call.
        preset: That it names.
        cells: All that it plans.
        resolved: Those that are done, and those that are left.
        options: Of the call.
        mistakes: Found so far.

    Raises:
        InputError: If anything is.
    """
    done, left = resolved
    device = None
    with mistakes.collecting():
        device = find_gpu(args.device) if args.device else None
    question = Question(
        device=device,
        probe=args.probe,
        usd_per_gpu_hour=args.usd_per_gpu_hour,
    )
    if args.cluster == 'slurm':
        # As many at a time as the partition has room for.
        options = replace(options, jobs=max(len(left), 1))
    # What cannot run cannot be measured.
    measurable = not (args.probe and mistakes.found)
    found = estimate(preset, left, options, question, mistakes) if measurable else Estimate()
    print('\n'.join(show(cells, done, left, found, options, question)))
    mistakes.require_none()
