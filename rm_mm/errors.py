"""The ways in which rm_mm says no, being stopped, and the exit code of each."""

from __future__ import annotations


class RmMmError(ValueError):
    """Something a user can mend; shown as one clear line, without a traceback.

    The message says what is wrong, what was expected, what was found and what to do.
    """

    exit_code = 1


class InputError(RmMmError):
    """The call or its input is wrong: nothing was run."""

    exit_code = 2


class LeftBehindError(InputError):
    """A folder is held by processes alone whose call is gone."""


class RefusedError(RmMmError):
    """It ran, and the answer is no: a backbone that does not fit, a check that fails."""

    exit_code = 1


class StoppedError(KeyboardInterrupt):
    """A signal ended the call, as Ctrl-C would have.

    Args:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        # What a shell says of a process that a signal ended.
        self.exit_code = 128 + number
