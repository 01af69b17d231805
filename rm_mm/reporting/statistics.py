"""Is a difference more than chance? Tests over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: Chance of a claim where there is nothing, over all cells that are corrected together.
LEVEL = 0.05
_RESAMPLES = 9999


@dataclass(frozen=True)
class Comparison:
    """Differences over seeds against an assumed mean.

    Attributes:
        seeds: How many.
        mean: Of the differences.
        low: Lower end of the bootstrap interval of the mean, 95 %.
        high: Upper end.
        p_value: Of a two-sided t-test that the mean is the assumed one; 1 where the differences
            are all the same, for runs without any spread are no independent ones.
    """

    seeds: int
    mean: float
    low: float
    high: float
    p_value: float

    @property
    def identical(self) -> bool:
        """Whether the differences are all the same."""
        return self.low == self.mean == self.high


def compare(differences: Sequence[float], assumed: float = 0.0) -> Comparison | None:
    """Test whether differences that are paired by their seeds have an assumed mean.

    Args:
        differences: One for each seed.
        assumed: The mean to test.

    Returns:
        None for fewer than two seeds, of which nothing can be said.
    """
    if len(differences) < 2:
        return None
    # As heavy as the rest of the report together, and not needed for one seed.
    import numpy as np
    from scipy import stats

    values = np.asarray(differences, dtype=float)
    mean = float(values.mean())
    if math.isclose(float(np.ptp(values)), 0.0, abs_tol=1e-9):
        return Comparison(len(values), mean, mean, mean, 1.0)
    p_value = float(stats.ttest_1samp(values, assumed).pvalue)
    # Its own generator: the same records give the same page.
    interval = stats.bootstrap(
        (values,), np.mean, n_resamples=_RESAMPLES, method='percentile', random_state=0
    ).confidence_interval
    return Comparison(len(values), mean, float(interval.low), float(interval.high), p_value)


def equivalence(values: Sequence[float], figure: float, margin: float) -> float:
    """The p-value of a mean's being less than a margin from a figure: two one-sided t-tests.

    Args:
        values: Two or more.
        figure: To compare with.
        margin: Above 0.

    Returns:
        1 where the values are all the same, as in :class:`Comparison`.
    """
    from scipy import stats

    if math.isclose(max(values), min(values), abs_tol=1e-9):
        return 1.0
    above = stats.ttest_1samp(values, figure - margin, alternative='greater').pvalue
    below = stats.ttest_1samp(values, figure + margin, alternative='less').pvalue
    return float(max(above, below))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Holm 1979), each in the place of its own."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected, least = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = least
    return corrected
