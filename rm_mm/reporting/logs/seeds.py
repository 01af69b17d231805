"""Seeds of logs, by which runs of two methods are paired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain, count

from rm_mm.logs.logged_run import LoggedRun
from rm_mm.records import Record

_Rows = Sequence[tuple[LoggedRun, Record]]


def number_seeds(rows: _Rows, records: Sequence[Record] = ()) -> list[str]:
    """Set the seed in the record of each log.

    The logs of a method keep the seeds that they state if all of them state one and another method
    shares some: then exactly the runs with a common seed are pairs. Otherwise they get, in their
    order, the seeds that other methods use, then unused ones.

    Args:
        rows: Logs and their records.
        records: Other records of the same table. They keep their seeds.

    Returns:
        Remarks for the user: columns whose runs are paired by their order, and seeds that several
        logs of a method state.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[tuple[LoggedRun, Record]]] = {}
    for run, record in rows:
        groups.setdefault((record.column, tuple(record.settings)), []).append((run, record))
    numbered = []
    for (column, settings), group in groups.items():
        others = [r for r in records if r.column == column and set(r.settings) & set(settings)]
        if _number_group(group, others):
            numbered.append(column)
    if not numbered:
        return []
    columns = ', '.join(dict.fromkeys(numbered))
    stated = Counter(
        (key, record.method, run.seed) for key, group in groups.items() for run, record in group
    )
    return [
        f'{columns}: seeds of logs are numbered, and so paired, in the order of the call',
        *(
            f'{column}: {count} logs of {method} state seed {seed}: are they several runs?'
            for ((column, _), method, seed), count in stated.items()
            if count > 1 and seed is not None
        ),
    ]


def _number_group(group: _Rows, records: Sequence[Record]) -> bool:
    """Set the seeds of one column and setting; returns whether a pair depends on the order."""
    logs: dict[str, list[tuple[LoggedRun, Record]]] = {}
    for run, record in group:
        logs.setdefault(record.method, []).append((run, record))
    used: dict[str, set[int]] = {}
    for record in records:
        used.setdefault(record.method, set()).add(record.seed)
    stated = {method: seeds for method, runs in logs.items() if (seeds := _stated_seeds(runs))}
    keeping = [method for method in stated if _is_paired(method, stated, used, logs)]
    for method in keeping:
        for run, record in logs[method]:
            record.seed = run.seed or 0
        used.setdefault(method, set()).update(stated[method])
    of_others = sorted(set().union(*used.values()))
    for method in logs.keys() - set(keeping):
        own = used.get(method, set())
        free = (seed for seed in chain(of_others, count()) if seed not in own)
        for _, record in logs[method]:
            record.seed = next(free)
            own.add(record.seed)
    return len(keeping) < len(logs) and len(group) + len(records) > 1


def _stated_seeds(runs: _Rows) -> set[int]:
    """Seeds of a method's logs; empty if a log states none, or two logs state the same."""
    seeds = {run.seed for run, _ in runs if run.seed is not None}
    return seeds if len(seeds) == len(runs) else set()


def _is_paired(
    method: str,
    stated: dict[str, set[int]],
    used: dict[str, set[int]],
    logs: dict[str, list[tuple[LoggedRun, Record]]],
) -> bool:
    """Whether other runs of the table have some of the seeds that a method's logs state."""
    if logs.keys() | used.keys() == {method}:
        # There is nothing to pair with. A single run is numbered like those of other columns.
        return len(logs[method]) > 1 or method in used
    others = [seeds for name, seeds in stated.items() if name != method]
    return any(stated[method] & seeds for seeds in (*others, *used.values()))
