"""Time the start of a command, the import of rm_mm, and a report of 1,000 records.

Every measurement is a separate process, timed from start to end.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from alternation import Bar, alternate, parser, report
from made_records import write_records

RECORDS = 1000
MMPRETRAIN = 'import mmpretrain, mmpretrain.datasets, mmpretrain.models'


def seconds(call: Sequence[str]) -> float:
    """Return the time of one process. If it fails, the benchmark exits."""
    began = time.perf_counter()
    ended = subprocess.run(call, capture_output=True, text=True)
    took = time.perf_counter() - began
    if ended.returncode:
        sys.exit(f'{" ".join(call)}: {ended.stderr}')
    return took


def report_call(folder: Path) -> list[str]:
    """Return the call of ``rm-mm report`` on a folder of records, in all formats."""
    command = str(Path(sys.executable).with_name('rm-mm'))
    formats = [f'--{kind}={folder}/page.{kind}' for kind in ('md', 'csv', 'latex', 'html')]
    return [command, 'report', str(folder), *formats]


def main() -> int:
    """Return 0 if all bars are reached, and 1 if not."""
    options = parser(__doc__)
    options.add_argument('--records', type=int, default=RECORDS, help=f'(default {RECORDS})')
    args = options.parse_args()
    python, command = sys.executable, str(Path(sys.executable).with_name('rm-mm'))
    with tempfile.TemporaryDirectory() as folder:
        write_records(Path(folder), args.records)
        calls = {
            'python': [python, '-c', 'pass'],
            'rm-mm --help': [command, '--help'],
            'mmpretrain': [python, '-c', MMPRETRAIN],
            'rm_mm and mmpretrain': [python, '-c', f'import rm_mm; {MMPRETRAIN}'],
            'report': report_call(Path(folder)),
        }
        figures = alternate(
            {name: partial(seconds, call) for name, call in calls.items()}, args.repetitions
        )
    bars = [
        Bar('rm-mm --help', None, 0.3),
        Bar('rm_mm and mmpretrain', 'mmpretrain', 1.05),
        Bar('report', None, 3.0),
    ]
    facts = {'records': args.records}
    return 0 if report('startup', 'seconds', figures, bars, target=args.json, facts=facts) else 1


if __name__ == '__main__':
    sys.exit(main())
