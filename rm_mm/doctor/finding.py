"""One line of what ``rm-mm doctor`` says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes:
        name: What was looked at.
        state: ``ok``, ``note`` (something is limited) or ``broken`` (the main job cannot run).
        found: What there is.
        mend: The line that mends it, if anything is to be mended.
    """

    name: str
    state: str
    found: str
    mend: str = ''
