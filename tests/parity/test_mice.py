"""R's mice and this package shift the same table by the same δ: `mnar.norm` of y, `mnar.logreg` of b.

`mnar_mice.csv` is what mice 3.15.0 makes of `mnar_input.csv` (`mice_mnar.R`), with 100 imputations. A neural
model isn't a set of regressions, so levels agree loosely, within seven tenths of mice's standard error; what
a shift does is compared sharply. A pooled estimate of m imputations has a Monte Carlo variance of B / m, with
B the variance between them, so that a difference of two has, of each program, `(B(δ) + B(0)) / m` at most
(both share their noise), and the two programs' differences have the root of the sum as their standard error.
Three of them may lie between, and beside them a tenth of the shift, by which a model's regressions may be off
a table's.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from mnar_table import FILE, table

from notmiwae import MIWAEImputer
from notmiwae.estimators.estimands import Answer, Coefficient
from notmiwae.estimators.pooling import pool
from notmiwae.estimators.shifted_draws import shifted_draws

MICE = pd.read_csv(FILE.with_name("mnar_mice.csv"))
DRAWS, SWEEPS = 50, 6
KEYS = ["pattern", "shifted", "delta", "estimand"]


def answers(completed):
    n, share = len(completed), completed["b"].astype(float)
    return {
        "mean_y": Answer(completed["y"].mean(), completed["y"].var() / n),
        "y_on_x": Coefficient("y", "x")(completed),
        "share_b": Answer(share.mean(), share.var() / n),
    }


@cache
def fitted(pattern):
    read = pd.read_csv(FILE)
    given = pd.DataFrame(
        {"x": read["x"], "y": read[f"y_{pattern}"], "b": read[f"b_{pattern}"].astype("Int64")}
    )
    return MIWAEImputer(members=2, random_state=0).fit(given), given


@cache
def ours(pattern, shifted, delta, sweeps):
    """Our pooled estimates and variances between imputations, by estimand."""
    imputer, given = fitted(pattern)
    draws = shifted_draws(imputer, given, {shifted: delta}, n_draws=DRAWS, unit="own", sweeps=sweeps)
    said = pd.DataFrame([answers(draw) for draw in draws])
    found = {}
    for name in said:
        estimates, variances, _ = np.transpose(said[name].tolist())
        found[name] = (float(pool(estimates, variances).estimate), float(estimates.var(ddof=1)))
    return found


def mices(pattern, shifted, delta, estimand):
    return MICE.set_index(KEYS).loc[(pattern, shifted, delta, estimand)]


def compared(pattern, shifted, delta, estimand, sweeps):
    """What the shift does to an estimate, ours and mice's, and the standard error of their difference."""
    (here, between), (zero, at_zero) = (ours(pattern, shifted, d, sweeps)[estimand] for d in (delta, 0))
    mice, mice_zero = (mices(pattern, shifted, d, estimand) for d in (delta, 0))
    error = (between + at_zero) / DRAWS + (mice["between"] + mice_zero["between"]) / mice["m"]
    return here - zero, mice["estimate"] - mice_zero["estimate"], np.sqrt(error)


def test_the_table_is_the_one_that_is_drawn():
    pd.testing.assert_frame_equal(pd.read_csv(FILE), table(), check_dtype=False)


@pytest.mark.parametrize("estimand", ["mean_y", "y_on_x", "share_b"])
@pytest.mark.parametrize(("shifted", "delta"), [("y", -1.0), ("y", 1.0), ("b", -2.0), ("b", 2.0)])
def test_a_shift_and_what_follows_are_those_of_mice_where_both_are_missing(shifted, delta, estimand):
    mine, mice, error = compared("together", shifted, delta, estimand, SWEEPS)
    assert mine == pytest.approx(mice, abs=3.0 * error + 0.1 * abs(mice))


def test_what_follows_is_no_noise():
    """The comparison above could tell: without propagation, b stays and the mean of y moves by less."""
    for estimand, least in (("share_b", 10.0), ("mean_y", 3.0)):
        moved, mice, error = compared("together", "y", 1.0, estimand, SWEEPS)
        alone, _, _ = compared("together", "y", 1.0, estimand, 0)
        assert abs(mice - alone) > least * error
        assert abs(mice - moved) < abs(mice - alone)


@pytest.mark.parametrize("estimand", ["mean_y", "y_on_x", "share_b"])
@pytest.mark.parametrize(("shifted", "delta"), [("y", -1.0), ("y", 1.0), ("b", -2.0), ("b", 2.0)])
def test_where_gaps_are_apart_mice_is_next_to_no_propagation(shifted, delta, estimand):
    """It fits the other column's regression to rows in which that was seen beside a shifted value."""
    mine, mice, error = compared("apart", shifted, delta, estimand, 0)
    assert mine == pytest.approx(mice, abs=3.0 * error + 0.1 * abs(mice))


@pytest.mark.parametrize("pattern", ["apart", "together"])
@pytest.mark.parametrize("estimand", ["mean_y", "y_on_x", "share_b"])
def test_levels_at_random_are_next_to_those_of_mice(pattern, estimand):
    mice = mices(pattern, "y", 0, estimand)
    mine, _ = ours(pattern, "y", 0, 0)[estimand]
    assert mine == pytest.approx(mice["estimate"], abs=0.7 * mice["standard_error"])
