"""Tipping points: estimates are linear in δ, p crosses the level where it's said, figures say the same."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from user_tables import QUICK

from notmiwae import MIWAEImputer
from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.estimands import Coefficient, MeanDifference
from notmiwae.estimators.tipping_point import _crossings, tipping_point

DRUG, PLACEBO = ("pain", "drug"), ("pain", "placebo")
QUESTION = MeanDifference("pain", "arm")


@pytest.fixture(scope="module")
def trial():
    random = np.random.default_rng(5)
    arm = np.repeat(["drug", "placebo"], 100)
    pain = 0.7 * (arm == "placebo") + random.normal(size=200)
    gone = random.random(200) < 0.3
    return pd.DataFrame({"arm": arm, "age": random.normal(size=200), "pain": np.where(gone, np.nan, pain)})


@pytest.fixture(scope="module")
def imputer(trial):
    return MIWAEImputer(**QUICK | {"steps": 100}).fit(trial)


@pytest.fixture(scope="module")
def grid(trial, imputer):
    deltas = {DRUG: (1, 0, 2, -1), PLACEBO: (-1.5, 0, 0.5)}
    return tipping_point(trial, deltas, QUESTION, by="arm", imputer=imputer)


def test_the_estimate_is_linear_in_each_delta(grid, trial):
    """An arm's mean moves by δ standard deviations times the arm's share of missing values."""
    missing, sd = trial["pain"].isna().groupby(trial["arm"]).mean(), trial["pain"].std()
    plane = (
        grid.at_random["estimate"]
        - grid.table["pain, drug"] * sd * missing["drug"]
        + grid.table["pain, placebo"] * sd * missing["placebo"]
    )
    np.testing.assert_allclose(grid.table["estimate"], plane)


def test_the_grid_has_every_pair_and_is_monotone(grid):
    assert len(grid.table) == 12
    surface = grid.table.assign(z=grid.signed()).pivot(
        index="pain, drug", columns="pain, placebo", values="z"
    )
    assert surface.index.is_monotonic_increasing
    assert (np.diff(surface, axis=0) < 0).all()
    assert (np.diff(surface, axis=1) > 0).all()


def test_at_random_is_the_grid_at_zero(grid):
    zero = grid.table[(grid.table["pain, drug"] == 0) & (grid.table["pain, placebo"] == 0)].iloc[0]
    assert zero[grid.at_random.index].to_dict() == pytest.approx(grid.at_random.to_dict())


def test_p_is_the_level_at_the_points_named(trial, imputer):
    deltas = {DRUG: (-1, 0, 1, 2, 3, 4, 5)}
    found = tipping_point(trial, deltas, QUESTION, by="arm", imputer=imputer)
    assert len(found.points) == 2, "first the difference is lost, then it's the other way round"
    again = tipping_point(
        trial, {DRUG: found.points["pain, drug"].tolist()}, QUESTION, by="arm", imputer=imputer
    )
    np.testing.assert_allclose(again.table["p_value"], 0.05, atol=0.01)
    assert found.nearest["pain, drug"] == found.points["pain, drug"].min()
    assert f"{found.nearest['pain, drug']:+.2g} sd (pain, drug)" in found.words()


def test_p_is_the_level_along_a_grids_lines(grid):
    """Between two neighbours of the grid of which one is significant and the other isn't there is a point."""
    significant = grid.table.pivot(index="pain, drug", columns="pain, placebo", values="p_value") < 0.05
    changes = np.diff(significant.astype(int), axis=0), np.diff(significant.astype(int), axis=1)
    assert len(grid.points) >= sum(np.abs(change).sum() for change in changes) > 0
    assert list(grid.points.columns) == ["pain, drug", "pain, placebo"]


@given(st.floats(-5, 5), st.floats(0.1, 5), st.floats(0.5, 3))
def test_a_straight_line_is_crossed_where_algebra_says(start, slope, edge):
    grid = np.linspace(-4, 4, 9)
    found = _crossings(grid, start + slope * grid, edge)
    expected = [x for x in ((-edge - start) / slope, (edge - start) / slope) if -3.999 < x < 3.999]
    assert len(found) >= len(expected)
    for x in expected:
        assert min(abs(x - each) for each in found) < 1e-6


def test_null_and_level_move_the_test_not_the_estimate(trial, imputer):
    deltas = {DRUG: (0, 1)}
    found, other = (
        tipping_point(trial, deltas, QUESTION, by="arm", imputer=imputer, **more)
        for more in ({}, {"null": 0.7, "level": 0.2})
    )
    assert found.table["estimate"].equals(other.table["estimate"])
    assert (found.table["lower"] < other.table["lower"]).all()
    assert other.at_random["p_value"] > found.at_random["p_value"]


def test_a_question_may_be_any_function(trial, imputer):
    def share(table):
        return (table["pain"] > 0).mean(), 0.001

    found = tipping_point(trial, {"pain": (0, 1)}, share, imputer=imputer, sweeps=0, unit="own")
    assert found.words().startswith("share: ")
    assert found.table["estimate"].is_monotonic_increasing
    assert found.measures == ("",)


def test_a_binary_outcome_tips_by_log_odds(trial):
    table = trial.assign(pain=pd.array(trial["pain"] > 0.3, dtype="boolean"))
    table["pain"] = table["pain"].mask(trial["pain"].isna())
    question = Coefficient("pain", "arm", beside=["age"])
    found = tipping_point(table, {DRUG: (-2, 0, 2)}, question, by="arm", **QUICK)
    assert found.measures == (" log-odds",)
    assert found.table["estimate"].is_monotonic_decreasing


def test_where_nothing_tips_it_is_said(trial, imputer):
    found = tipping_point(trial, {DRUG: (0, 0.01)}, QUESTION, by="arm", imputer=imputer)
    assert found.nearest is None
    assert "p stays below 0.05 over the whole grid" in found.words()
    assert "p stays below" in str(found)


def test_the_figure_of_one_shift_marks_where_it_tips(trial, imputer):
    found = tipping_point(trial, {DRUG: (-1, 0, 1, 2)}, QUESTION, by="arm", imputer=imputer)
    upper, lower = found.plot().axes
    assert lower.get_xlabel() == "δ of pain, drug (sd)"
    (said,) = upper.texts
    assert float(said.get_text()) == pytest.approx(found.points["pain, drug"][0], rel=0.05)


def test_the_figure_of_two_shifts_has_contours_of_p(grid, tmp_path):
    figure = grid.plot()
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("δ of pain, drug (sd)", "δ of pain, placebo (sd)")
    assert {"0.05", "0.5", "at random"} <= {text.get_text() for text in axes.texts}
    figure.savefig(tmp_path / "grid.png")


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"deltas": {"pain": (0,)}}, ParameterError, r"found \(0,\); accepted: 2 different numbers or more"),
        ({"deltas": {"pain": (0, 0, 1)}}, ParameterError, "none of them twice"),
        ({"deltas": {"pain": "01"}}, ParameterError, "pain: found '01'; accepted: a list of finite numbers"),
        ({"deltas": (0, 1)}, ParameterError, "accepted: a mapping from columns"),
        ({"deltas": {DRUG: (0, 1), PLACEBO: (0, 1), "pain": (0, 1)}}, ParameterError, "found 3 columns or"),
        ({"level": 5}, ParameterError, "level: found 5"),
        ({"question": "pain"}, ParameterError, "question: found 'pain'; accepted: a function"),
        ({"question": lambda table: (np.nan, 1.0)}, DataError, "answer is .*nan"),
        ({"question": MeanDifference("pian", "arm")}, ParameterError, "did you mean 'pain'"),
        ({"n_draws": 1}, ParameterError, "n_draws: found 1"),
        ({"steps": 3}, ParameterError, "steps: found beside imputer"),
        ({"by": "amr"}, ParameterError, "by: no column 'amr'"),
    ],
)
def test_what_cannot_be_tested_is_named(trial, imputer, arguments, error, said):
    given = {"deltas": {DRUG: (0, 1)}, "question": QUESTION, "by": "arm", "imputer": imputer, "n_draws": 2}
    with pytest.raises(error, match=said):
        tipping_point(trial, **given | arguments)
