"""``rm-mm data check``: print what was found."""

from __future__ import annotations

import argparse
import json

from rm_mm.data.check.inspection import CheckResult
from rm_mm.data.check.run import check_data
from rm_mm.data.progress import ProgressLine
from rm_mm.errors import printable


def run_check(args: argparse.Namespace) -> int:
    """Check the data set of a command line, and print the result.

    Returns:
        0 if it is whole, 1 if there are problems.
    """
    line = ProgressLine()
    try:
        result = check_data(args.name, args.root, deep=args.deep, jobs=args.jobs, progress=line)
    finally:
        line.clear()
    print(_as_json(result) if args.json else '\n'.join(_lines(result)))
    return 1 if result.total else 0


def _as_json(result: CheckResult) -> str:
    return json.dumps(
        {
            'name': result.name,
            'root': str(result.root),
            'kind': result.kind,
            'counts': result.counts,
            'classes': result.classes,
            'problems': result.problems,
            'total': result.total,
            'causes': result.causes,
            'notes': result.notes,
            'subset': result.subset,
            'fingerprint': result.fingerprint,
        },
        indent=2,
    )


def _lines(result: CheckResult) -> list[str]:
    kind = f' ({result.kind})' if result.kind else ''
    lines = [f'{result.name} in {printable(result.root)}{kind}']
    if result.subset:
        lines.append('a subset, by its stamp: compared with the counts that it names')
    lines += [f'{printable(split)}: {found:,} images' for split, found in result.counts.items()]
    if result.classes is not None:
        lines.append(f'{result.classes:,} classes')
    lines += [f'note: {note}' for note in result.notes]
    if not result.total:
        return [*lines, f'ok, fingerprint {result.fingerprint}']
    lines += result.problems
    total = f'{result.total:,} problem{"s" if result.total > 1 else ""} in all'
    if result.total > len(result.problems):
        causes = ', '.join(f'{found:,} {cause}' for cause, found in result.causes.items())
        total += f': {causes}'
    return [*lines, total]
