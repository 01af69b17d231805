"""The tests against values worked out by hand and published tables."""

import math

import pytest

from rm_mm.reporting.statistics import LEVEL, compare, equivalence, holm


def test_a_paired_t_test_by_hand():
    # Mean 2, deviation 1, standard error 1/sqrt(3): t = 3.4641 with 2 degrees of freedom, for
    # which the distribution is closed: p = 1 - t / sqrt(2 + t^2).
    made = compare([1.0, 2.0, 3.0])
    t = 2 * math.sqrt(3)
    assert (made.seeds, made.mean) == (3, 2.0)
    assert made.p_value == pytest.approx(1 - t / math.sqrt(2 + t * t))
    # Against 2 the mean is what was assumed.
    assert compare([1.0, 2.0, 3.0], 2.0).p_value == pytest.approx(1.0)
    # Of 27 samples with replacement, one has the mean 1 and one the mean 3: more than 2.5 %.
    assert (made.low, made.high) == (1.0, 3.0)


def test_student_s_sleep_data():
    # Student 1908, as in R's help of t.test: paired, t = 4.0621, p = 0.002833.
    drug = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    made = compare(drug)
    assert made.p_value == pytest.approx(0.002833, abs=1e-6)
    assert made.mean == pytest.approx(1.58)
    assert 0.7 < made.low < 1.58 < made.high < 2.5


def test_one_seed_says_nothing_and_copies_claim_nothing():
    assert compare([5.0]) is None
    assert compare([]) is None
    made = compare([0.5, 0.5, 0.5])
    assert (made.mean, made.low, made.high, made.p_value) == (0.5, 0.5, 0.5, 1.0)


def test_the_same_data_give_the_same_interval():
    values = [0.3, -0.1, 0.7, 0.2, 0.4]
    assert compare(values) == compare(values)


def test_holm_by_hand():
    # In order 0.01 * 3, 0.03 * 2, 0.04 * 1, none less than the one before.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_being_the_same_has_to_be_shown():
    near = [40.3, 40.4, 40.5, 40.4]
    assert equivalence(near, 40.4, 0.5) < LEVEL
    assert equivalence(near, 40.4, 0.05) > LEVEL
    assert equivalence(near, 41.4, 0.5) > LEVEL
    # Two that lie far apart show nothing, though their mean is the figure.
    assert equivalence([38.4, 42.4], 40.4, 0.5) > LEVEL
    assert equivalence([40.4, 40.4], 40.4, 0.5) > LEVEL
