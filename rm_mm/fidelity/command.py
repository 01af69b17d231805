"""``rm-mm fidelity``: configs against the logs of the runs that they repeat."""

from __future__ import annotations

import argparse
from pathlib import Path

from rm_mm.errors import InputError, RejectedError
from rm_mm.fidelity.compare import compare
from rm_mm.fidelity.extent import differing_length
from rm_mm.fidelity.page import Comparison, page
from rm_mm.fidelity.rates import differing_rates
from rm_mm.files import write_text
from rm_mm.logs.recipe_log import read_recipe_log as read_log
from rm_mm.recipe.config import read_config, understood


def run_fidelity(args: argparse.Namespace) -> int:
    """Compare each config with the log that follows it.

    Raises:
        InputError: If a config or a log cannot be read.
        RejectedError: If any differs without a reason.
    """
    if len(args.pairs) % 2:
        raise InputError(
            f'expected CONFIG LOG [CONFIG LOG ...], got {len(args.pairs)} names: the last, '
            f'{args.pairs[-1]}, has no log'
        )
    comparisons = [
        compare_with_log(config, Path(log))
        for config, log in zip(args.pairs[::2], args.pairs[1::2], strict=True)
    ]
    for comparison in comparisons:
        print(f'{comparison.config}: {comparison.summary}')
    if args.md:
        write_text(args.md, page(comparisons))
    faults = [fault for comparison in comparisons for fault in comparison.faults]
    if faults:
        raise RejectedError('not the recipe of the log:\n' + '\n'.join(faults))
    return 0


def compare_with_log(config: str, path: Path) -> Comparison:
    """Compare a config, by path or by its path below ``configs/``, with a training log."""
    log = read_log(path)
    resolved = read_config(config)
    with understood(config):
        rows = compare(log.config, resolved) if log.config else []
        length = differing_length(resolved, log)
        return Comparison(config, log, differing_rates(resolved, log), rows, length)
