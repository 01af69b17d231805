"""``rm-mm doctor``."""

from __future__ import annotations

import argparse


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    doctor = commands.add_parser('doctor', help='what this machine can run, and what mends it')
    doctor.add_argument('--json', action='store_true', help='for machines')


def run_doctor_command(args: argparse.Namespace) -> int:
    """Print what this machine can run."""
    from rm_mm.doctor import run_doctor

    return run_doctor(as_json=args.json)
