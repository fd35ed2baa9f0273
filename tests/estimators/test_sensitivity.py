"""Sensitivity analysis: assumptions move the results where theory says, and nothing else."""

import numpy as np
import pandas as pd
import pytest

from notmiwae import Missing
from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.sensitivity import sensitivity

QUICK = {"steps": 250, "members": 1, "n_samples": 30, "random_state": 0}


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(1)
    x = random.normal(size=400)
    y = 0.8 * x + 0.6 * random.normal(size=400)
    complete = pd.DataFrame({"x": 50 + 10 * x, "y": y, "group": np.where(y > 0, "a", "b")})
    return complete.assign(x=complete["x"].mask(complete["x"] > 55))


@pytest.fixture(scope="module")
def found(table):
    return sensitivity(table, assumptions=("mar", "low", "high"), deltas=(-1, 0, 1), n_draws=4, **QUICK)


def test_every_assumption_has_a_row_for_every_incomplete_column_of_numbers(found):
    assert found.table["assumption"].tolist() == ["observed", "mar", "low", "high"]
    assert set(found.table["column"]) == set(found.shifts["column"]) == {"x"}
    assert found.bounds["assumption"].tolist() == ["mar", "low", "high"]
    assert not found.table.drop(columns=["missing_information", "imputed_mean"]).isna().any(axis=None)


def test_the_mean_moves_where_the_assumption_says_and_the_truth_is_near_high(found):
    mean = found.table.set_index("assumption")["mean"]
    assert mean["low"] < mean["mar"] < mean["high"]
    assert mean["observed"] < mean["mar"]
    truth = 50 + 10 * np.random.default_rng(1).normal(size=400).mean()
    assert abs(mean["high"] - truth) < 0.3 * abs(mean["mar"] - truth)
    bound = found.bounds.set_index("assumption")["bound"]
    assert bound["high"] > bound["mar"], "the held-out rows tell it too"


def test_intervals_hold_their_means_and_quantiles_rise(found):
    for rows in (found.table, found.shifts):
        assert ((rows["lower"] < rows["mean"]) & (rows["mean"] < rows["upper"])).all()
        assert ((rows["q10"] <= rows["q50"]) & (rows["q50"] <= rows["q90"])).all()


def test_a_shift_moves_the_imputed_cells_by_so_many_standard_deviations_and_no_others(found, table):
    shifts = found.shifts.set_index("delta")
    step = table["x"].std()
    assert shifts.loc[1, "imputed_mean"] - shifts.loc[0, "imputed_mean"] == pytest.approx(step)
    share = table["x"].isna().mean()
    assert shifts.loc[-1, "mean"] - shifts.loc[0, "mean"] == pytest.approx(-share * step)
    at_random = found.table.set_index("assumption").loc["mar", "mean"]
    assert shifts.loc[0, "mean"] == pytest.approx(at_random)


@pytest.fixture(scope="module")
def survey(table):
    """Beside x a second column has gaps, and a binary one."""
    random = np.random.default_rng(2)
    y, gone = table["y"].mask(random.random(400) < 0.2), random.random(400) < 0.3
    voted = pd.Series(pd.array(random.random(400) < 0.6, dtype="boolean")).mask(gone)
    return table.assign(y=y, voted=voted)


SHORT = QUICK | {"steps": 30}


def test_a_column_and_a_group_have_deltas_of_their_own(survey):
    deltas = {"x": (0, 0.5, 2), ("y", "a"): (0, 1), "voted": (-9, 0, 9)}
    found = sensitivity(survey, assumptions=("mar",), deltas=deltas, by="group", n_draws=3, **SHORT)
    shifts = found.shifts.set_index(["shifted", "delta"])
    assert shifts.index.tolist() == [
        *(("x", delta) for delta in (0, 0.5, 2)),
        *(("y, a", delta) for delta in (0, 1)),
        *(("voted", delta) for delta in (-9, 0, 9)),
    ]
    moved = shifts.loc[("y, a", 1), "mean"] - shifts.loc[("y, a", 0), "mean"]
    share = (survey["y"].isna() & (survey["group"] == "a")).mean()
    assert moved == pytest.approx(survey["y"].std() * share)
    assert shifts.loc[("y, a", 1), "assumption"] == "δ +1 sd of y, a"
    # Nearly certain log-odds.
    assert shifts.loc[("voted", -9), "imputed_mean"] < 0.05
    assert shifts.loc[("voted", 9), "imputed_mean"] > 0.95
    assert shifts.loc[("voted", 0), "assumption"] == "δ +0 log-odds"
    assert [axes.get_title() for axes in found.plot().axes] == ["x", "y", "voted"]


def test_a_list_of_deltas_is_for_each_group_in_turn(survey):
    found = sensitivity(survey, ["y"], ("mar",), (0, 1), n_draws=2, by="group", **SHORT)
    assert found.shifts["shifted"].tolist() == ["y, a", "y, a", "y, b", "y, b"]
    assert set(found.shifts["column"]) == {"y"}


def test_with_sweeps_the_other_columns_are_reported_under_a_shift(survey):
    both = survey.assign(y=survey["y"].mask(survey["x"].isna())).drop(columns="group")
    alone, swept = (
        sensitivity(both, None, ("mar",), {"x": (0, 3)}, n_draws=3, sweeps=sweeps, **QUICK)
        for sweeps in (0, 1)
    )
    assert set(alone.shifts["column"]) == {"x"}
    mean = swept.shifts.set_index(["column", "delta"])["mean"]
    assert mean["y", 3] > mean["y", 0], "y rises with x"
    assert mean["x", 3] - mean["x", 0] == pytest.approx(alone.shifts["mean"].diff().iloc[1])


def test_shifted_values_stay_within_limits(survey):
    quick = SHORT | {"limits": {"x": (None, 60)}}
    found = sensitivity(survey, ["x"], ("mar",), {"x": (0, 99)}, n_draws=2, **quick)
    assert found.shifts["imputed_mean"].tolist()[1] == pytest.approx(60)


def test_an_assumption_may_be_said_of_some_columns(table):
    wider = table.assign(z=table["y"].where(np.arange(400) % 5 > 0))
    quick = QUICK | {"steps": 30}
    one = sensitivity(wider, columns=["x"], assumptions=("mar", "high"), deltas=(), n_draws=2, **quick)
    assert set(one.table["column"]) == {"x"}
    assert one.shifts.empty
    assert len(one.plot().axes) == 1


def test_an_assumption_of_ones_own_has_the_name_that_it_was_given(table):
    own = {"at random": "mar", "y moves the edge": {"x": Missing("high", given=["y"])}, "high": "high"}
    found = sensitivity(table, assumptions=own, deltas=(0,), n_draws=2, **QUICK | {"steps": 30})
    assert found.table["assumption"].tolist() == ["observed", *own]
    assert found.bounds["assumption"].tolist() == list(own)
    assert len(found.shifts) == 1, "of what is called something else, and is mar"
    mean = found.table.set_index("assumption")["mean"]
    assert mean["y moves the edge"] != mean["high"]


def test_the_figure_has_a_panel_a_column(found):
    (axes,) = found.plot().axes
    assert axes.get_title() == "x"
    assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["observed", "mar"]
    assert len(axes.get_yticks()) == 4 + 3


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"assumptions": ("hihg",)}, ParameterError, "did you mean 'high'"),
        ({"columns": ["w"]}, ParameterError, "no column 'w'"),
        ({"columns": ["y"]}, ParameterError, "'y' has no missing value"),
        ({"deltas": {"w": (0, 1)}}, ParameterError, "deltas: no column 'w'"),
        ({"deltas": {"y": (0, 1)}}, DataError, "deltas: column 'y' has no missing value"),
        ({"deltas": {"x": 1}}, ParameterError, "deltas: x: found 1; accepted: a list"),
        ({"deltas": {("x", "a"): (1,)}}, ParameterError, "by: found None beside the group 'a'"),
        ({"deltas": {("x", "c"): (1,)}, "by": "group"}, ParameterError, "no row has 'c' in column 'group'"),
        ({"deltas": {"x": (1,)}, "assumptions": ("low",)}, ParameterError, "accepted: 'mar' among the"),
        ({"by": "grp"}, ParameterError, "by: no column 'grp'; did you mean 'group'"),
        ({"sweeps": 0.5}, ParameterError, "sweeps: found 0.5"),
        ({"columns": ["group"]}, ParameterError, "'group' has no missing value, or holds no numbers"),
    ],
)
def test_what_cannot_be_analysed_is_named(table, arguments, error, said):
    quick = QUICK | {"steps": 2}
    with pytest.raises(error, match=said):
        sensitivity(table, n_draws=2, **{"assumptions": ("mar",), **arguments}, **quick)


def test_a_complete_table_is_refused(table):
    with pytest.raises(DataError, match="no column of numbers has a missing value"):
        sensitivity(table[["y", "group"]], assumptions=("mar",), **(QUICK | {"steps": 2}))
