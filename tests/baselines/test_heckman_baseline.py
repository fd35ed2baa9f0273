"""Heckman's model as a baseline: what it imputes and draws where its assumptions hold; what it refuses."""

import numpy as np
import pandas as pd
import pytest

from notmiwae.errors import DataError
from study.baselines.baseline import baselines


def selected(rows=4_000, rho=0.8):
    draw = np.random.default_rng(3)
    x, w = draw.normal(size=(2, rows))
    u, v = draw.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=rows).T
    y = 1 + x + u
    return pd.DataFrame({"x": x, "y": np.where(0.3 + w + v > 0, y, np.nan), "w": w}), y


@pytest.mark.parametrize("estimate", ["two_step", "maximum_likelihood"])
def test_it_imputes_without_the_bias_of_what_was_seen(estimate):
    table, y = selected()
    baseline = baselines.parse({"kind": "heckman", "regressors": ["x"], "estimate": estimate, "draws": 50})
    gaps = table["y"].isna().to_numpy()
    imputed = baseline.impute(table, 0)
    np.testing.assert_array_equal(imputed[~gaps], table.to_numpy()[~gaps])
    assert imputed[gaps, 1].mean() == pytest.approx(y[gaps].mean(), abs=0.1)
    draws = baseline.draw(table, 0)
    assert draws.shape == (50, *table.shape)
    np.testing.assert_allclose(draws[:, gaps, 1].mean(axis=0), imputed[gaps, 1], atol=0.8)
    assert draws[:, gaps, 1].mean() == pytest.approx(imputed[gaps, 1].mean(), abs=0.02)
    inside = np.abs(draws[:, gaps, 1] - imputed[gaps, 1]).std()
    assert inside == pytest.approx((y[gaps] - imputed[gaps, 1]).std() * np.sqrt(1 - 2 / np.pi), rel=0.15)


def test_it_takes_one_column_with_gaps():
    table, _ = selected(50)
    baseline = baselines.parse({"kind": "heckman", "regressors": ["x"], "selection": ["w"]})
    for other in (table.fillna(0.0), table.assign(w=np.nan)):
        with pytest.raises(DataError, match="columns have missing values; accepted: one, the outcome"):
            baseline.impute(other, 0)
