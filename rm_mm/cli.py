"""``rm-mm``: parses, calls, prints. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from rm_mm.errors import RefusedError, RmMmError, StoppedError
from rm_mm.options import build_parser

Command = Callable[[argparse.Namespace], int]


def _train(args: argparse.Namespace) -> int:
    from rm_mm.launch import train

    return train(args)


def _test(args: argparse.Namespace) -> int:
    from rm_mm.launch import test

    return test(args)


def _export(args: argparse.Namespace) -> int:
    from rm_mm.printable import printable
    from rm_mm.transfer.export import export_backbone

    manifest = export_backbone(
        args.checkpoint,
        args.output,
        config=args.config,
        key=args.key,
        trust=args.trust,
        to=args.to,
    )
    if manifest.networks:
        print(
            f'{printable(manifest.key) or "the file itself"} was taken, --key takes another: '
            + ', '.join(map(printable, manifest.networks))
        )
    print(
        f'{printable(args.output)}: {manifest.tensors_matched} of {manifest.tensors_wanted} '
        'tensors verified, '
        f'{len(manifest.dropped)} of the head dropped, sha256 {manifest.backbone_sha256}'
    )
    return 0


def _suite(args: argparse.Namespace) -> int:
    from rm_mm.report.command import show
    from rm_mm.suite.command import run_suite, run_transfer
    from rm_mm.suite.processes import stopped_by_signals

    with stopped_by_signals():
        outcome = (run_suite if args.command == 'suite' else run_transfer)(args)
    show(outcome.records)
    if outcome.failures:
        raise RefusedError(
            f'{len(outcome.failures)} of {outcome.cells} cells are not done:\n'
            + '\n'.join(outcome.failures)
        )
    return 0


def _report(args: argparse.Namespace) -> int:
    from rm_mm.report.command import run_report

    return run_report(args)


def _fidelity(args: argparse.Namespace) -> int:
    from rm_mm.fidelity.command import run_fidelity

    return run_fidelity(args)


def _data(args: argparse.Namespace) -> int:
    from rm_mm.data.command import run_data

    return run_data(args)


def _doctor(args: argparse.Namespace) -> int:
    from rm_mm.doctor import run_doctor

    return run_doctor(as_json=args.json)


#: What does each command.
COMMANDS: dict[str, Command] = {
    'train': _train,
    'test': _test,
    'export': _export,
    'suite': _suite,
    'transfer': _suite,
    'report': _report,
    'fidelity': _fidelity,
    'data': _data,
    'doctor': _doctor,
}


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


if __name__ == '__main__':
    sys.exit(main())
