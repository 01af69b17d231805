"""``rm-mm fidelity``."""

from __future__ import annotations

import argparse
from pathlib import Path

from rm_mm.cli.values import path
from rm_mm.errors import InputError, RejectedError


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    fidelity = commands.add_parser('fidelity', help='does a config match the recipe of a log?')
    fidelity.add_argument('pairs', nargs='+', metavar='CONFIG LOG', help='a config and its log')
    fidelity.add_argument('--md', type=path, metavar='FILE', help='write every row to FILE')


def run_fidelity_command(args: argparse.Namespace) -> int:
    """Compare configs with logs, and print a summary of each.

    Raises:
        InputError: If a config or a log is missing, or cannot be read.
        RejectedError: If a config differs from its log without a reason.
    """
    from rm_mm.fidelity.comparison import FidelityRequest, compare_recipes
    from rm_mm.fidelity.page import fidelity_page
    from rm_mm.files import write_text

    configs, logs = args.pairs[::2], args.pairs[1::2]
    if len(configs) > len(logs):
        raise InputError(
            f'expected CONFIG LOG [CONFIG LOG ...], got {len(args.pairs)} names: the last, '
            f'{configs[-1]}, has no log'
        )
    request = FidelityRequest(tuple(zip(configs, map(Path, logs), strict=True)), args.md)
    comparisons = compare_recipes(request)
    for comparison in comparisons:
        print(f'{comparison.config}: {comparison.summary}')
    if args.md:
        write_text(args.md, fidelity_page(comparisons))
    faults = [fault for comparison in comparisons for fault in comparison.faults]
    if faults:
        raise RejectedError('not the recipe of the log:\n' + '\n'.join(faults))
    return 0
