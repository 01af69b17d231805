"""``rm-mm data check``, ``prepare`` and ``pack``."""

from __future__ import annotations

import argparse


def run_data(args: argparse.Namespace) -> int:
    """Run the action that was asked for.

    Returns:
        0 if the data set is whole, was laid out or packed, 1 if something is wrong with it.
    """
    if args.action == 'check':
        from rm_mm.data.check.command import run_check

        return run_check(args)
    from rm_mm.data.prepare.command import run_prepare

    return run_prepare(args)
