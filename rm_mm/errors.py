"""Errors that users see, with their exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class RmMmError(ValueError):
    """Something a user can fix; shown as one clear line, without a traceback.

    The message says what is wrong, what was expected, what was found and what to do.
    """

    exit_code = 1


class InputError(RmMmError):
    """The call or its input is wrong; nothing was run."""

    exit_code = 2


class StaleLockError(InputError):
    """A folder is locked by processes that outlived the call that started them."""


class RejectedError(RmMmError):
    """It ran, and the answer is no: a backbone that does not fit, a check that fails."""


class StoppedError(KeyboardInterrupt):
    """A signal ended the call, as Ctrl-C would have.

    Args:
        number: Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        # The exit code that shells report for a process ended by a signal.
        self.exit_code = 128 + number


class Mistakes:
    """Collects everything that is wrong with a call, to report all of it at once."""

    def __init__(self) -> None:
        # A dict keeps the order and drops duplicates.
        self.found: dict[str, None] = {}

    def add(self, error: Exception | str) -> None:
        """Add one; duplicates count once."""
        self.found[str(error)] = None

    @contextmanager
    def collecting(self, about: str = '') -> Iterator[None]:
        """Add an error that the block raises, instead of letting it pass.

        Args:
            about: Prefix for errors that do not say what they are about.
        """
        try:
            yield
        except RmMmError as error:
            self.add(f'{about}: {error}' if about else error)

    def require_none(self, consequence: str = 'nothing was run') -> None:
        """Raise everything that was collected.

        Args:
            consequence: What was not done because of it.

        Raises:
            InputError: If anything was collected.
        """
        if len(self.found) == 1:
            raise InputError(*self.found)
        if self.found:
            lines = '\n'.join(f'- {message}' for message in self.found)
            raise InputError(f'{len(self.found)} mistakes, and {consequence}:\n{lines}')


def require_type(name: str, value: object, kinds: Any) -> None:
    """Check the type of an argument that a user passed.

    Args:
        name: Argument, as the user wrote it.
        value: What was passed.
        kinds: A class or union, such as ``str | Path``.

    Raises:
        InputError: If the value is not an instance.
    """
    if not isinstance(value, kinds):
        expected = kinds.__name__ if isinstance(kinds, type) else str(kinds)
        expected = expected.replace('pathlib.', '').replace('NoneType', 'None')
        raise InputError(
            f'{name}: expected {expected}, got {type(value).__name__} {printable(value)}'
        )


# Longer than any name in the model zoos; names made to flood the screen are cut.
_LONGEST = 160


def printable(value: object) -> str:
    r"""Return ``value`` as one line of plain ASCII, safe for a terminal.

    Control characters, and with them terminal escapes, are shown as ``\x1b`` and the like.
    """
    text = ascii(str(value))[1:-1]
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + '...'


class Outcome:
    """How a command ended.

    Attributes:
        exit_code: 0 if it succeeded.
    """

    exit_code = 0


@contextmanager
def reported(command: str, *, debug: bool = False, hint: str = '') -> Iterator[Outcome]:
    """Turn an error of a command into one line on stderr and an exit code.

    Args:
        command: Name of the ``rm-mm`` command, for the message.
        debug: Whether to let errors pass, for their traceback.
        hint: How to continue after Ctrl-C.

    Yields:
        The outcome; its exit code is set once the block has ended.
    """
    outcome = Outcome()
    try:
        yield outcome
    except (RmMmError, OSError) as error:
        # An OSError is a file or folder of the call that cannot be read or written; it names it.
        if isinstance(error, BrokenPipeError):
            # The reader, such as `head`, has closed the pipe; Python would complain again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            outcome.exit_code = 1
            return
        if debug:
            raise
        print(f'rm-mm {command}: {error}', file=sys.stderr)
        outcome.exit_code = error.exit_code if isinstance(error, RmMmError) else 2
    except KeyboardInterrupt as stop:
        print(f'rm-mm {command}: stopped{hint}', file=sys.stderr)
        outcome.exit_code = stop.exit_code if isinstance(stop, StoppedError) else 130
