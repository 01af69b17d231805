"""``rm-mm train`` and ``rm-mm test``."""

from __future__ import annotations

import argparse

from rm_mm.cli.values import path
from rm_mm.recipe.batch import POLICIES


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands, with mmpretrain's option names."""
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
    add_batch_policy(train)
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


def run_train(args: argparse.Namespace) -> int:
    """Train one config."""
    from rm_mm.run.training import train

    return train(args)


def run_test(args: argparse.Namespace) -> int:
    """Evaluate one checkpoint."""
    from rm_mm.run.training import test

    return test(args)


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


def add_batch_policy(parser: argparse.ArgumentParser) -> None:
    """Add ``--batch-policy``, which training and the suite share."""
    parser.add_argument(
        '--batch-policy',
        choices=POLICIES,
        help="how to go on where processes x batch is not the recipe's global batch",
    )
