"""Rubin's rules against algebra, and against what they promise: intervals that cover."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from notmiwae.errors import DataError
from notmiwae.estimators.pooling import pool

ESTIMATES, VARIANCES = [1.0, 1.4, 1.2, 1.6], [0.10, 0.12, 0.09, 0.13]


def test_the_rules_as_they_are_written():
    pooled = pool(ESTIMATES, VARIANCES, complete_degrees=50)
    within, between = 0.11, np.var(ESTIMATES, ddof=1)
    total = within + 1.25 * between
    share = 1.25 * between / total
    old, observed = 3 / share**2, 51 / 53 * 50 * (1 - share)
    degrees = old * observed / (old + observed)
    ratio = 1.25 * between / within
    assert pooled.estimate == pytest.approx(1.3)
    assert pooled.standard_error == pytest.approx(np.sqrt(total))
    assert pooled.degrees == pytest.approx(degrees)
    assert pooled.missing_information == pytest.approx((ratio + 2 / (degrees + 3)) / (ratio + 1))
    assert pooled.upper - 1.3 == pytest.approx(student.ppf(0.975, degrees) * np.sqrt(total))
    assert 1.3 - pooled.lower == pytest.approx(pooled.upper - 1.3)


def test_the_rules_of_nested_imputations_as_they_are_written():
    pooled = pool(ESTIMATES, VARIANCES, members=2)
    # The models take turns: 1.0 and 1.2, 1.4 and 1.6.
    between, about = np.var([1.1, 1.5], ddof=1), 2 * (0.1**2 + 0.1**2) / 2
    parts = 1.5 * between, 0.5 * about
    total = 0.11 + sum(parts)
    assert pooled.estimate == pytest.approx(1.3)
    assert pooled.standard_error == pytest.approx(np.sqrt(total))
    assert pooled.degrees == pytest.approx(1 / ((parts[0] / total) ** 2 / 1 + (parts[1] / total) ** 2 / 2))


def test_tables_by_models_of_their_own_are_pooled_as_ever():
    one, other = pool(ESTIMATES, VARIANCES, 50), pool(ESTIMATES, VARIANCES, 50, members=4)
    assert (one.standard_error, one.degrees) == (other.standard_error, other.degrees)


def test_it_prints_plain_numbers_a_row_for_each_estimate():
    head, row = str(pool(ESTIMATES, VARIANCES, complete_degrees=50)).splitlines()
    assert head.split()[:2] == ["estimate", "standard_error"]
    assert float(row.split()[0]) == 1.3
    both = pool(np.transpose([ESTIMATES, ESTIMATES]), np.transpose([VARIANCES, VARIANCES]))
    assert len(str(both).splitlines()) == 3


def test_large_samples_have_rubins_own_degrees_of_freedom():
    large, infinite = pool(ESTIMATES, VARIANCES, complete_degrees=1e9), pool(ESTIMATES, VARIANCES)
    assert large.degrees == pytest.approx(infinite.degrees, rel=1e-5)


def test_imputations_that_agree_lose_nothing():
    pooled = pool([2.0, 2.0, 2.0], [0.5, 0.5, 0.5], complete_degrees=20)
    assert pooled.missing_information == 0
    assert pooled.standard_error == pytest.approx(np.sqrt(0.5))
    assert np.isfinite([pooled.lower, pooled.upper]).all()


def test_estimates_without_variance_within_lose_everything():
    assert pool([1.0, 2.0], [0.0, 0.0]).missing_information == 1


@given(st.integers(2, 30), st.floats(-5, 5), st.floats(0.01, 10))
def test_shift_and_scale_carry_over(m, shift, scale):
    random = np.random.default_rng(m)
    estimates, variances = random.normal(size=(m, 3)), random.uniform(0.1, 1, size=(m, 3))
    one = pool(estimates, variances, 40)
    other = pool(shift + scale * estimates, scale**2 * variances, 40)
    assert other.estimate == pytest.approx(shift + scale * one.estimate, abs=1e-9)
    assert other.upper == pytest.approx(shift + scale * one.upper, abs=1e-8)
    assert other.missing_information == pytest.approx(one.missing_information)
    assert ((one.missing_information >= 0) & (one.missing_information <= 1)).all()


@pytest.mark.parametrize("degrees", [8, 50, np.inf])
def test_p_is_five_percent_where_an_end_of_the_interval_is_the_null(degrees):
    pooled = pool(ESTIMATES, VARIANCES, degrees)
    assert pooled.p_value(pooled.lower) == pytest.approx(0.05)
    assert pooled.p_value(pooled.upper) == pytest.approx(0.05)
    assert pooled.p_value(pooled.estimate) == pytest.approx(1)
    assert pooled.p_value() == pytest.approx(
        2 * student.sf(pooled.estimate / pooled.standard_error, pooled.degrees)
    )


@pytest.mark.parametrize("members", [5, 10])
def test_intervals_of_proper_imputations_cover(members):
    """A normal mean, four tenths missing at random, imputed from the posterior: 95 % cover, give or take."""
    random = np.random.default_rng(3)
    n, seen, m, trials = 40, 24, 10, 600
    covered = 0
    for _ in range(trials):
        y = random.normal(size=seen)
        # Each model, a draw of mean and variance, makes every R-th table.
        variance = y.var(ddof=1) * (seen - 1) / random.chisquare(seen - 1, size=members)
        mean = y.mean() + np.sqrt(variance / seen) * random.normal(size=members)
        variance, mean = np.tile(variance, m // members), np.tile(mean, m // members)
        filled = mean[:, None] + np.sqrt(variance)[:, None] * random.normal(size=(m, n - seen))
        tables = np.concatenate([np.tile(y, (m, 1)), filled], axis=1)
        pooled = pool(tables.mean(axis=1), tables.var(axis=1, ddof=1) / n, n - 1, members=members)
        covered += bool(pooled.lower <= 0 <= pooled.upper)
    assert covered / trials == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / trials))


@pytest.mark.parametrize(
    ("estimates", "variances", "said"),
    [
        ([1.0], [1.0], "found 1 imputation"),
        ([1.0, 2.0], [1.0], "one shape"),
        (1.0, 1.0, "one shape"),
        ([1.0, 2.0], [1.0, -1.0], "negative"),
        ([1.0, 2.0], [1.0, np.nan], "negative or not a number"),
    ],
)
def test_what_cannot_be_pooled_is_refused(estimates, variances, said):
    with pytest.raises(DataError, match=said):
        pool(estimates, variances)


def test_a_number_of_models_is_asked_for():
    with pytest.raises(DataError, match="members: found 0; accepted: a whole number from 1"):
        pool(ESTIMATES, VARIANCES, members=0)


@given(st.integers(2, 30), st.integers(1, 40))
def test_turns_of_any_number_of_models_have_one_estimate_and_an_interval(m, members):
    estimates = np.random.default_rng(m).normal(size=m)
    nested, plain = (pool(estimates, np.ones(m), members=count) for count in (members, 1))
    assert nested.estimate == pytest.approx(plain.estimate)
    assert nested.degrees > 0
    assert 0 < nested.missing_information < 1
    assert nested.lower < nested.estimate < nested.upper
