"""Verdicts as people see them: a word, a shape and a colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rm_mm.reporting.page.markup import Markup, tag
from rm_mm.reporting.verdict import ABSENT, IDENTICAL, NOT_PAIRED, ONE_SEED, UNPUBLISHED, Verdict

#: Kind, shape; in the order in which the headline counts them.
SHAPES = {
    'reproduced': '\N{CHECK MARK}',
    'better': '\N{BLACK UP-POINTING TRIANGLE}',
    'worse': '\N{BLACK DOWN-POINTING TRIANGLE}',
    'noise': '\N{ALMOST EQUAL TO}',
    'off': '\N{BALLOT X}',
    'silent': '\N{WHITE CIRCLE}',
    'unpublished': '\N{WHITE CIRCLE}',
    'absent': '\N{EN DASH}',
}
_COUNTED = {
    'reproduced': 'reproduced',
    'better': 'better than the baseline',
    'worse': 'worse than the baseline',
    'noise': 'within noise',
    'off': 'off',
    'silent': 'without a claim',
    'unpublished': 'with nothing to compare with',
    'absent': 'not run',
}


def kind_of(verdict: Verdict) -> str:
    """The kind of a verdict, as the style sheet has it."""
    text = verdict.text
    if text in (ABSENT, ''):
        return 'absent'
    if text in (ONE_SEED, NOT_PAIRED) or text.endswith(IDENTICAL):
        return 'silent'
    said = text.removeprefix(f'{UNPUBLISHED}; ')
    for start, kind in (
        ('reproduced', 'reproduced'),
        ('off', 'off'),
        ('within noise', 'noise'),
        ('better', 'better'),
        ('worse', 'worse'),
    ):
        if said.startswith(start):
            return kind
    return 'unpublished'


def badge(verdict: Verdict) -> Markup | None:
    """A verdict with its shape; None where nothing is judged."""
    if not verdict.text:
        return None
    kind = kind_of(verdict)
    shape = tag('span', SHAPES[kind], aria_hidden='true', class_='shape')
    return tag('span', shape, tag('span', verdict.text), class_=f'verdict {kind}')


def counted(verdicts: Iterable[Verdict]) -> list[str]:
    """How many cells there are of each kind, such as ``3 within noise``."""
    counts = Counter(kind_of(verdict) for verdict in verdicts if verdict.text)
    return [f'{counts[kind]} {words}' for kind, words in _COUNTED.items() if counts[kind]]
