"""Does accuracy in pretraining predict transfer? One point for each method and seed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rm_mm.records import Record
from rm_mm.reporting.page.panel import DataTable, Look, Mark, Panel, horizontal, signed, vertical
from rm_mm.reporting.results import Column, Results
from rm_mm.reporting.statistics import LEVEL, rank_correlations

_PRETRAINING = 'classification'
_NO_RANKS = 'all equal, so no ranks to compare'


@dataclass(frozen=True)
class RunPair:
    """A pretraining run, and a run that started from its backbone."""

    before: Record
    after: Record


def scatter(
    results: Results, records: Sequence[Record], looks: dict[str, Look]
) -> tuple[list[Panel], list[str]]:
    """A panel for each downstream column with paired runs, and the methods in them."""
    panels, methods = [], {}
    for column in results.columns:
        if column.task != _PRETRAINING and (found := pairs(records, column)):
            panels.append(_panel(column, found, looks))
            methods.update(dict.fromkeys(pair.before.method for pair in found))
    return panels, list(methods)


def pairs(records: Sequence[Record], column: Column) -> list[RunPair]:
    """The runs of a column, each with the pretraining run that made its backbone.

    Runs are matched by the backbone's hash if both have one, else by method and seed if only one
    run has these.
    """
    before = [
        record for record in records if record.task == _PRETRAINING and record.method != 'scratch'
    ]
    by_hash = {record.backbone_sha256: record for record in before if record.backbone_sha256}
    by_name: dict[tuple[str, int], list[Record]] = {}
    for record in before:
        by_name.setdefault((record.method, record.seed), []).append(record)
    found = []
    for after in records:
        if (after.task, after.column) != (column.task, column.name) or after.method == 'scratch':
            continue
        same = by_name.get((after.method, after.seed), [])
        unhashed = [r for r in same if not (r.backbone_sha256 and after.backbone_sha256)]
        taken = by_hash.get(after.backbone_sha256 or '')
        if taken is None and len(unhashed) == 1:
            taken = unhashed[0]
        if taken is not None:
            found.append(RunPair(taken, after))
    return found


def correlation(found: Sequence[RunPair]) -> str:
    """Rank correlation in words, over the runs and over the means of methods."""
    runs = _ranked([p.before.best for p in found], [p.after.best for p in found])
    text = f'Over {len(found)} runs: {runs or _NO_RANKS}.'
    by_method: dict[str, list[RunPair]] = {}
    for pair in found:
        by_method.setdefault(pair.before.method, []).append(pair)
    methods = list(by_method.values())
    # Several seeds of a method are not additional evidence about the order of methods.
    before = [statistics.fmean(pair.before.best for pair in group) for group in methods]
    after = [statistics.fmean(pair.after.best for pair in group) for group in methods]
    return f'{text} Over the means of {len(methods)} methods: {_claim(before, after)}.'


def _claim(before: list[float], after: list[float]) -> str:
    """What the order of methods allows to claim."""
    count = len(before)
    # With so few methods even identical orders, 2 of n!, are not significant.
    if 2 / math.factorial(count) >= LEVEL:
        return f'n = {count} is too small for a claim'
    if not (ranked := _ranked(before, after)):
        return _NO_RANKS
    # For its exact p-value.
    from scipy.stats import kendalltau

    test = kendalltau(before, after)
    p_value, claim = float(test.pvalue), 'no claim'
    if p_value < LEVEL:
        claim = 'it predicts' if test.statistic > 0 else 'it predicts the reverse'
    return f'{ranked}, n = {count}, p {p_value:.2g} (Kendall): {claim}'


def _ranked(before: list[float], after: list[float]) -> str | None:
    """Both rank correlations in words; None if all values of one side are equal."""
    if (found := rank_correlations(before, after)) is None:
        return None
    return f'Spearman {signed(found[0], 2)}, Kendall {signed(found[1], 2)}'


def _panel(column: Column, found: Sequence[RunPair], looks: dict[str, Look]) -> Panel:
    x = horizontal([pair.before.best for pair in found], 'top-1 % of pretraining')
    y = vertical([pair.after.best for pair in found])
    marks, rows = [], []
    for pair in found:
        method, seed, top1 = pair.before.method, pair.after.seed, pair.before.best
        after = f'{pair.after.best:.{column.digits}f}'
        label = f'{method}, seed {seed}: top-1 {top1:.2f} in pretraining, {column.heading} {after}'
        point = (x.scale(top1), y.scale(pair.after.best))
        marks.append(Mark([pair.before, pair.after], label, looks[method], point))
        rows.append([method, str(seed), f'{top1:.3f}', after])
    header = ['Method', 'Seed', 'Top-1 %', column.heading]
    table = DataTable(f'Points of {column.heading}', header, rows)
    label = f'{column.heading} against top-1 of pretraining'
    return Panel(column.heading, label, x, marks, table, y, note=correlation(found))
