"""The options of ``rm-mm``: what can be said, and nothing of what is done with it."""

from __future__ import annotations

import argparse

from rm_mm import __version__
from rm_mm.batch_policy import POLICIES
from rm_mm.names import DATASETS, EXPORT_LAYOUTS, METHODS, PRESETS, SETTINGS, TASKS
from rm_mm.option_types import count, dataset, own_names, path, preset, price, scale, seeds


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    """What train and test have in common, spelt as in mmpretrain's tools."""
    parser.add_argument('--work-dir', help='where logs and checkpoints go')
    parser.add_argument(
        '--data-root', help='where the data set is, instead of the data_root in the config'
    )
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision')
    parser.add_argument(
        '--cfg-options', nargs='+', metavar='KEY=VALUE', help='override entries of the config'
    )
    parser.add_argument('--launcher', choices=('none', 'pytorch', 'slurm', 'mpi'), default='none')
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, help='from torch.distributed.launch'
    )
    parser.add_argument('--no-pin-memory', action='store_true', help='do not pin loader memory')
    parser.add_argument(
        '--check', action='store_true', help='only check that config and data are there'
    )


def _add_batch_policy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--batch-policy',
        choices=POLICIES,
        help="how to go on where processes x batch is not the recipe's global batch",
    )


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
    _add_batch_policy(parser)
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


def _add_data(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    data = commands.add_parser('data', help='is a data set whole? lay it out from its archives')
    actions = data.add_subparsers(dest='action', required=True, metavar='ACTION')
    check = actions.add_parser('check', help='before GPU days are spent: is all of it there?')
    prepare = actions.add_parser('prepare', help='from the official archives to the layout')
    pack = actions.add_parser('pack', help='into one file, for file systems slow with many')
    for action in (check, prepare, pack):
        names = [name for name in DATASETS if action is not pack or not name.startswith('cifar')]
        action.add_argument('name', type=dataset, help=f'one of {", ".join(names)}')
        action.add_argument('root', type=path, help='the folder of the data set')
    check.add_argument('--deep', action='store_true', help='decode every image')
    check.add_argument('--jobs', type=count, help='processes (default: one a core)')
    check.add_argument('--json', action='store_true', help='for machines')
    prepare.add_argument(
        '--archives', type=path, help='where the archives are, or the whole data set (default ROOT)'
    )
    prepare.add_argument(
        '--subset', type=count, metavar='N', help='a small version: N images of each class'
    )
    pack.add_argument(
        '--out', type=path, required=True, metavar='FILE.lmdb', help='the file to write'
    )


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog='rm-mm', description='Does this way of pretraining transfer?'
    )
    parser.add_argument('--version', action='version', version=f'rm_mm {__version__}')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')

    train = commands.add_parser('train', help='train one config, of any of the three stacks')
    train.add_argument('config', help='a config file, or its path below configs/')
    _add_run_options(train)
    train.add_argument(
        '--resume', nargs='?', const='auto', help='from this checkpoint, or the latest'
    )
    train.add_argument(
        '--backbone',
        type=path,
        help='an export: the backbone of an mmdetection or mmsegmentation config, verified',
    )
    train.add_argument('--no-validate', action='store_true', help='do not evaluate on the way')
    _add_batch_policy(train)
    train.add_argument(
        '--auto-scale-lr', action='store_true', help='the same as --batch-policy scale-lr'
    )
    train.add_argument('--no-persistent-workers', action='store_true')

    test = commands.add_parser('test', help='evaluate one checkpoint')
    test.add_argument('config', help='a config file, or its path below configs/')
    test.add_argument('checkpoint', help="a checkpoint, or 'none' for the network as initialised")
    _add_run_options(test)
    test.add_argument('--out', type=path, help='a JSON file for the metrics')
    test.add_argument(
        '--details', type=path, metavar='FOLDER', help='figures of each class and a few pictures'
    )

    export = commands.add_parser('export', help='a checkpoint to a verified backbone')
    export.add_argument('checkpoint', help='a file, https://… or torchvision://resnet50')
    export.add_argument('-o', '--output', type=path, required=True, help='backbone.pth')
    export.add_argument(
        '--config',
        help='whose backbone it has to fill: a file, or mmpretrain::, mmdet::, mmseg:: and a name',
    )
    export.add_argument('--key', help='which network to take, where several are in the file')
    export.add_argument(
        '--to',
        choices=EXPORT_LAYOUTS,
        default=EXPORT_LAYOUTS[0],
        help="whose names to write; with the classifier, if it isn't openmmlab (default)",
    )
    export.add_argument(
        '--trust', action='store_true', help='unpickle whatever is in it, which can run anything'
    )

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

    report = commands.add_parser('report', help='the table from records, and from any logs')
    report.add_argument(
        'paths',
        nargs='+',
        type=path,
        metavar='[METHOD=]PATH',
        help="what --work-dir was; a run of mmengine; mmcv 1.x's .log.json; the authors' .log",
    )
    for name in ('md', 'csv', 'latex', 'html'):
        report.add_argument(f'--{name}', type=path, metavar='FILE', help=f'write {name} to FILE')

    fidelity = commands.add_parser('fidelity', help='is a config the recipe of a training log?')
    fidelity.add_argument('pairs', nargs='+', metavar='CONFIG LOG', help='a config and its log')
    fidelity.add_argument('--md', type=path, metavar='FILE', help='write every row to FILE')

    _add_data(commands)

    doctor = commands.add_parser('doctor', help='what this machine can run, and what mends it')
    doctor.add_argument('--json', action='store_true', help='for machines')
    return parser
