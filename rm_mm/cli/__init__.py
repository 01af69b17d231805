"""``rm-mm``: parses options, builds requests, calls, prints.

Everything heavy is imported by the command that needs it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from rm_mm import __version__
from rm_mm.cli import data, doctor, export, fidelity, report, suite, train
from rm_mm.errors import RmMmError, StoppedError

#: The modules whose ``add_parsers`` make the command line, in the order of ``--help``.
_MODULES = (train, export, suite, report, fidelity, data, doctor)

#: What runs each command.
COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    'train': train.run_train,
    'test': train.run_test,
    'export': export.run_export,
    'suite': suite.run_suite_command,
    'transfer': suite.run_suite_command,
    'report': report.run_report_command,
    'fidelity': fidelity.run_fidelity_command,
    'data': data.run_data_command,
    'doctor': doctor.run_doctor_command,
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
        0 done, 1 it ran and the answer is no, 2 the call or its input is wrong.
    """
    args = build_parser().parse_args(arguments)
    try:
        return COMMANDS[args.command](args)
    except RmMmError as error:
        if args.debug:
            raise
        print(f'rm-mm {args.command}: {error}', file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as stop:
        on = {'train': '; --resume goes on from the last checkpoint'}
        on |= dict.fromkeys(('suite', 'transfer'), '; the same call goes on from here')
        if getattr(args, 'action', '') == 'prepare':
            on['data'] = on['suite']
        print(f'rm-mm {args.command}: stopped{on.get(args.command, "")}', file=sys.stderr)
        return stop.exit_code if isinstance(stop, StoppedError) else 130
    except BrokenPipeError:
        # The reader, such as `head`, has had enough; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        # A file or folder of the call that cannot be read or written; it says which.
        if args.debug:
            raise
        print(f'rm-mm {args.command}: {error}', file=sys.stderr)
        return 2
