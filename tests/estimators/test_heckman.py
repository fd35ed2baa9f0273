"""Heckman's model: the textbook's figures on Mroz's table, the truth on a simulated one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.heckman import maximum_likelihood, two_step

WAGE = ["educ", "exper", "expersq"]
WORKS = ["nwifeinc", "educ", "exper", "expersq", "age", "kidslt6", "kidsge6"]


@pytest.fixture(scope="module")
def mroz():
    return pd.read_csv(Path(__file__).parents[2] / "data/examples/mroz.csv")


def test_it_is_the_textbooks_on_mroz(mroz):
    # Wooldridge, Introductory Econometrics, example 17.5; standard errors as Stata's `heckman, twostep`.
    found = two_step(mroz, "lwage", WAGE, WORKS)
    assert found.coefficients.index.tolist() == ["constant", *WAGE, "lambda"]
    beta = found.coefficients["coefficient"].round(4).tolist()
    assert beta == [-0.5781, 0.1091, 0.0439, -0.0009, 0.0323]
    assert found.coefficients["standard_error"].round(3).tolist() == [0.305, 0.016, 0.016, 0.0, 0.134]
    gamma = found.selection["coefficient"].round(3).tolist()
    assert gamma == [0.270, -0.012, 0.131, 0.123, -0.002, -0.053, -0.868, 0.036]
    assert found.selection["standard_error"].round(3).tolist() == [
        0.508, 0.005, 0.025, 0.019, 0.001, 0.008, 0.118, 0.044,
    ]  # fmt: skip
    assert found.rho == pytest.approx(0.0486, abs=5e-5)
    assert found.sigma == pytest.approx(0.6636, abs=5e-5)
    assert found.imputed.index.tolist() == mroz.index[mroz["lwage"].isna()].tolist()
    assert found.imputed.mean() == pytest.approx(0.925, abs=5e-4)


def test_its_likelihood_is_the_textbooks_too(mroz):
    # As Stata's `heckman` prints them of the same equations.
    found = maximum_likelihood(mroz, "lwage", WAGE, WORKS)
    beta = found.coefficients["coefficient"]
    assert beta.round(5).tolist() == [-0.55270, 0.10835, 0.04284, -0.00084, 0.01765]
    assert found.coefficients["standard_error"].round(4).tolist()[:3] == [0.2604, 0.0149, 0.0149]
    assert found.rho == pytest.approx(0.0266, abs=5e-5)
    assert found.sigma == pytest.approx(0.6634, abs=5e-5)
    assert found.imputed.mean() == pytest.approx(0.946, abs=5e-4)


def simulated(rho, rows=20_000):
    draw = np.random.default_rng(11)
    x, w = draw.normal(size=(2, rows))
    u, v = draw.multivariate_normal([0, 0], [[4, 2 * rho], [2 * rho, 1]], size=rows).T
    y = 1 + 3 * x + u
    return pd.DataFrame({"x": x, "w": w, "y": np.where(0.5 + 0.5 * x + w + v > 0, y, np.nan)}), y


@pytest.mark.parametrize("estimate", [two_step, maximum_likelihood])
@pytest.mark.parametrize("rho", [0.7, -0.7])
def test_it_finds_what_a_simulated_table_was_made_of(rho, estimate):
    table, y = simulated(rho)
    found = estimate(table, "y", ["x"], ["x", "w"])
    error = found.coefficients["standard_error"]
    off = found.coefficients["coefficient"] - [1, 3, 2 * rho]
    assert (off.abs() < 4 * error).all()
    assert ((found.selection["coefficient"] - [0.5, 0.5, 1]).abs() < 0.06).all()
    assert found.rho == pytest.approx(rho, abs=0.05)
    assert found.sigma == pytest.approx(2, abs=0.05)
    missing = table["y"].isna().to_numpy()
    assert found.imputed.mean() == pytest.approx(y[missing].mean(), abs=0.15)
    complete_cases = np.polyfit(table["x"][~missing], table["y"][~missing], 1)[0]
    assert abs(complete_cases - 3) > 5 * abs(found.coefficients.loc["x", "coefficient"] - 3)


def test_likelihood_is_the_more_precise_of_the_two():
    table, _ = simulated(0.7, 4_000)
    errors = [
        each(table, "y", ["x"], ["x", "w"]).coefficients["standard_error"]
        for each in (maximum_likelihood, two_step)
    ]
    assert (errors[0] < errors[1]).all()


@pytest.mark.parametrize("estimate", [two_step, maximum_likelihood])
def test_its_standard_errors_are_the_spread_of_its_estimates(estimate):
    table, _ = simulated(0.7)
    parts = [table.iloc[first : first + 500] for first in range(0, len(table), 500)]
    found = [estimate(part, "y", ["x"], ["x", "w"]).coefficients for part in parts]
    spread = np.std([each["coefficient"] for each in found], axis=0, ddof=1)
    said = np.mean([each["standard_error"] for each in found], axis=0)
    np.testing.assert_allclose(said, spread, rtol=0.35)


@pytest.mark.parametrize(
    ("change", "arguments", "error", "said"),
    [
        ({}, ("y", ["z"], ["w"]), ParameterError, "no column 'z'; accepted: x, w, y"),
        ({}, ("y", ["x", "w"], ["x"]), ParameterError, "one column at least that isn't among the regressors"),
        ({"x": np.nan}, ("y", ["x"], ["w"]), DataError, "column 'x' has missing values"),
        ({"y": 1.0}, ("y", ["x"], ["w"]), DataError, "column 'y' has 50 values of 50"),
        ({"y": np.nan}, ("y", ["x"], ["w"]), DataError, "column 'y' has 0 values of 50"),
    ],
)
def test_what_it_cannot_use_is_named(change, arguments, error, said):
    with pytest.raises(error, match=said):
        two_step(simulated(0.0, 50)[0].assign(**change), *arguments)
