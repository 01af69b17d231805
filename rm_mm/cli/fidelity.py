"""``rm-mm fidelity``."""

from __future__ import annotations

import argparse

from rm_mm.cli.values import path


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    fidelity = commands.add_parser('fidelity', help='is a config the recipe of a training log?')
    fidelity.add_argument('pairs', nargs='+', metavar='CONFIG LOG', help='a config and its log')
    fidelity.add_argument('--md', type=path, metavar='FILE', help='write every row to FILE')


def run_fidelity_command(args: argparse.Namespace) -> int:
    """Compare configs with logs, and print a summary of each."""
    from rm_mm.fidelity.command import run_fidelity

    return run_fidelity(args)
