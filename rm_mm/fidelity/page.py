"""``docs/fidelity.md``: what was compared, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rm_mm.fidelity.compare import Row
from rm_mm.fidelity.extent import notes
from rm_mm.logs.recipe_log import LoggedRate
from rm_mm.logs.recipe_log import RecipeLog as Log
from rm_mm.recipe.flat import ABSENT

_INTRODUCTION = """\
# Recipes against the authors' logs

Written by `make fidelity`; a test fails if it is not up to date, if a learning rate differs, or if
a setting differs without a reason.

Learning rates are stepped, not computed: mmengine's `Runner` builds the optimiser, the schedulers
and the hook that steps them from the config, and they are stepped through the whole run and
compared with every learning rate of the file that is named, to its printed precision. The files
are those in `tests/data/logs`, excerpts of the published logs: of COCO and ADE20K they keep every
logged learning rate (each 50th iteration), of ImageNet and CIFAR-10, whose rate changes once an
epoch, those of the first and the last line of each epoch. `rm-mm fidelity CONFIG LOG` reads the
full logs as well.

Settings are compared key by key with the config that mmdetection 2.19 and mmsegmentation 0.20
wrote into their logs: "same" means that both run the same, under today's names; otherwise there is
the reason, which is one for these two values and no others. The logs of ImageNet and CIFAR-10 hold
no config: of them the rates, the number of epochs and of iterations an epoch are compared. Rows
without a key of theirs are settings that only ours says; "theirs" is then what the old library did
by itself.
"""


@dataclass(frozen=True)
class Comparison:
    """One config against one log.

    Attributes:
        config: Its name.
        log: What was read.
        rates: Rates of the log that differ from the config's, with the config's.
        rows: Of the configs; empty if the log has none.
        length: Where the run is of another length than a log without a config says.
    """

    config: str
    log: Log
    rates: Sequence[tuple[LoggedRate, float]]
    rows: Sequence[Row]
    length: Sequence[str]

    @property
    def faults(self) -> list[str]:
        """A line for each difference that has no reason."""
        rates = (
            f'learning rate of epoch {rate.epoch}, iteration {rate.iteration} (from 0): theirs '
            f'{rate.value:.{rate.decimals}f}, ours {ours:.{rate.decimals + 2}f}'
            for rate, ours in self.rates
        )
        settings = (
            f'{row.key or row.our_key}: theirs {_value(row.theirs)}, '
            f'ours {row.our_key or "nothing"} {_value(row.ours)}, and no reason'
            for row in self.rows
            if not row.explained
        )
        return [f'{self.config}: {fault}' for fault in (*self.length, *rates, *settings)]

    @property
    def summary(self) -> str:
        """What was compared, and how much of it agrees."""
        agree = len(self.log.rates) - len(self.rates)
        text = f'{agree} of {len(self.log.rates)} learning rates agree'
        if self.rows:
            same = sum(row.same for row in self.rows)
            reasons = sum(row.explained for row in self.rows) - same
            text += f'; of {len(self.rows)} settings {same} are the same, {reasons} have a reason'
            text += f', {len(self.rows) - same - reasons} have none'
        elif self.log.has_epoch_length and not self.length:
            text += f'; the run has {self.log.length} epochs in both'
        return '; '.join([text, *notes(self.log)])


def page(comparisons: Sequence[Comparison]) -> str:
    """The page in Markdown."""
    parts = [_INTRODUCTION]
    for comparison in comparisons:
        parts.append(f'## `{comparison.config}`\n\nLog `{comparison.log.path.name}`: ')
        parts[-1] += f'{comparison.summary}.\n'
        if comparison.rows:
            lines = ['| theirs | | ours | | |', '| --- | --- | --- | --- | --- |']
            lines += [_line(row) for row in comparison.rows]
            parts.append('\n'.join(lines) + '\n')
    return '\n'.join(parts)


def _line(row: Row) -> str:
    verdict = 'same' if row.same else '**not the same**' if not row.note else ''
    verdict = ': '.join(part for part in (verdict, row.note) if part)
    cells = (_key(row.key), _value(row.theirs), _key(row.our_key), _value(row.ours), verdict)
    return f'| {" | ".join(cells)} |'


def _key(key: str) -> str:
    return f'`{key}`' if key else ''


def _value(value: Any) -> str:
    if value is ABSENT:
        return '—'
    # The vertical bar would end the cell.
    return f'`{value!r}`'.replace('|', '\\|')
