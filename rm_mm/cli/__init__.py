"""``rm-mm``: parses options, builds requests, calls, prints.

Everything heavy is imported by the command that needs it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from rm_mm import __version__
from rm_mm.cli import data, doctor, export, fidelity, report, suite, train
from rm_mm.errors import reported

#: The modules whose ``add_parsers`` make the command line, in the order of ``--help``.
_MODULES = (train, export, suite, report, fidelity, data, doctor)

#: What runs each command.
COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    'train': train.run_train,
    'test': train.run_test,
    'export': export.run_export,
    'suite': suite.run_suite_command,
    'transfer': suite.run_transfer_command,
    'report': report.run_report_command,
    'fidelity': fidelity.run_fidelity_command,
    'data': data.run_data_command,
    'doctor': doctor.run_doctor_command,
}

#: How to continue after Ctrl-C, by command.
_RESUMING = {
    'train': '; --resume resumes from the last checkpoint',
    'suite': '; the same call continues from here',
    'transfer': '; the same call continues from here',
}


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog='rm-mm', description='Does this way of pretraining transfer?'
    )
    parser.add_argument('--version', action='version', version=f'rm_mm {__version__}')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    for module in _MODULES:
        module.add_parsers(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``rm-mm``.

    Returns:
        0 for success, 1 if it ran and the answer is no, 2 if the call or its input is wrong.
    """
    args = build_parser().parse_args(arguments)
    hint = _RESUMING.get(args.command, '')
    if args.command == 'data' and args.action == 'prepare':
        hint = _RESUMING['suite']
    with reported(args.command, debug=args.debug, hint=hint) as outcome:
        outcome.exit_code = COMMANDS[args.command](args)
    return outcome.exit_code
