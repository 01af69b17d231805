"""``rm-mm train`` and ``rm-mm test``."""

from __future__ import annotations

import argparse
import os
from typing import Any

from rm_mm.cli.values import overrides, path
from rm_mm.names import PROCESS_LAUNCHERS
from rm_mm.recipe.batch import POLICIES


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands, with mmpretrain's option names."""
    libraries = 'mmpretrain, mmdetection or mmsegmentation'
    train = commands.add_parser('train', help=f'train one config of {libraries}')
    train.add_argument('config', help='a config file, or its path below configs/')
    _add_run_options(train)
    train.add_argument(
        '--resume', nargs='?', const='auto', help='from this checkpoint, or from the latest'
    )
    train.add_argument(
        '--backbone', type=path, help='export: the verified backbone of a detector or segmentor'
    )
    train.add_argument('--no-validate', action='store_true', help='do not evaluate while training')
    add_batch_policy(train)
    train.add_argument(
        '--auto-scale-lr', action='store_true', help='the same as --batch-policy scale-lr'
    )
    train.add_argument('--no-persistent-workers', action='store_true')

    test = commands.add_parser('test', help='evaluate one checkpoint')
    test.add_argument('config', help='a config file, or its path below configs/')
    test.add_argument('checkpoint', help="a checkpoint, or 'none' for the network as initialised")
    _add_run_options(test)
    test.add_argument('--out', type=path, help='JSON file for the metrics')
    test.add_argument(
        '--details', type=path, metavar='FOLDER', help='per-class figures and a few pictures'
    )


def run_train(args: argparse.Namespace) -> int:
    """Train one config."""
    from rm_mm.run.requests import TrainRequest
    from rm_mm.run.training import train

    request = TrainRequest(
        **_shared_fields(args),
        resume=args.resume,
        backbone=args.backbone,
        validate=not args.no_validate,
        batch_policy=args.batch_policy or ('scale-lr' if args.auto_scale_lr else None),
        persistent_workers=not args.no_persistent_workers,
    )
    train(request)
    return 0


def run_test(args: argparse.Namespace) -> int:
    """Evaluate one checkpoint."""
    from rm_mm.run.requests import TestRequest
    from rm_mm.run.testing import test

    fields = _shared_fields(args)
    test(TestRequest(**fields, checkpoint=args.checkpoint, out=args.out, details=args.details))
    return 0


def _shared_fields(args: argparse.Namespace) -> dict[str, Any]:
    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return {
        'config': args.config,
        'work_dir': args.work_dir,
        'data_root': args.data_root,
        'cfg_options': overrides(args.cfg_options or ()),
        'amp': args.amp,
        'launcher': args.launcher,
        'pin_memory': not args.no_pin_memory,
        'check_only': args.check,
    }


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what train and test share, named as in mmpretrain's tools."""
    add = parser.add_argument
    add('--work-dir', help='folder for logs and checkpoints')
    add('--data-root', help='root of the data set, instead of the data_root in the config')
    add('--amp', action='store_true', help='automatic mixed precision')
    add('--cfg-options', nargs='+', metavar='KEY=VALUE', help='override entries of the config')
    add('--launcher', choices=PROCESS_LAUNCHERS, default='none')
    add('--local_rank', '--local-rank', type=int, help='set by torch.distributed.launch')
    add('--no-pin-memory', action='store_true', help='do not pin loader memory')
    add('--check', action='store_true', help='only check that config and data are there')


def add_batch_policy(parser: argparse.ArgumentParser) -> None:
    """Add ``--batch-policy``, which training and the suite share."""
    parser.add_argument(
        '--batch-policy',
        choices=POLICIES,
        help="what to do if processes x batch is not the recipe's global batch",
    )
