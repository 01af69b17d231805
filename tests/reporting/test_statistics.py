"""Statistics, compared with values worked out by hand, published tables and scipy.stats."""

import math

import numpy as np
import pytest
from scipy import stats

from rm_mm.reporting.statistics import (
    LEVEL,
    equivalence,
    holm,
    paired_test,
    rank_correlations,
)


def test_a_paired_t_test_by_hand():
    # Mean 2, deviation 1, standard error 1/sqrt(3): t = 3.4641 with 2 degrees of freedom, for
    # which the distribution is closed: p = 1 - t / sqrt(2 + t^2).
    made = paired_test([1.0, 2.0, 3.0])
    t = 2 * math.sqrt(3)
    assert (made.seeds, made.mean) == (3, 2.0)
    assert made.p_value == pytest.approx(1 - t / math.sqrt(2 + t * t))
    # Against 2 the mean is what was assumed.
    assert paired_test([1.0, 2.0, 3.0], 2.0).p_value == pytest.approx(1.0)
    # Of 27 samples with replacement, one has the mean 1 and one the mean 3: more than 2.5 %.
    assert (made.low, made.high) == (1.0, 3.0)


def test_student_s_sleep_data():
    # Student 1908, as in R's help of t.test: paired, t = 4.0621, p = 0.002833.
    drug = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    made = paired_test(drug)
    assert made.p_value == pytest.approx(0.002833, abs=1e-6)
    assert made.mean == pytest.approx(1.58)
    assert 0.7 < made.low < 1.58 < made.high < 2.5


def test_one_seed_allows_no_test_and_copies_are_not_significant():
    assert paired_test([5.0]) is None
    assert paired_test([]) is None
    made = paired_test([0.5, 0.5, 0.5])
    assert (made.mean, made.low, made.high, made.p_value) == (0.5, 0.5, 0.5, 1.0)


def test_the_same_data_give_the_same_interval():
    values = [0.3, -0.1, 0.7, 0.2, 0.4]
    assert paired_test(values) == paired_test(values)


def test_holm_by_hand():
    # In order 0.01 * 3, 0.03 * 2, 0.04 * 1, none less than the one before.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_equality_has_to_be_shown():
    near = [40.3, 40.4, 40.5, 40.4]
    assert equivalence(near, 40.4, 0.5) < LEVEL
    assert equivalence(near, 40.4, 0.05) > LEVEL
    assert equivalence(near, 41.4, 0.5) > LEVEL
    # Two values far apart show nothing, although their mean is the figure.
    assert equivalence([38.4, 42.4], 40.4, 0.5) > LEVEL
    assert equivalence([40.4, 40.4], 40.4, 0.5) > LEVEL


def test_the_tests_are_those_of_scipy():
    values = [0.3, -0.1, 0.7, 0.2, 0.4]
    made = paired_test(values, 0.5)
    assert made.p_value == pytest.approx(stats.ttest_1samp(values, 0.5).pvalue)
    interval = stats.bootstrap(
        (values,), np.mean, n_resamples=9999, method='percentile', random_state=0
    ).confidence_interval
    assert (made.low, made.high) == pytest.approx(tuple(interval))
    one_sided = [
        stats.ttest_1samp(values, assumed, alternative=side).pvalue
        for assumed, side in ((-0.2, 'greater'), (0.8, 'less'))
    ]
    assert equivalence(values, 0.3, 0.5) == pytest.approx(max(one_sided))


@pytest.mark.parametrize(
    ('x', 'y'),
    [([1, 2, 3, 4], [1, 2, 3, 4]), ([1, 2, 2, 3, 3, 3], [5, 4, 4, 4, 1, 2]), ([1, 2], [2, 1])],
)
def test_rank_correlations_are_those_of_scipy(x, y):
    expected = (stats.spearmanr(x, y).statistic, stats.kendalltau(x, y).statistic)
    assert rank_correlations(x, y) == pytest.approx(expected)


def test_equal_values_have_no_ranks():
    assert rank_correlations([1, 2, 3], [2, 2, 2]) is None
    assert rank_correlations([1], [1]) is None
