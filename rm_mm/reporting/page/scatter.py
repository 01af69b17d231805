"""Does accuracy in pretraining predict transfer? A point for each method and seed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rm_mm.records import Record
from rm_mm.reporting.page.chart import axes, data_table, drawing, panel, section, x_axis, y_axis
from rm_mm.reporting.page.look import Look, legend
from rm_mm.reporting.page.markup import Markup, tag
from rm_mm.reporting.page.results_table import signed
from rm_mm.reporting.page.runs import Runs
from rm_mm.reporting.page.scale import around
from rm_mm.reporting.results import Column, Results
from rm_mm.reporting.statistics import LEVEL

_PRETRAINING = 'classification'
_NO_RANKS = 'all equal, so no ranks to compare'


@dataclass(frozen=True)
class Pair:
    """A pretraining run, and a run that took its backbone."""

    before: Record
    after: Record


def scatter(
    results: Results, records: Sequence[Record], runs: Runs, known: dict[str, Look]
) -> Markup | None:
    """The section of the scatter; None where no pretraining is beside its transfer."""
    panels, methods = [], {}
    for column in results.columns:
        if column.task == _PRETRAINING:
            continue
        if found := pairs(records, column):
            panels.append(_panel(column, found, runs, known))
            methods.update(dict.fromkeys(pair.before.method for pair in found))
    if not panels:
        return None
    return section(
        'prediction',
        'Does pretraining accuracy predict transfer?',
        tag('p', 'A point for each method and seed: best top-1 of pretraining against the best '
            'figure after transfer. scratch, which has no pretraining, is not among them.'),
        legend(list(methods), known),
        tag('div', panels, class_='panels'),
    )  # fmt: skip


def pairs(records: Sequence[Record], column: Column) -> list[Pair]:
    """The runs of a column, each with the pretraining that its backbone is of.

    By the backbone's hash where both have one; else by method and seed, where that leaves one.
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
            found.append(Pair(taken, after))
    return found


def correlation(found: Sequence[Pair]) -> str:
    """Rank correlation in words: over the runs, and over the means of methods."""
    runs = _ranked([p.before.best for p in found], [p.after.best for p in found])
    said = f'Over {len(found)} runs: {runs or _NO_RANKS}.'
    by_method: dict[str, list[Pair]] = {}
    for pair in found:
        by_method.setdefault(pair.before.method, []).append(pair)
    methods = list(by_method.values())
    # Seeds of one method are no further evidence that methods are ordered alike.
    before = [statistics.fmean(pair.before.best for pair in group) for group in methods]
    after = [statistics.fmean(pair.after.best for pair in group) for group in methods]
    return f'{said} Over the means of {len(methods)} methods: {_claim(before, after)}.'


def _claim(before: list[float], after: list[float]) -> str:
    """What may be said of an order of methods."""
    count = len(before)
    # Of so few even one and the same order has a chance of 2 in n! under no relation.
    if 2 / math.factorial(count) >= LEVEL:
        return f'n = {count} is too small for a claim'
    if not (ranked := _ranked(before, after)):
        return _NO_RANKS
    from scipy.stats import kendalltau

    test = kendalltau(before, after)
    p_value, claim = float(test.pvalue), 'no claim'
    if p_value < LEVEL:
        claim = 'it predicts' if test.statistic > 0 else 'it predicts the reverse'
    return f'{ranked}, n = {count}, p {p_value:.2g} (Kendall): {claim}'


def _ranked(before: list[float], after: list[float]) -> str | None:
    """Both rank correlations; None where all of one side are equal."""
    if len(before) < 2 or len(set(before)) < 2 or len(set(after)) < 2:
        return None
    from scipy.stats import kendalltau, spearmanr

    rho = float(spearmanr(before, after).statistic)
    tau = float(kendalltau(before, after).statistic)
    return f'Spearman {signed(rho, 2)}, Kendall {signed(tau, 2)}'


def _panel(column: Column, found: Sequence[Pair], runs: Runs, known: dict[str, Look]) -> Markup:
    place = axes(
        around([pair.before.best for pair in found]), around([pair.after.best for pair in found])
    )
    marks, rows = [], []
    for pair in found:
        look, method = known[pair.before.method], pair.before.method
        x, y = place.x(pair.before.best), place.y(pair.after.best)
        after = f'{pair.after.best:.{column.digits}f}'
        label = (
            f'{method}, seed {pair.after.seed}: top-1 {pair.before.best:.2f} in pretraining, '
            f'{column.heading} {after}'
        )
        drawn = [tag('circle', cx=x, cy=y, r=11, class_='touch'), look.point(x, y)]
        marks.append(runs.mark([pair.before, pair.after], drawn, label=label, look=look.colour))
        rows.append([method, str(pair.after.seed), f'{pair.before.best:.3f}', after])
    svg = drawing(
        f'{column.heading} against top-1 of pretraining',
        y_axis(place.y), x_axis(place.x, 'top-1 % of pretraining'), marks,
    )  # fmt: skip
    header = ['Method', 'Seed', 'Top-1 %', column.heading]
    table = data_table(f'Points of {column.heading}', header, rows)
    return panel(column.heading, svg, tag('p', correlation(found), class_='finding'), table)
