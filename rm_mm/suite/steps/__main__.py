"""``python -m rm_mm.suite.steps COMMAND REQUEST``: one step, in a process of its own."""

from __future__ import annotations

import sys

from rm_mm.errors import reported
from rm_mm.suite.steps.step import load_request, perform


def main(command: str, text: str) -> int:
    """Perform the step; return the exit code of the ``rm-mm`` command of the same name."""
    with reported(command) as outcome:
        perform(load_request(command, text))
    return outcome.exit_code


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
