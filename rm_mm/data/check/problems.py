"""The problems of a data set: all are counted, and of each cause some are kept."""

from __future__ import annotations

#: So many fit on a screen, and tell what is wrong as well as thousands would.
SHOWN = 20


class Problems:
    """Collects sentences by cause, so that one cause with thousands does not hide the others."""

    def __init__(self) -> None:
        self._kept: dict[str, list[str]] = {}
        self._found: dict[str, int] = {}

    def add(self, cause: str, sentence: str) -> None:
        """Count a problem, and keep its sentence while there are few of its cause.

        Args:
            cause: What is alike in all of its kind, in the plural: ``empty files``.
            sentence: Names the file; already fit for a terminal.
        """
        self._found[cause] = self._found.get(cause, 0) + 1
        kept = self._kept.setdefault(cause, [])
        if len(kept) < SHOWN:
            kept.append(sentence)

    @property
    def total(self) -> int:
        """How many there are, whether kept or not."""
        return sum(self._found.values())

    @property
    def by_cause(self) -> dict[str, int]:
        """How many there are of each cause, in the order in which the causes were met."""
        return dict(self._found)

    def first(self) -> list[str]:
        """At most ``SHOWN`` sentences: of every cause in turn one more, until the room is used."""
        chosen = dict.fromkeys(self._kept, 0)
        room = SHOWN
        while room and any(chosen[cause] < len(kept) for cause, kept in self._kept.items()):
            for cause, kept in self._kept.items():
                if room and chosen[cause] < len(kept):
                    chosen[cause] += 1
                    room -= 1
        return [text for cause, kept in self._kept.items() for text in kept[: chosen[cause]]]
