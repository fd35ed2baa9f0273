"""Shifted draws: what is shifted moves by δ, what is missing too follows as its regression says."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.exceptions import NotFittedError
from user_tables import QUICK, mixed

from notmiwae import MIWAEImputer, NotMIWAEImputer
from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.shifted_draws import shifted_draws

FITTED = {"steps": 1500, "members": 1, "hidden": (32,), "random_state": 0}
ROWS = 800


@pytest.fixture(scope="module")
def dropout():
    """x is complete; y and w = 0.7 y + 0.5 ε are missing together, at random."""
    random = np.random.default_rng(1)
    x = random.normal(size=ROWS)
    y = 0.8 * x + 0.6 * random.normal(size=ROWS)
    w = 0.7 * y + 0.5 * random.normal(size=ROWS)
    gone = random.random(ROWS) < expit(-0.8 + x)
    table = pd.DataFrame({"x": x, "y": np.where(gone, np.nan, y), "w": np.where(gone, np.nan, w)})
    return MIWAEImputer(**FITTED).fit(table), table


@pytest.fixture(scope="module")
def trial():
    """Pain is missing in both arms of a trial, and whether a patient came back is missing too."""
    random = np.random.default_rng(2)
    arm = np.repeat(["drug", "placebo"], 60)
    pain = 5.0 + 2.0 * random.normal(size=120)
    back = pd.array(random.random(120) < expit(pain - 5.0), dtype="boolean")
    table = pd.DataFrame({"arm": arm, "pain": pain, "back": back, "age": random.integers(20, 80, 120)})
    table["pain"] = table["pain"].mask(random.random(120) < 0.3)
    table["back"] = table["back"].mask(random.random(120) < 0.3)
    return MIWAEImputer(**QUICK).fit(table), table


def means(draws, name, rows):
    return float(np.mean([draw.loc[rows, name].astype(float).mean() for draw in draws]))


def test_a_shift_of_the_mean_is_delta_standard_deviations_of_the_missing_share(dropout):
    imputer, table = dropout
    at_random, shifted = (shifted_draws(imputer, table, {"y": delta}, n_draws=5) for delta in (0, 0.5))
    share, rows = table["y"].isna().mean(), slice(None)
    moved = means(shifted, "y", rows) - means(at_random, "y", rows)
    assert moved == pytest.approx(0.5 * table["y"].std() * share)
    own = shifted_draws(imputer, table, {"y": 0.5}, n_draws=5, unit="own")
    assert means(own, "y", rows) - means(at_random, "y", rows) == pytest.approx(0.5 * share)


def own_law(draws, rows):
    """The slope of w on y given x, and ρ² of the two, in what a model drew of rows that lack both."""
    drawn = pd.concat([draw.loc[rows] for draw in draws])
    x = np.column_stack([np.ones(len(drawn)), drawn["x"]])
    left = drawn[["y", "w"]].to_numpy() - x @ np.linalg.lstsq(x, drawn[["y", "w"]].to_numpy(), rcond=None)[0]
    covariance = left.T @ left
    slope = covariance[0, 1] / covariance[0, 0]
    return slope, slope * covariance[0, 1] / covariance[1, 1]


def test_what_is_missing_too_follows_by_its_regression_on_the_shifted_column(dropout):
    """Given x and y the mean of w is 0.7 y: a shift of y by 1 moves w by that, and y by no more than 1."""
    imputer, table = dropout
    rows = table["y"].isna()
    at_random, shifted = (
        shifted_draws(imputer, table, {"y": delta}, n_draws=20, unit="own") for delta in (0, 1)
    )
    assert means(shifted, "y", rows) - means(at_random, "y", rows) == pytest.approx(1.0)
    followed = means(shifted, "w", rows) - means(at_random, "w", rows)
    slope, _ = own_law(imputer.sample(table, 20), rows)
    assert followed == pytest.approx(slope, abs=0.06), "as the model's joint law has it"
    assert followed == pytest.approx(0.7, abs=0.12), "which is nearly that of the table"
    alone = shifted_draws(imputer, table, {"y": 1}, n_draws=20, unit="own", sweeps=0)
    assert means(alone, "w", rows) == pytest.approx(means(imputer.sample(table, 20), "w", rows))


def test_many_sweeps_reach_the_law_of_chained_equations(dropout):
    """Two Gaussian cells of a row with the correlation ρ, given what was seen: δ tends to δ / (1 − ρ²)."""
    imputer, table = dropout
    rows = table["y"].isna()
    at_random, shifted = (
        shifted_draws(imputer, table, {"y": delta}, n_draws=10, unit="own", sweeps=8) for delta in (0, 0.5)
    )
    slope, squared = own_law(imputer.sample(table, 20), rows)
    amplified = 0.5 / (1.0 - squared)
    assert amplified > 0.7
    assert means(shifted, "y", rows) - means(at_random, "y", rows) == pytest.approx(amplified, rel=0.12)
    assert means(shifted, "w", rows) - means(at_random, "w", rows) == pytest.approx(
        slope * amplified, rel=0.15
    )


def test_a_binary_column_is_shifted_by_log_odds():
    random = np.random.default_rng(4)
    x = random.normal(size=1500)
    log_odds = -0.5 + x
    table = pd.DataFrame({"x": x, "b": pd.array(random.random(1500) < expit(log_odds), dtype="boolean")})
    rows = pd.Series(random.random(1500) < 0.4)
    table["b"] = table["b"].mask(rows)
    imputer = MIWAEImputer(**FITTED | {"steps": 500}).fit(table)
    for delta in (-1.5, 0.0, 1.0):
        share = means(shifted_draws(imputer, table, {"b": delta}, n_draws=10), "b", rows)
        assert share == pytest.approx(expit(log_odds[rows] + delta).mean(), abs=0.04)


@given(st.tuples(st.floats(-4, 4), st.floats(-4, 4)).map(sorted))
@settings(max_examples=15, deadline=None)
def test_more_delta_never_makes_a_one_a_zero(trial, deltas):
    imputer, table = trial
    low, high = (shifted_draws(imputer, table, {"back": d}, n_draws=3, sweeps=0) for d in deltas)
    assert all((a["back"] <= b["back"]).all() for a, b in zip(low, high, strict=True))


def test_delta_of_zero_leaves_the_draws_at_random(trial):
    imputer, table = trial
    same = shifted_draws(imputer, table, {"pain": 0, "back": 0}, n_draws=4)
    for draw, drawn in zip(imputer.sample(table, 4), same, strict=True):
        pd.testing.assert_frame_equal(draw, drawn)


@pytest.mark.parametrize("sweeps", [0, 1, 2])
def test_a_group_is_shifted_alone_and_what_was_seen_stays(trial, sweeps):
    imputer, table = trial
    at_random = imputer.sample(table, 3)
    key = {("pain", "drug"): 2, ("back", "drug"): -1}
    for before, draw in zip(
        at_random, shifted_draws(imputer, table, key, by="arm", n_draws=3, sweeps=sweeps), strict=True
    ):
        drug = table["arm"] == "drug"
        pd.testing.assert_frame_equal(draw[~drug], before[~drug])
        pd.testing.assert_frame_equal(draw.where(table.notna()), table)
        assert (draw["pain"] != before["pain"]).sum() == (drug & table["pain"].isna()).sum()


def test_shifts_of_a_column_and_of_its_group_add_up(trial):
    imputer, table = trial
    both = shifted_draws(imputer, table, {"pain": 1, ("pain", "drug"): 0.5}, by="arm", n_draws=2, sweeps=0)
    apart = {("pain", "drug"): 1.5, ("pain", "placebo"): 1}
    for one, other in zip(
        both, shifted_draws(imputer, table, apart, by="arm", n_draws=2, sweeps=0), strict=True
    ):
        np.testing.assert_allclose(one["pain"], other["pain"])


def test_shifted_values_stay_within_limits_and_counts_are_whole():
    table = mixed(60)
    imputer = MIWAEImputer(limits={"double": (-1, 1)}, **QUICK).fit(table)
    for draw in shifted_draws(imputer, table, {"double": 9, "count": -9, "truth": 2}, n_draws=2, sweeps=2):
        assert draw.loc[table["double"].isna(), "double"].eq(1).all()
        assert draw.loc[table["count"].isna(), "count"].eq(0).all()
        assert draw.dtypes.equals(table.dtypes)
        assert draw.notna().all(axis=None)


def test_draws_are_those_of_every_member_in_turn(trial):
    _, table = trial
    imputer = MIWAEImputer(**QUICK | {"members": 3}).fit(table)
    assert len(shifted_draws(imputer, table, {"back": 1}, n_draws=2)) == 2
    assert len(shifted_draws(imputer, table, {"back": 1}, n_draws=7, sweeps=2)) == 7


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"deltas": {"pian": 1}}, ParameterError, "no column 'pian'; did you mean 'pain'"),
        ({"deltas": {}}, ParameterError, "deltas: found {}; accepted: a mapping"),
        ({"deltas": {"pain": np.inf}}, ParameterError, "deltas: pain: found .*; accepted: a list of finite"),
        ({"deltas": {"pain": True}}, ParameterError, "deltas: pain: found"),
        ({"deltas": {"age": 1}}, DataError, "'age' has no missing value"),
        ({"deltas": {("pain", "drug"): 1}}, ParameterError, "by: found None beside the group 'drug'"),
        ({"deltas": {("pain", "durg"): 1}, "by": "arm"}, ParameterError, "no row has 'durg' in column 'arm'"),
        ({"deltas": {("pain", "drug", 1): 1}, "by": "arm"}, ParameterError, "a column and a group"),
        ({"deltas": {("pain", 1): 1}, "by": "amr"}, ParameterError, "by: no column 'amr'"),
        ({"deltas": {("pain", True): 1}, "by": "back"}, DataError, "'back' has .* missing values"),
        ({"deltas": {"pain": 1}, "unit": "cm"}, ParameterError, "unit: found 'cm'; accepted: sd, own"),
        ({"deltas": {"pain": 1}, "sweeps": -1}, ParameterError, "sweeps: found -1"),
        ({"deltas": {"pain": 1}, "n_draws": 0}, ParameterError, "n_draws: found 0"),
        ({"deltas": {"pain": 1e14}}, DataError, "accepted: values within"),
    ],
)
def test_what_cannot_be_shifted_is_named(trial, arguments, error, said):
    with pytest.raises(error, match=said):
        shifted_draws(*trial, **{"n_draws": 2} | arguments)


def test_a_table_needs_names_and_an_imputer_a_fit(trial):
    imputer, table = trial
    with pytest.raises(DataError, match="X: found a ndarray; accepted: a DataFrame"):
        shifted_draws(imputer, table.to_numpy(), {"pain": 1})
    with pytest.raises(NotFittedError):
        shifted_draws(MIWAEImputer(), table, {"pain": 1})


def test_columns_may_be_called_by_numbers():
    random = np.random.default_rng(0)
    table = pd.DataFrame({0: random.normal(size=60), 1: np.arange(60) % 2})
    table[0] = table[0].mask(random.random(60) < 0.3)
    imputer = MIWAEImputer(**QUICK).fit(table)
    (before,), (draw,) = imputer.sample(table, 1), shifted_draws(imputer, table, {("0", 1): 2}, "1", 1)
    gone = table[0].isna() & (table[1] == 1)
    assert ((draw[0] - before[0]) > 0).equals(gone)


def test_categories_without_an_order_have_no_shift():
    table = mixed()
    with pytest.raises(ParameterError, match="grade: has 3 categories; accepted: columns of numbers"):
        shifted_draws(MIWAEImputer(**QUICK).fit(table), table, {"grade": 1})


def test_an_imputer_not_at_random_is_refused(trial):
    _, table = trial
    imputer = NotMIWAEImputer({"pain": "high"}, **QUICK).fit(table)
    with pytest.raises(ParameterError, match="'pain' isn't taken as missing at random; accepted: one"):
        shifted_draws(imputer, table, {"pain": 1})
    with_rates = NotMIWAEImputer("mcar", **QUICK).fit(table)
    assert len(shifted_draws(with_rates, table, {"pain": 1}, n_draws=2)) == 2
