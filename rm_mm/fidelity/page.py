"""``docs/fidelity.md``: every comparison as a page."""

from __future__ import annotations

from collections.abc import Sequence

from rm_mm.fidelity.comparison import RecipeComparison, show_value
from rm_mm.fidelity.settings import SettingRow

_INTRODUCTION = """\
# Recipes against the authors' logs

`make fidelity` writes this page. A test fails if the page is out of date, if a learning rate
differs, or if a setting differs without a reason.

**Learning rates** are stepped, not computed: mmengine's `Runner` builds the optimiser, the
schedulers and the hook that steps them from the config. They are stepped through the whole run and
compared with every learning rate of the log, to its printed precision. The logs are in
`tests/data/logs`: excerpts of the published ones. Those of COCO and ADE20K keep every logged
learning rate (each 50th iteration). Those of ImageNet and CIFAR-10, where the rate changes once an
epoch, keep the first and the last line of each epoch. `rm-mm fidelity CONFIG LOG` reads the full
logs as well.

**Settings** are compared key by key with the config that mmdetection 2.19 and mmsegmentation 0.20
wrote into their logs. "same" means that both do the same under today's names. Otherwise the reason
for the difference is given, which holds for these two values and no others. A row without a key of
theirs is a setting that only our config has; "theirs" is then what the old library did by default.
The logs of ImageNet and CIFAR-10 have no config: their learning rates, their number of epochs and
their iterations of an epoch are compared.
"""


def fidelity_page(comparisons: Sequence[RecipeComparison]) -> str:
    """The page in Markdown."""
    parts = [_INTRODUCTION]
    for each in comparisons:
        parts.append(f'## `{each.config}`\n\nLog `{each.log.path.name}`: {each.summary}.\n')
        if each.rows:
            head = '| theirs | | ours | | |\n| --- | --- | --- | --- | --- |\n'
            parts.append(head + ''.join(f'{_line(row)}\n' for row in each.rows))
    return '\n'.join(parts)


def _line(row: SettingRow) -> str:
    verdict = 'same' if row.same else '' if row.note else '**not the same**'
    verdict = ': '.join(part for part in (verdict, row.note) if part)
    keys = [f'`{key}`' if key else '' for key in (row.key, row.our_key)]
    cells = (keys[0], show_value(row.theirs), keys[1], show_value(row.ours), verdict)
    return f'| {" | ".join(cells)} |'
