"""Errors that users see, with their exit codes."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar('T')


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
    """A signal ended the call, as Ctrl-C would have."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        # The exit code that shells report for a process ended by a signal.
        self.exit_code = 128 + signal_number


class Mistakes:
    """Collects everything that is wrong with a call, to report all of it at once."""

    def __init__(self) -> None:
        # A dict keeps the order and drops duplicates.
        self.found: dict[str, None] = {}

    def add(self, error: Exception | str) -> None:
        """Add one mistake; duplicates count once."""
        self.found[str(error)] = None

    @contextmanager
    def collecting(self, about: str = '') -> Iterator[None]:
        """Add an error that the block raises, with ``about`` as its prefix, and continue."""
        try:
            yield
        except RmMmError as error:
            self.add(f'{about}: {error}' if about else error)

    def require_none(self, consequence: str = 'nothing was run') -> None:
        """Raise one `InputError` with everything that was collected, if there is anything."""
        if len(self.found) == 1:
            raise InputError(*self.found)
        if self.found:
            lines = '\n'.join(f'- {message}' for message in self.found)
            raise InputError(f'{len(self.found)} mistakes, and {consequence}:\n{lines}')


def require_type(name: str, value: object, kinds: Any) -> None:
    """Raise `InputError` if an argument is not an instance of ``kinds``, such as ``str | Path``."""
    # Python 3.10 makes a Union of a type whose default is None.
    is_union = get_origin(kinds) in (UnionType, Union)
    options = get_args(kinds) if is_union else (kinds,)
    # Of a type such as Sequence[int] only the Sequence is checked.
    classes = tuple(get_origin(option) or option for option in options)
    # Whole numbers are numbers, as in annotations.
    if not isinstance(value, (*classes, int) if float in classes else classes):
        expected = ' | '.join(kind.__name__.replace('NoneType', 'None') for kind in classes)
        found = '' if value is None else f'{type(value).__name__} '
        raise InputError(f'{name}: expected {expected}, got {found}{printable(value)}')


def require_choice(name: str, value: object, choices: Sequence[str | None]) -> None:
    """Raise `InputError` if an argument is not one of its choices."""
    if value not in choices:
        expected = ', '.join(filter(None, choices))
        raise InputError(f'{name}: expected one of {expected}, got {value!a}')


def checked_fields(kind: type[T]) -> type[T]:
    """Make a dataclass raise `InputError` for a field that is unknown, missing or of a wrong type.

    For requests, which users of the Python API build. The checks come before ``__post_init__``.
    """
    init, call, types = kind.__init__, inspect.signature(kind), get_type_hints(kind.__init__)

    @functools.wraps(init)
    def checked(self: T, *args: Any, **fields: Any) -> None:
        try:
            given = call.bind(*args, **fields).arguments
        except TypeError as error:
            raise InputError(
                f'{kind.__name__}: {error}; its fields are {", ".join(call.parameters)}'
            ) from None
        for name, value in given.items():
            require_type(name, value, types[name])
        init(self, *args, **fields)

    kind.__init__ = checked  # type: ignore[assignment]
    return kind


def as_request(kind: type[T], first: Any, args: Sequence[Any], named: Mapping[str, Any]) -> T:
    """Return the request that a call of the Python API passed, or build it from its fields.

    Raises:
        InputError: If the call has a request and fields, or a field is wrong.
    """
    if not isinstance(first, kind):
        build: Any = kind
        return cast(T, build(first, *args, **named))
    if args or named:
        raise InputError(
            f'expected a {kind.__name__} or its fields, got both: change fields with '
            'dataclasses.replace(request, ...)'
        )
    return first


# Longer than any name in the model zoos; names made to flood the screen are cut.
_LONGEST = 160


def printable(value: object) -> str:
    r"""Return ``value`` as one line of plain ASCII, safe for a terminal.

    Control characters, and with them terminal escapes, are shown as ``\x1b`` and the like.
    """
    text = ascii(str(value))[1:-1]
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + '...'


class Outcome:
    """How a command ended."""

    exit_code = 0


@contextmanager
def reported(command: str, *, debug: bool = False, hint: str = '') -> Iterator[Outcome]:
    """Turn an error of a command into one line on stderr and an exit code.

    Args:
        command: Name of the ``rm-mm`` command, for the message.
        debug: Whether to let errors pass, for their traceback.
        hint: How to continue after Ctrl-C.

    Yields:
        The outcome; after an error, its exit code is set.
    """
    outcome = Outcome()
    try:
        yield outcome
    except (RmMmError, OSError) as error:
        # An OSError names the file or folder of the call that cannot be read or written.
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
