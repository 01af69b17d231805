"""What is wrong with a call: all of it, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rm_mm.errors import InputError, RmMmError


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
