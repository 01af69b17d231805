"""``rm-mm doctor``."""

from __future__ import annotations

import argparse
import json


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    doctor = commands.add_parser('doctor', help='what this machine can run, and how to fix it')
    doctor.add_argument('--json', action='store_true', help='print JSON for scripts')


def run_doctor_command(args: argparse.Namespace) -> int:
    """Print what this machine can run.

    Returns:
        0 if the main job can run, 1 if not.
    """
    from rm_mm.doctor import examine

    findings = examine()
    if args.json:
        # The keys are a file format that scripts read.
        entries = [
            {'name': each.name, 'state': each.state, 'found': each.found, 'mend': each.fix}
            for each in findings
        ]
        print(json.dumps(entries, indent=2))
    else:
        for finding in findings:
            print(f'{finding.state:6}  {finding.name:14}  {finding.found}')
            if finding.fix:
                print(f'        fix with: {finding.fix}')
    return int(any(finding.state == 'broken' for finding in findings))
