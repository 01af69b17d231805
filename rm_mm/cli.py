"""``rm-mm``: parses, calls, prints. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rm_mm import __version__
from rm_mm.batch_policy import POLICIES
from rm_mm.errors import RefusedError, RmMmError, StoppedError
from rm_mm.names import METHODS, SETTINGS, TASKS
from rm_mm.option_types import names, scale, seeds

Command = Callable[[argparse.Namespace], int]


def _train(args: argparse.Namespace) -> int:
    from rm_mm.launch import train

    return train(args)


def _test(args: argparse.Namespace) -> int:
    from rm_mm.launch import test

    return test(args)


def _export(args: argparse.Namespace) -> int:
    from rm_mm.transfer.export import export_backbone

    manifest = export_backbone(args.checkpoint, args.output, config=args.config)
    print(
        f'{args.output}: {manifest.tensors_matched} of {manifest.tensors_wanted} tensors verified, '
        f'{len(manifest.dropped)} of the head dropped, sha256 {manifest.backbone_sha256}'
    )
    return 0


def _suite(args: argparse.Namespace) -> int:
    from rm_mm.report.command import show
    from rm_mm.suite.command import run_suite, run_transfer
    from rm_mm.suite.processes import stopped_by_signals

    with stopped_by_signals():
        outcome = (run_suite if args.command == 'suite' else run_transfer)(args)
    show(outcome.records)
    if outcome.failures:
        raise RefusedError(
            f'{len(outcome.failures)} of {outcome.cells} cells are not done:\n'
            + '\n'.join(outcome.failures)
        )
    return 0


def _report(args: argparse.Namespace) -> int:
    from rm_mm.report.command import run_report

    return run_report(args)


def _fidelity(args: argparse.Namespace) -> int:
    from rm_mm.fidelity.command import run_fidelity

    return run_fidelity(args)


def _doctor(args: argparse.Namespace) -> int:
    from rm_mm.doctor import run_doctor

    return run_doctor(as_json=args.json)


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
    parser.add_argument('--methods', type=names(METHODS), help=f'of {",".join(METHODS)}')
    parser.add_argument(
        '--setting',
        choices=(*SETTINGS, 'both'),
        help='backbones as in the published rows, or all methods of one recipe (default: paper)',
    )
    parser.add_argument('--seeds', type=seeds, default=(0,), help='such as 0,1,2 (default 0)')
    parser.add_argument('--work-dir', type=Path, help='where runs and records are kept')
    parser.add_argument(
        '--gpus',
        type=int,
        help='GPUs a run; 0: one process (default: all there are; of the mini preset 0)',
    )
    _add_batch_policy(parser)
    parser.add_argument('--jobs', type=int, help='runs at a time, on a machine without GPUs')
    parser.add_argument('--data-root', help='where the data set of the transfer task is')


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
        type=Path,
        help='an export: the backbone of an mmdetection or mmsegmentation config, verified',
    )
    train.add_argument('--no-validate', action='store_true', help='do not evaluate on the way')
    _add_batch_policy(train)
    train.add_argument(
        '--auto-scale-lr', action='store_true', help='the same as --batch-policy scale-lr'
    )
    train.add_argument('--no-persistent-workers', action='store_true')
    train.set_defaults(run=_train)

    test = commands.add_parser('test', help='evaluate one checkpoint')
    test.add_argument('config', help='a config file, or its path below configs/')
    test.add_argument('checkpoint', help="a checkpoint, or 'none' for the network as initialised")
    _add_run_options(test)
    test.add_argument('--out', type=Path, help='a JSON file for the metrics')
    test.set_defaults(run=_test)

    export = commands.add_parser('export', help='a checkpoint to a verified backbone')
    export.add_argument('checkpoint', help='a file, or torchvision://resnet50')
    export.add_argument('-o', '--output', type=Path, required=True, help='backbone.pth')
    export.add_argument('--config', type=Path, help='whose backbone it has to fit exactly')
    export.set_defaults(run=_export)

    suite = commands.add_parser('suite', help='methods x tasks x seeds: run what is missing')
    suite.add_argument('--preset', choices=('mini', 'paper'), default='mini')
    suite.add_argument('--tasks', type=names(TASKS), default=TASKS, help=f'of {",".join(TASKS)}')
    _add_suite_options(suite)
    suite.add_argument('--cluster', choices=('local',), default='local', help='where runs go')
    suite.add_argument(
        '--schedule-scale', type=scale, default=1.0, help='shorten every schedule, in (0, 1]'
    )
    suite.set_defaults(run=_suite)

    transfer = commands.add_parser('transfer', help='one downstream task for all methods')
    transfer.add_argument(
        'target',
        nargs='+',
        help='ARCHITECTURE DATASET, such as atss coco, or an mmdetection or mmsegmentation config',
    )
    transfer.add_argument(
        '--preset',
        choices=('mini', 'paper'),
        help='whose pretrained backbones a config takes (default: paper)',
    )
    _add_suite_options(transfer)
    transfer.set_defaults(run=_suite)

    report = commands.add_parser('report', help='the table from the records of a folder')
    report.add_argument('directory', type=Path, help='what --work-dir was')
    for name in ('md', 'csv', 'latex', 'html'):
        report.add_argument(f'--{name}', type=Path, metavar='FILE', help=f'write {name} to FILE')
    report.set_defaults(run=_report)

    fidelity = commands.add_parser('fidelity', help='is a config the recipe of a training log?')
    fidelity.add_argument('pairs', nargs='+', metavar='CONFIG LOG', help='a config and its log')
    fidelity.add_argument('--md', type=Path, metavar='FILE', help='write every row to FILE')
    fidelity.set_defaults(run=_fidelity)

    doctor = commands.add_parser('doctor', help='what this machine can run, and what mends it')
    doctor.add_argument('--json', action='store_true', help='for machines')
    doctor.set_defaults(run=_doctor)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``rm-mm``.

    Returns:
        0 done, 1 it ran and the answer is no, 2 the call or its input is wrong.
    """
    args = build_parser().parse_args(arguments)
    command: Command = args.run
    try:
        return command(args)
    except RmMmError as error:
        if args.debug:
            raise
        print(f'rm-mm {args.command}: {error}', file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as stop:
        on = {'train': '; --resume goes on from the last checkpoint'}
        on |= dict.fromkeys(('suite', 'transfer'), '; the same call goes on from here')
        print(f'rm-mm {args.command}: stopped{on.get(args.command, "")}', file=sys.stderr)
        return stop.exit_code if isinstance(stop, StoppedError) else 130
    except BrokenPipeError:
        # The reader, such as `head`, has had enough; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        # A file or folder of the call that cannot be read or written; it says which.
        if args.debug:
            raise
        print(f'rm-mm {args.command}: {error}', file=sys.stderr)
        return 2


if __name__ == '__main__':
    sys.exit(main())
