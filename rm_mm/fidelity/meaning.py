"""The kinds of statement about an old key and one of today, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rm_mm.recipe.flat import ABSENT

Flat = Mapping[str, Any]
Convert = Callable[[Any, Flat], Any]


@dataclass(frozen=True)
class Meaning:
    """Where a key has gone.

    Attributes:
        key: A pattern that the whole old key matches.
        ours: Today's key, with the pattern's groups; None if there is none.
        convert: From the old value and the old config, flat, to the value that ours has to have.
        how: What the conversion does, where the two values look different but mean the same.
        why: The reason for a difference, or for there being no key of ours.
        covers: From their value and ours, whether the reason is one for these two; a reason says
            it, since none is for a key whatever its value.
    """

    key: str
    ours: str | None = None
    convert: Convert = lambda value, old: value
    how: str = ''
    why: str = ''
    covers: Callable[[Any, Any], bool] | None = None

    def __post_init__(self) -> None:
        assert bool(self.why) == bool(self.covers), self.key


@dataclass(frozen=True)
class Implied:
    """What an old library did without being told, and a config of today has to say.

    Attributes:
        key: A pattern that today's whole key matches.
        value: What it has to be, from the old config, flat; None if it has no counterpart.
        source: Where the old library says so.
        why: The reason for having no counterpart.
        covers: From our value and our config, flat, whether that is a reason for this value.
        always: Whether to look at it, a key and no pattern, even if ours does not say it.
    """

    key: str
    value: Callable[[Mapping[str, Any]], Any] | None = None
    source: str = ''
    why: str = ''
    covers: Callable[[Any, Flat], bool] | None = None
    always: bool = False

    def __post_init__(self) -> None:
        assert (self.value is None) == bool(self.why) == bool(self.covers), self.key


def theirs_is(*allowed: Any) -> Callable[[Any, Any], bool]:
    """A reason for these values of theirs, whatever ours is."""
    return lambda theirs, ours: theirs in allowed


def ours_is(*allowed: Any) -> Callable[[Any, Flat], bool]:
    """A reason for these values of ours."""
    return lambda value, ours: plain(value) in allowed


def ours_is_a(kind: type) -> Callable[[Any, Flat], bool]:
    """A reason for every value of a type."""
    return lambda value, ours: type(value) is kind


def plain(value: Any) -> Any:
    """Without the difference between tuples and lists."""
    return [plain(part) for part in value] if isinstance(value, (list, tuple)) else value


def backbone_comes_from(old: Flat) -> Any:
    """The file that a run of then took its backbone from, None if it had none."""
    keys = ('model.pretrained', 'model.backbone.pretrained', 'model.backbone.init_cfg.checkpoint')
    return next((old[key] for key in keys if isinstance(old.get(key), str)), None)


def run_length(old: Flat, unit: str) -> Any:
    """How many ``epochs`` or ``iters`` a run of then had; ``total_*`` is older than ``runner``."""
    return old.get(f'runner.max_{unit}', old.get(f'total_{unit}', ABSENT))
