"""Errors that users see, with their exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class RmMmError(ValueError):
    """Something a user can mend; shown as one clear line, without a traceback.

    The message says what is wrong, what was expected, what was found and what to do.
    """

    exit_code = 1


class InputError(RmMmError):
    """The call or its input is wrong: nothing was run."""

    exit_code = 2


class StaleLockError(InputError):
    """A folder is held by processes alone whose call is gone."""


class RejectedError(RmMmError):
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


class Mistakes:
    """Collects what is wrong with a call, so that all of it is said at once."""

    def __init__(self) -> None:
        self.found: dict[str, None] = {}

    def add(self, error: Exception | str) -> None:
        """Take one up; the same twice counts once."""
        self.found[str(error)] = None

    @contextmanager
    def collecting(self, about: str = '') -> Iterator[None]:
        """Take up what is raised in the block, instead of ending at it.

        Args:
            about: What it is of, where it does not say so itself.
        """
        try:
            yield
        except RmMmError as error:
            self.add(f'{about}: {error}' if about else error)

    def require_none(self, left: str = 'nothing was run') -> None:
        """Say them.

        Args:
            left: What was not done because of them.

        Raises:
            InputError: If there is any.
        """
        if len(self.found) == 1:
            raise InputError(*self.found)
        if self.found:
            lines = '\n'.join(f'- {said}' for said in self.found)
            raise InputError(f'{len(self.found)} mistakes, and {left}:\n{lines}')


# Longer than any name in the model zoos; a name made to flood the screen is cut.
_LONGEST = 160


def printable(value: object) -> str:
    r"""Show ``value`` on one line of plain ASCII.

    Control characters, and with them terminal escapes, come out as ``\x1b`` and the like.
    """
    text = ascii(str(value))[1:-1]
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + '...'
