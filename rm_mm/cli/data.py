"""``rm-mm data check``, ``prepare`` and ``pack``."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from rm_mm.cli.values import count, dataset, path
from rm_mm.errors import printable
from rm_mm.names import DATASETS

if TYPE_CHECKING:
    from rm_mm.data.check import CheckResult
    from rm_mm.data.progress import ProgressLine


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its actions."""
    data = commands.add_parser('data', help='check a data set, or lay it out from its archives')
    actions = data.add_subparsers(dest='action', required=True, metavar='ACTION')
    check = actions.add_parser('check', help='check that a data set is complete')
    prepare = actions.add_parser('prepare', help='lay a data set out from its official archives')
    pack = actions.add_parser(
        'pack', help='pack a data set into one file, if a file system is slow with many'
    )
    for action in (check, prepare, pack):
        names = [name for name in DATASETS if action is not pack or not name.startswith('cifar')]
        action.add_argument('name', type=dataset, help=f'one of {", ".join(names)}')
        action.add_argument('root', type=path, help='the folder of the data set')
    check.add_argument('--deep', action='store_true', help='decode every image')
    check.add_argument(
        '--jobs', type=count, help='number of processes (default: one per available core)'
    )
    check.add_argument('--json', action='store_true', help='print the result as JSON')
    prepare.add_argument(
        '--archives',
        type=path,
        help='folder of the archives, or of the whole data set for a subset (default: ROOT)',
    )
    prepare.add_argument(
        '--subset', type=count, metavar='N', help='make a subset: N images of each class'
    )
    pack.add_argument(
        '--out', type=path, required=True, metavar='FILE.lmdb', help='the file to write'
    )


def run_data_command(args: argparse.Namespace) -> int:
    """Run one of the actions, and print its result."""
    from rm_mm.data.progress import ProgressLine

    line = ProgressLine()
    try:
        lines, exit_code = _ACTIONS[args.action](args, line)
    finally:
        line.clear()
    print('\n'.join(lines))
    return exit_code


def _check(args: argparse.Namespace, line: ProgressLine) -> tuple[list[str], int]:
    from rm_mm.data.check import CheckRequest, check_data

    request = CheckRequest(args.name, args.root, args.deep, args.jobs)
    result = check_data(request, progress=line)
    if args.json:
        lines = [json.dumps(asdict(result), indent=2, default=str)]
    else:
        lines = _check_lines(result)
    return lines, 1 if result.total else 0


def _check_lines(result: CheckResult) -> list[str]:
    kind = f' ({result.kind})' if result.kind else ''
    lines = [f'{result.name} in {printable(result.root)}{kind}']
    if result.subset:
        lines.append('a subset: compared with the counts in its stamp')
    lines += [f'{printable(split)}: {found:,} images' for split, found in result.counts.items()]
    if result.classes is not None:
        lines.append(f'{result.classes:,} classes')
    lines += [f'note: {note}' for note in result.notes]
    if not result.total:
        return [*lines, f'ok, fingerprint {result.fingerprint}']
    total = f'{result.total:,} problem{"s" if result.total > 1 else ""} in all'
    if result.total > len(result.problems):
        total += ': ' + ', '.join(f'{found:,} {cause}' for cause, found in result.causes.items())
    return [*lines, *result.problems, total]


def _prepare(args: argparse.Namespace, line: ProgressLine) -> tuple[list[str], int]:
    from rm_mm.data.prepare import PrepareRequest, prepare_data

    def note(text: str) -> None:
        line.clear()
        print(f'note: {text}', file=sys.stderr)

    request = PrepareRequest(args.name, args.root, args.archives, args.subset)
    result = prepare_data(request, line, note)
    written, present = result.written, result.present
    lines = [
        f'{printable(split)}: {written.get(split, 0):,} files laid out, '
        f'{present.get(split, 0):,} existed already'
        for split in sorted({*written, *present})
    ]
    root = shlex.quote(printable(result.root))
    return [*lines, f'next: rm-mm data check {result.name} {root}'], 0


def _pack(args: argparse.Namespace, line: ProgressLine) -> tuple[list[str], int]:
    from rm_mm.data.pack import PackRequest, pack_dataset
    from rm_mm.data.sources import PACK_PREFIX

    packed = pack_dataset(PackRequest(args.name, args.root, args.out), progress=line)
    # For copying into a shell, so only names that could control a terminal are escaped.
    name = str(args.out) if str(args.out).isprintable() else printable(args.out)
    summary = f'{packed.files:,} files, {packed.content_bytes / 1e6:,.1f} MB: {name}'
    return [summary, f'read it with --data-root {shlex.quote(PACK_PREFIX + name)}'], 0


_ACTIONS = {'check': _check, 'prepare': _prepare, 'pack': _pack}
