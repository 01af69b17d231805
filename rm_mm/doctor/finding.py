"""Result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """What a check found about one subject.

    Attributes:
        state: ``ok``, ``note`` (something is limited) or ``broken`` (the main job cannot run).
        fix: Command or advice that fixes the problem; empty if there is nothing to fix.
    """

    name: str
    state: Literal['ok', 'note', 'broken']
    found: str
    fix: str = ''
