"""What was compared, on what, and the answer in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from rm_mm.records import Record
from rm_mm.reporting.page.markup import Markup, tag
from rm_mm.reporting.page.verdicts import counted
from rm_mm.reporting.results import Results

#: More names than a sentence holds.
_NAMES = 8


def headline(results: Results, records: Sequence[Record]) -> Markup:
    """The head of the page."""
    methods = list(dict.fromkeys(row.method for row in results.rows))
    names = [column.name or column.task for column in results.columns]
    seeds = sorted({record.seed for record in records})
    facts = {
        'Methods': _listed(methods),
        'On': _listed(names),
        'Seeds': _listed([str(seed) for seed in seeds]),
        'Runs': str(len(records)),
        'Settings': _listed(list(dict.fromkeys(row.setting for row in results.rows))),
    }
    return tag(
        'header',
        tag('p', 'rm_mm', class_='brand'),
        tag('h1', 'Does it transfer?'),
        tag('p', answer(results, seeds), class_='lead'),
        tag('dl', [tag('div', tag('dt', k), tag('dd', v)) for k, v in facts.items()],
            class_='facts'),
    )  # fmt: skip


def answer(results: Results, seeds: Sequence[int]) -> str:
    """One sentence, counted from the verdicts."""
    cells = [cell for row in results.rows for cell in row.cells]
    verdicts = [verdict for row in results.rows for verdict in row.verdicts]
    ran = sum(bool(cell.records) for cell in cells)
    if not results.judged:
        return (
            f'{ran} of {len(cells)} cells were run with one seed ({seeds[0]}), and nothing is '
            'published to compare with: the figures stand, and no claim is made.'
        )
    found = counted(verdicts)
    against = 'against the paper' if results.published else 'against the baseline'
    if not found:
        return f'{ran} of {len(cells)} cells were run; there is nothing to judge {against}.'
    return f'Of {len(cells)} cells, judged {against}: {_joined(found)}.'


def _joined(parts: Sequence[str]) -> str:
    return ', '.join(parts[:-1]) + ' and ' + parts[-1] if len(parts) > 1 else parts[0]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES
    shown = ', '.join(names[:_NAMES])
    return f'{shown} and {more} more' if more > 0 else shown
