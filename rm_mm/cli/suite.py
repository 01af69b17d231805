"""``rm-mm suite`` and ``rm-mm transfer``."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from rm_mm.cli.train import add_batch_policy
from rm_mm.cli.values import path, seeds
from rm_mm.names import CLUSTERS, METHODS, PRESETS, SETTINGS, TASKS


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands."""
    suite = commands.add_parser('suite', help='methods x tasks x seeds: run what is missing')
    known = f'{", ".join(PRESETS)}, or a study file (.yaml) (default: {PRESETS[0]})'
    suite.add_argument('--preset', default=PRESETS[0], help=known)
    known = f'{",".join(TASKS)}, and custom ones: CONFIG.py or NAME=CONFIG.py'
    suite.add_argument('--tasks', metavar='T,…', help=known)
    _add_shared_options(suite)
    suite.add_argument(
        '--schedule-scale', type=float, default=1.0, help='shorten every schedule, in (0, 1]'
    )
    _add_plan_options(suite)

    transfer = commands.add_parser('transfer', help='one downstream task for all methods')
    transfer.add_argument(
        'target',
        nargs='+',
        help='ARCHITECTURE DATASET, such as atss coco, or an mmdetection or mmsegmentation config',
    )
    transfer.add_argument(
        '--preset',
        choices=PRESETS,
        help='preset whose pretrained backbones a config takes (default: paper)',
    )
    _add_shared_options(transfer)


def run_suite_command(args: argparse.Namespace) -> int:
    """Run what is missing, and print the table; or print the plan."""
    from rm_mm.suite.execution import plan_suite, run_suite
    from rm_mm.suite.requests import SuiteRequest

    request = SuiteRequest(**_fields(SuiteRequest, args))
    if request.plan:
        plan = plan_suite(request)
        print('\n'.join(plan.lines))
        plan.mistakes.require_none()
        return 0
    return _show(run_suite(request))


def run_transfer_command(args: argparse.Namespace) -> int:
    """Run one task, and print the table."""
    from rm_mm.suite.execution import run_transfer
    from rm_mm.suite.requests import TransferRequest

    return _show(run_transfer(TransferRequest(**_fields(TransferRequest, args))))


def _show(result: Any) -> int:
    from rm_mm.cli.report import print_records

    print_records(result.records)
    result.require_complete()
    return 0


def _fields(kind: Any, args: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of a request; each has the name of its option."""
    from rm_mm.suite.requests import SlurmRequest

    def named(kind: Any) -> dict[str, Any]:
        names = [field.name for field in dataclasses.fields(kind)]
        return {name: getattr(args, name) for name in names if hasattr(args, name)}

    slurm = SlurmRequest(**named(SlurmRequest))
    return {**named(kind), 'slurm': slurm, 'raise_errors': args.debug}


def _add_shared_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    known = f'{",".join(METHODS)}, and custom ones: NAME=CONFIG.py or NAME=CHECKPOINT'
    add('--methods', metavar='M,…', help=known)
    backbones = 'backbones of the published rows, or one recipe for all methods (default: paper)'
    add('--setting', choices=(*SETTINGS, 'both'), help=backbones)
    add('--seeds', type=seeds, help='such as 0,1,2 (default: 0; for mini-full 0,1,2,3,4)')
    add('--work-dir', type=path, help='folder for runs and records')
    processes = 'GPUs per run; 0: one process (default: all GPUs; for the mini presets 0)'
    add('--gpus', type=int, help=processes)
    add_batch_policy(parser)
    add('--jobs', type=int, help='runs at a time, each with its own --gpus GPUs')
    add('--data-root', help='root of the data set of the transfer task')
    where = 'where runs go: child processes here, Slurm, or this process (default: local)'
    add('--cluster', choices=CLUSTERS, default='local', help=where)

    add = parser.add_argument_group('with --cluster slurm').add_argument
    limit = 'time limit of a cell, which is requeued after it: minutes or D-HH:MM:SS'
    add('--partition')
    add('--time', help=limit)
    add('--nodes', type=int, help='nodes of a cell, each with --gpus GPUs (default: 1)')
    add('--cpus-per-task', type=int, help='cores of a cell on each node')
    limit = 'how often a cell may run into its time limit (default: 20)'
    add('--max-num-timeout', type=int, help=limit)
    more = 'further options of sbatch: account=a qos=b mem=64G'
    add('--slurm', dest='extra', nargs='+', default=(), metavar='KEY=VALUE', help=more)


def _add_plan_options(suite: argparse.ArgumentParser) -> None:
    add = suite.add_argument
    add('--plan', action='store_true', help='print the cells and what they cost; run nothing')
    scaled = 'with --plan: scale the published logs to this GPU, such as A100'
    add('--device', metavar='GPU', help=scaled)
    measured = 'with --plan: measure a few iterations here instead'
    add('--probe', action='store_true', help=measured)
    price = 'with --plan: price of a GPU-hour'
    add('--usd-per-gpu-hour', type=float, metavar='USD', help=price)
