"""``rm-mm data check``, ``prepare`` and ``pack``."""

from __future__ import annotations

import argparse
import shlex

from rm_mm.cli.values import count, dataset, path
from rm_mm.errors import printable
from rm_mm.names import DATASETS


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its actions."""
    data = commands.add_parser('data', help='is a data set whole? lay it out from its archives')
    actions = data.add_subparsers(dest='action', required=True, metavar='ACTION')
    check = actions.add_parser('check', help='before GPU days are spent: is all of it there?')
    prepare = actions.add_parser('prepare', help='from the official archives to the layout')
    pack = actions.add_parser('pack', help='one file, for file systems that are slow with many')
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


def run_data_command(args: argparse.Namespace) -> int:
    """Run one of the three."""
    if args.action == 'pack':
        return _run_pack(args)
    from rm_mm.data.command import run_data

    return run_data(args)


def _run_pack(args: argparse.Namespace) -> int:
    """Pack a data set, and print how to read it."""
    from rm_mm.data.pack import PackRequest, pack_dataset
    from rm_mm.data.progress import ProgressLine
    from rm_mm.data.sources import PACK_PREFIX

    line = ProgressLine()
    try:
        packed = pack_dataset(PackRequest(args.name, args.root, args.out), progress=line)
    finally:
        line.clear()
    # For copying into a shell, so only names that could control a terminal are escaped.
    name = str(args.out) if str(args.out).isprintable() else printable(args.out)
    print(f'{packed.files:,} files, {packed.content_bytes / 1e6:,.1f} MB: {name}')
    print(f'read it with --data-root {shlex.quote(PACK_PREFIX + name)}')
    return 0
