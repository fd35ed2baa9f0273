"""Checks of the gaps, and what a fit says unasked."""

import warnings

import numpy as np
import pandas as pd
import pytest

from notmiwae import Missing, NotMIWAEImputer
from notmiwae.errors import AssumptionWarning
from notmiwae.estimators import notices
from notmiwae.estimators.columns import Column

SMALL = {"steps": 300, "members": 2, "n_samples": 50, "hidden": (16,), "random_state": 0}
NAMES = ["x0", "x1", "x2"]


def correlated(rows=500, columns=4, seed=6):
    draw = np.random.default_rng(seed)
    covariance = np.full((columns, columns), 0.5) + 0.5 * np.eye(columns)
    return draw, draw.multivariate_normal(np.zeros(columns), covariance, rows)


@pytest.fixture(scope="module")
def together():
    """Three columns that lack cells together, by something that has nothing to do with their values."""
    draw, values = correlated()
    day = draw.normal(size=500)
    for column in range(3):
        values[draw.random(500) < 1 / (1 + np.exp(-4 * (day - 0.7))), column] = np.nan
    return values


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
def test_gaps_that_meet_too_often_are_found_and_groups_explain_them(together):
    low = dict.fromkeys(NAMES, Missing("low", given="nothing"))
    alone = NotMIWAEImputer(low, groups={}, **SMALL).fit(together).check(together)
    failed = alone.failed
    assert "all" in set(failed["check"])
    rows = alone.table.set_index("check")
    assert rows.loc["all", "observed"] == np.isnan(together[:, :3]).all(axis=1).sum()
    assert rows.loc["all", "observed"] > 1.5 * rows.loc["all", "expected"]
    assert "`groups`" in alone.words()
    assert len(alone.badly) > 0
    # Who says nothing of groups has one.
    for groups in ({"day": NAMES}, None):
        grouped = NotMIWAEImputer(low, groups=groups, **SMALL).fit(together)
        found = grouped.check(together)
        assert not {"all", "none"} & set(found.failed["check"])
        assert found.table.set_index("check").loc["all", "deviation"] < rows.loc["all", "deviation"] / 3


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
def test_a_process_that_holds_passes():
    draw, values = correlated()
    for column in range(2):
        values[draw.random(500) < 1 / (1 + np.exp(-3 * (values[:, column] - 0.7))), column] = np.nan
    found = NotMIWAEImputer({"x0": "high", "x1": "high"}, **SMALL).fit(values).check(values)
    assert "None of" in found.words()
    own = found.table[found.table["check"] == "column"].set_index("columns")
    np.testing.assert_allclose(own["observed"], np.isnan(values[:, :2]).sum(axis=0))
    np.testing.assert_allclose(own["expected"], own["observed"], rtol=0.1)
    assert found.table["check"].str.contains("fifth").sum() == 10
    assert len(found.plot().axes) == 1
    assert str(found).count("\n") > 10


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
@pytest.mark.parametrize(("word", "checks"), [("mar", 0), ("mcar", 1), ("anything", 1)])
def test_every_process_can_be_checked(word, checks):
    draw, values = correlated(120, 3)
    values[draw.random(values.shape) < 0.2] = np.nan
    found = NotMIWAEImputer(word, **SMALL | {"steps": 20}).fit(values).check(values, n_draws=10)
    assert (len(found.table) > 0) == bool(checks)
    assert found.words()


def said_of(values, assumption, **options):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", AssumptionWarning)
        NotMIWAEImputer(assumption, **SMALL | options).fit(values)
    return " ".join(str(each.message) for each in said if issubclass(each.category, AssumptionWarning))


def test_a_fit_says_what_makes_its_assumption_doubtful(together):
    assert "the gaps aren't as assumed" in said_of(together, dict.fromkeys(NAMES, "low"), groups={})
    draw, values = correlated(90)
    values[draw.random(90) < 0.95, 0] = np.nan
    values[5:10] = np.nan
    said = said_of(
        pd.DataFrame(values, columns=list("abcd")).assign(e=1.0), {"a": "low", "e": "high"}, steps=20
    )
    assert "e: something is said of why its values are missing, and none is" in said
    assert "a: " in said
    assert "values were seen, of which little can be learnt" in said
    assert "90 rows: too few" in said
    assert said_of(values, "mar", steps=20) == ""
    grouped = said_of(values, {"x1": "low"}, steps=20, groups={"visit": ["x0"]})
    assert "x0: missing at random, so that its group changes nothing" in grouped


def test_imputations_far_out_or_at_a_limit_are_noticed():
    values = np.column_stack([np.linspace(0.5, 1.5, 40), np.linspace(0.5, 1.5, 40)])
    values[::4] = np.nan
    columns = [Column("a", "continuous", lowest=0.0), Column("b", "continuous")]
    draws = np.repeat(np.where(np.isnan(values), [-1.0, 9.0], values)[None], 3, axis=0)
    found = notices.of_imputations(columns, values, draws)
    assert any(text.startswith("a: 100% of what is imputed lies at the lowest limit, 0") for text in found)
    assert any(text.startswith("b: half of what is imputed lies 2") and "above" in text for text in found)
    assert notices.of_imputations(columns, values, np.where(np.isnan(values), 1.0, values)[None]) == []
