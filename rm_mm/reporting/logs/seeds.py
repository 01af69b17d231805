"""Which run of one method stands beside which of another: by seeds, or by the order of a call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, count

from rm_mm.records import Record
from rm_mm.reporting.logs.curve import LoggedRun

Rows = Sequence[tuple[LoggedRun, Record]]


def number(rows: Rows, records: Sequence[Record] = ()) -> list[str]:
    """Give the record of each log its seed.

    A method whose logs all state seeds, some of which another method has too, keeps them: these are
    pairs, and no others. Else they say nothing of what belongs together, and the logs take in their
    order the seeds that others have, and then any.

    Args:
        rows: Logs and their records.
        records: Others in the same table; they keep their seeds.

    Returns:
        A sentence if any got a seed that is not its own, and by it a pair.
    """
    numbered: dict[str, None] = {}
    groups: dict[tuple[str, tuple[str, ...]], list[tuple[LoggedRun, Record]]] = {}
    for run, record in rows:
        groups.setdefault((record.column, tuple(record.settings)), []).append((run, record))
    for (column, settings), here in groups.items():
        beside = [r for r in records if r.column == column and set(r.settings) & set(settings)]
        if _number_group(here, beside):
            numbered[column] = None
    if not numbered:
        return []
    said = 'seeds of logs are numbered, and so paired, in the order of the call'
    return [f'{", ".join(numbered)}: {said}', *_repeated(groups.values())]


def _repeated(groups: Iterable[Rows]) -> list[str]:
    """A sentence for each method several of whose logs state one seed."""
    found = []
    for here in groups:
        runs = Counter((record.method, run.seed) for run, record in here if run.seed is not None)
        column = here[0][1].column
        found += [
            f'{column}: {count} logs of {method} state seed {seed}: are they several runs?'
            for (method, seed), count in runs.items()
            if count > 1
        ]
    return found


def _number_group(here: Rows, beside: Sequence[Record]) -> bool:
    """Number the logs of one column and setting; whether any is paired by its number."""
    logs: dict[str, list[tuple[LoggedRun, Record]]] = {}
    for run, record in here:
        logs.setdefault(record.method, []).append((run, record))
    taken: dict[str, set[int]] = {}
    for record in beside:
        taken.setdefault(record.method, set()).add(record.seed)
    stated = {method: found for method, runs in logs.items() if (found := _stated(runs))}
    keeping = [method for method in stated if _belong_together(method, stated, taken, logs)]
    for method in keeping:
        for run, record in logs[method]:
            record.seed = run.seed or 0
        taken.setdefault(method, set()).update(stated[method])
    used = sorted(set().union(*taken.values()))
    for method, runs in logs.items():
        if method in keeping:
            continue
        own = taken.get(method, set())
        free = (seed for seed in chain(used, count()) if seed not in own)
        for _, record in runs:
            record.seed = next(free)
            own.add(record.seed)
    return len(keeping) < len(logs) and len(here) + len(beside) > 1


def _stated(runs: Rows) -> set[int]:
    """The seeds of a method's logs; none if one states none, or two the same."""
    seeds = {run.seed for run, _ in runs if run.seed is not None}
    return seeds if len(seeds) == len(runs) else set()


def _belong_together(
    method: str,
    stated: dict[str, set[int]],
    taken: dict[str, set[int]],
    logs: dict[str, list[tuple[LoggedRun, Record]]],
) -> bool:
    """Whether the seeds of a method's logs are those of other runs in the table, too."""
    if logs.keys() | taken.keys() == {method}:
        # Nothing to be paired with; of one run the seed would set its column apart from others.
        return len(logs[method]) > 1 or method in taken
    others = [seeds for name, seeds in stated.items() if name != method]
    return any(stated[method] & seeds for seeds in (*others, *taken.values()))
