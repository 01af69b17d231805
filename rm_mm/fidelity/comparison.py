"""Configs against the training logs of the runs that they repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError, checked_fields
from rm_mm.fidelity.schedule import differing_length, differing_rates, missing_from
from rm_mm.fidelity.settings import SettingRow, compare_settings
from rm_mm.logs.recipe_log import LoggedRate, RecipeLog, read_recipe_log
from rm_mm.recipe.config import read_config, understood
from rm_mm.recipe.flat import ABSENT


@checked_fields
@dataclass(frozen=True)
class FidelityRequest:
    """Which configs to compare with which logs, and where to write the page.

    Configs are paths, absolute or below ``configs/``.

    Raises:
        InputError: If there is no pair, or the page would replace a config or a log.
    """

    pairs: Sequence[tuple[str | Path, str | Path]]
    markdown: str | Path | None = None

    def __post_init__(self) -> None:
        if not self.pairs:
            raise InputError('expected at least one CONFIG LOG, got none')
        sources = {Path(name).resolve() for pair in self.pairs for name in pair}
        if self.markdown is not None and Path(self.markdown).resolve() in sources:
            raise InputError(f'--md {self.markdown} would replace a file that is compared')


@dataclass(frozen=True)
class RecipeComparison:
    """One config against one log.

    Attributes:
        config: Name of the config.
        log: What it was compared with.
        rates: Learning rates of the log that differ from those of the config, with the latter.
        rows: Settings of the two configs; empty if the log has none.
        length: Differences in the length of the run, if the log has no config.
    """

    config: str
    log: RecipeLog
    rates: Sequence[tuple[LoggedRate, float]]
    rows: Sequence[SettingRow]
    length: Sequence[str]

    @property
    def faults(self) -> list[str]:
        """A line for each difference without a reason."""
        rates = (
            f'learning rate of epoch {rate.epoch}, iteration {rate.iteration} (from 0): theirs '
            f'{rate.value:.{rate.decimals}f}, ours {ours:.{rate.decimals + 2}f}'
            for rate, ours in self.rates
        )
        settings = (
            f'{row.key or row.our_key}: theirs {show_value(row.theirs)}, '
            f'ours {row.our_key or "nothing"} {show_value(row.ours)}, and no reason'
            for row in self.rows
            if not row.explained
        )
        return [f'{self.config}: {fault}' for fault in (*self.length, *rates, *settings)]

    @property
    def summary(self) -> str:
        """What was compared, and how much of it agrees."""
        agree = len(self.log.rates) - len(self.rates)
        parts = [f'{agree} of {len(self.log.rates)} learning rates agree']
        if total := len(self.rows):
            same = sum(row.same for row in self.rows)
            reasons = sum(row.explained for row in self.rows) - same
            parts.append(
                f'of {total} settings {same} are the same, {reasons} have a reason, '
                f'{total - same - reasons} have none'
            )
        elif self.log.has_epoch_length and not self.length:
            parts.append(f'both runs have {self.log.length} epochs')
        return '; '.join([*parts, *missing_from(self.log)])


def compare_recipes(request: FidelityRequest) -> list[RecipeComparison]:
    """Compare each config of a request with its log.

    Raises:
        InputError: If a config or a log cannot be read, or cannot be compared.
    """
    found = []
    for name, path in request.pairs:
        log, config = read_recipe_log(Path(path)), read_config(name)
        with understood(name):
            rows = compare_settings(log.config, config) if log.config else []
            length = differing_length(config, log)
            rates = differing_rates(config, log)
        found.append(RecipeComparison(str(name), log, rates, rows, length))
    return found


def show_value(value: Any) -> str:
    """A value in Markdown, fit for the cell of a table, which a vertical bar would end."""
    return '—' if value is ABSENT else f'`{value!r}`'.replace('|', '\\|')
