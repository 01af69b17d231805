"""Tests over seeds: is a difference more than chance?

``scipy.stats`` has the same tests, but importing it takes 0.3 to 0.4 s, as long as the rest of a
report. It is only imported where nothing else has the test, and numpy only where a test is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: Significance level: the chance of at least one false positive among the cells corrected together.
LEVEL = 0.05
_RESAMPLES = 9999


@dataclass(frozen=True)
class PairedTest:
    """Differences over seeds, tested against an assumed mean.

    Attributes:
        seeds: Number of differences.
        mean: Mean difference.
        low: Lower end of the 95 % bootstrap interval of the mean.
        high: Its upper end.
        p_value: Two-sided t-test of the assumed mean. 1 if all differences are equal: runs without
            any spread are copies, not independent runs.
    """

    seeds: int
    mean: float
    low: float
    high: float
    p_value: float

    @property
    def identical(self) -> bool:
        """Whether all differences are equal."""
        return self.low == self.mean == self.high


def paired_test(differences: Sequence[float], assumed: float = 0.0) -> PairedTest | None:
    """Test whether differences, one per seed, have an assumed mean; None for fewer than two."""
    if len(differences) < 2:
        return None
    import numpy as np

    values = np.asarray(differences, dtype=float)
    mean = float(values.mean())
    if _equal(differences):
        return PairedTest(len(values), mean, mean, mean, 1.0)
    # A fixed seed: the same records give the same interval. RandomState's stream never changes.
    draws = np.random.RandomState(0).randint(0, len(values), (_RESAMPLES, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    p_value = 2 * min(_lower_tail(differences, assumed, sign) for sign in (-1, 1))
    return PairedTest(len(values), mean, float(low), float(high), p_value)


def equivalence(values: Sequence[float], figure: float, margin: float) -> float:
    """Test whether a mean lies within a margin of a figure: two one-sided t-tests.

    Args:
        values: Two or more.
        figure: Figure to compare the mean with.
        margin: Largest difference that counts as equal, above 0.

    Returns:
        The p-value. 1 if all values are equal, as in :class:`PairedTest`.
    """
    if _equal(values):
        return 1.0
    return max(_lower_tail(values, figure - margin, -1), _lower_tail(values, figure + margin, 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for multiple tests (Holm 1979); the order is kept."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected, least = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = least
    return corrected


def rank_correlations(x: Sequence[float], y: Sequence[float]) -> tuple[float, float] | None:
    """Spearman's rho and Kendall's tau-b; None if all values of one side are equal."""
    if len(set(x)) < 2 or len(set(y)) < 2:
        return None
    import numpy as np

    sides, ranks, untied = [np.asarray(x), np.asarray(y)], [], []
    for values in sides:
        _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(counts) - (counts - 1) / 2)[group])
        untied.append(len(values) ** 2 - int((counts**2).sum()))
    # Pairs in the same order minus pairs in the opposite order.
    order = sum(np.sign(sides[0] - a) @ np.sign(sides[1] - b) for a, b in zip(x, y, strict=True))
    return float(np.corrcoef(*ranks)[0, 1]), float(order) / math.sqrt(untied[0] * untied[1])


def _equal(values: Sequence[float]) -> bool:
    return math.isclose(max(values), min(values), abs_tol=1e-9)


def _lower_tail(values: Sequence[float], assumed: float, sign: int) -> float:
    """Probability of a t statistic as low as ``sign`` times the observed one."""
    import numpy as np
    from scipy.special import stdtr

    error = np.std(values, ddof=1) / math.sqrt(len(values))
    return float(stdtr(len(values) - 1, sign * (np.mean(values) - assumed) / error))
