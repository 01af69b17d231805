"""``rm-mm suite`` and ``rm-mm transfer``."""

from __future__ import annotations

import argparse

from rm_mm.cli.train import add_batch_policy
from rm_mm.cli.values import count, own_names, path, preset, price, scale, seeds
from rm_mm.errors import RejectedError
from rm_mm.names import METHODS, PRESETS, SETTINGS, TASKS


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands."""
    suite = commands.add_parser('suite', help='methods x tasks x seeds: run what is missing')
    suite.add_argument(
        '--preset',
        type=preset,
        default=PRESETS[0],
        help=f'{", ".join(PRESETS)} or a YAML file of your own (default: {PRESETS[0]})',
    )
    suite.add_argument(
        '--tasks',
        type=own_names,
        metavar='T,…',
        help=f'of {",".join(TASKS)}, and your own: CONFIG.py or NAME=CONFIG.py',
    )
    _add_suite_options(suite)
    suite.add_argument(
        '--schedule-scale', type=scale, default=1.0, help='shorten every schedule, in (0, 1]'
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
        help='whose pretrained backbones a config takes (default: paper)',
    )
    _add_suite_options(transfer)


def run_suite_command(args: argparse.Namespace) -> int:
    """Run what is missing, and print the table."""
    from rm_mm.cli.report import print_records
    from rm_mm.suite.command import run_suite, run_transfer
    from rm_mm.suite.processes import stopped_by_signals

    with stopped_by_signals():
        outcome = (run_suite if args.command == 'suite' else run_transfer)(args)
    print_records(outcome.records)
    if outcome.failures:
        raise RejectedError(
            f'{len(outcome.failures)} of {outcome.cells} cells are not done:\n'
            + '\n'.join(outcome.failures)
        )
    return 0


def _add_suite_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--methods',
        type=own_names,
        metavar='M,…',
        help=f'of {",".join(METHODS)}, and your own: NAME=CONFIG.py or NAME=CHECKPOINT',
    )
    parser.add_argument(
        '--setting',
        choices=(*SETTINGS, 'both'),
        help='backbones as in the published rows, or all methods of one recipe (default: paper)',
    )
    parser.add_argument(
        '--seeds', type=seeds, help='such as 0,1,2 (default: 0; of mini-full 0,1,2,3,4)'
    )
    parser.add_argument('--work-dir', type=path, help='where runs and records are kept')
    parser.add_argument(
        '--gpus',
        type=int,
        help='GPUs a run; 0: one process (default: all there are; of the mini preset 0)',
    )
    add_batch_policy(parser)
    parser.add_argument('--jobs', type=int, help='runs at a time, each with --gpus GPUs of its own')
    parser.add_argument('--data-root', help='where the data set of the transfer task is')
    _add_cluster_options(parser)


def _add_cluster_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--cluster',
        choices=('local', 'slurm', 'debug'),
        default='local',
        help='where runs go: child processes here, Slurm, or this process (default local)',
    )
    slurm = parser.add_argument_group('with --cluster slurm')
    slurm.add_argument('--partition')
    slurm.add_argument('--time', help='of a cell, requeued after it: minutes or D-HH:MM:SS')
    slurm.add_argument('--nodes', type=count, help='of a cell, each with --gpus GPUs (default 1)')
    slurm.add_argument('--cpus-per-task', type=count, help='cores of a cell on each node')
    slurm.add_argument(
        '--max-num-timeout', type=count, help='how often a cell may run out of time (default 20)'
    )
    slurm.add_argument(
        '--slurm', nargs='+', metavar='KEY=VALUE', help="sbatch's own: account=a qos=b mem=64G"
    )


def _add_plan_options(suite: argparse.ArgumentParser) -> None:
    suite.add_argument(
        '--plan', action='store_true', help='print the cells and what is left to pay; run nothing'
    )
    suite.add_argument(
        '--device', metavar='GPU', help='of --plan: scale the published logs to this card, as A100'
    )
    suite.add_argument(
        '--probe', action='store_true', help='of --plan: measure a few iterations here instead'
    )
    suite.add_argument(
        '--usd-per-gpu-hour', type=price, metavar='USD', help='of --plan: what a GPU-hour costs'
    )
