"""The models at random that a direction has to beat."""

import numpy as np
import pytest

from notmiwae.estimators.cross_validation import Candidate
from notmiwae.estimators.normal_margins import NormalMargins
from notmiwae.estimators.rivals import best, other_rivals
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.training.known_cells import KnownCells


def table(rows=500):
    """Columns: Gaussian, log-normal with gaps, log-normal."""
    values = np.random.default_rng(0).normal(size=(rows, 3))
    values[:, 1:] = np.exp(values[:, 1:])
    values[: rows // 3, 1] = np.nan
    return values


def candidate(values, **network):
    return Candidate(values, ModelSpec(latent_size=2, **network), IgnorableSpec())


def test_a_map_that_is_hardly_better_at_random_is_not_taken():
    draw = np.random.default_rng(0)
    plain = draw.normal(size=(400, 3))
    # Standard error .01; better by half of it, by two of it, worse.
    noise = 0.2 * draw.normal(size=400)
    noise -= noise.mean()
    gains = np.array([0.005, 0.02, -0.1]) + noise[:, None] * 0.01 * 20 / noise.std()
    found = best(np.array([plain, plain + gains]))
    assert found[:, [0, 2]] == pytest.approx(plain[:, [0, 2]], abs=0.0)
    assert found[:, 1] == pytest.approx((plain + gains)[:, 1], abs=0.0)
    assert best(plain[None]) == pytest.approx(plain, abs=0.0)


def test_gaussian_columns_have_no_other_rival():
    values = table()
    assert other_rivals(candidate(values[:, :1]), None) == []


def test_columns_of_another_shape_are_mapped_or_learn_it():
    values = table()
    mapped, shaped = other_rivals(candidate(values), None)
    skewness = [float(np.nanmean((z - np.nanmean(z)) ** 3) / np.nanstd(z) ** 3) for z in mapped.values.T]
    assert np.abs(skewness).max() < 0.5  # of a log-normal column 3 and more
    assert mapped.log_jacobian.shape == (500, 1)
    assert not any(mapped.network.shaped(3))
    assert shaped.network.shaped(3) == [True, True, True]
    assert shaped.values is values


def test_a_mapped_column_has_no_limits_and_one_with_a_shape_keeps_them():
    limits = ((None, None), (0.0, None), (0.0, None))
    mapped, shaped = other_rivals(candidate(table(), shapes=(1, 2), limits=limits), None)
    assert mapped.network.limits == ((None, None),) * 3
    assert not any(mapped.network.shaped(3))
    assert shaped.network.limits == limits
    assert shaped.network.shaped(3) == [True, True, True]


def test_where_all_columns_learn_their_shape_the_plain_model_is_the_shaped_one():
    assert len(other_rivals(candidate(table(), shapes=True), None)) == 1


def test_a_column_of_known_limits_stays_as_it_is():
    values = table()
    ends = np.where(np.isnan(values[:, 1])[:, None, None], [-np.inf, 0.5], [-np.inf, np.inf])
    known = KnownCells((1,), ends)
    limits = ((None, None), (0.0, None), (0.0, None))
    mapped, _ = other_rivals(candidate(values, shapes=(1, 2), limits=limits), known)
    assert np.array_equal(mapped.values[:, 1], values[:, 1], equal_nan=True)
    assert mapped.network.shaped(3) == [False, True, False]
    assert mapped.network.limits == ((None, None), (0.0, None), (None, None))


def test_a_value_that_is_next_to_constant_is_not_mapped():
    values = np.zeros((5000, 2))
    values[:, 0] = np.random.default_rng(0).normal(size=5000)
    values[17, 1] = 1.0
    margins = NormalMargins(values, [0, 1])
    assert np.array_equal(margins.transform(values)[:, 1], values[:, 1])
    assert not margins.log_slope(values)[:, 1].any()
    assert margins.identity
