"""Which run of one method stands beside which of another: by seeds, or by the order of a call."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, count

from rm_mm.report.logs.curve import LoggedRun
from rm_mm.suite.records import Record


def number(rows: Sequence[tuple[LoggedRun, Record]], records: Sequence[Record] = ()) -> list[str]:
    """Give the record of each log its seed.

    That is the log's own where the methods of its column have seeds in common: these are pairs, and
    no others. Else seeds say nothing of what belongs together, and the logs of each method are
    numbered in their order.

    Args:
        rows: Logs and their records.
        records: Others in the same table; they keep their seeds.

    Returns:
        A sentence if any were numbered that are compared with others.
    """
    numbered = []
    for column in dict.fromkeys(record.column for _, record in rows):
        here = [(run, record) for run, record in rows if record.column == column]
        beside = [record for record in records if record.column == column]
        if _state_pairs(here, beside):
            for run, record in here:
                record.seed = run.seed or 0
            continue
        taken = {(record.method, record.seed) for record in beside}
        for _, record in here:
            record.seed = next(n for n in count() if (record.method, n) not in taken)
            taken.add((record.method, record.seed))
        if len(here) + len(beside) > 1:
            numbered.append(column)
    if not numbered:
        return []
    said = 'seeds of logs are numbered, and so paired, in the order of the call'
    return [f'{", ".join(numbered)}: {said}']


def _state_pairs(here: Sequence[tuple[LoggedRun, Record]], beside: Sequence[Record]) -> bool:
    """Whether all logs of a column state seeds, and methods share some of them."""
    seeds: dict[str, list[int | None]] = {}
    for run, record in here:
        seeds.setdefault(record.method, []).append(run.seed)
    for record in beside:
        seeds.setdefault(record.method, []).append(record.seed)
    if any(None in found or len(set(found)) < len(found) for found in seeds.values()):
        return False
    if len(seeds) == 1:
        return max(map(len, seeds.values())) > 1
    return any(set(one) & set(other) for one, other in combinations(seeds.values(), 2))
