"""What is asked of completed tables, against other implementations of the same statistics."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress, ttest_ind

from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.estimands import Coefficient, MeanDifference


@pytest.fixture
def table():
    random = np.random.default_rng(0)
    arm = random.choice(["drug", "placebo"], 80)
    baseline = random.normal(size=80)
    pain = 1.0 + 0.5 * baseline + (arm == "drug") + random.normal(size=80)
    return pd.DataFrame(
        {
            "arm": arm,
            "baseline": baseline,
            "pain": pain,
            "cured": pain < 1,
            "site": random.choice([*"abc"], 80),
        }
    )


def test_a_difference_of_means_has_the_t_of_welch(table):
    found = MeanDifference("pain", "arm")(table)
    drug = table["arm"] == "drug"
    expected = ttest_ind(table.loc[~drug, "pain"], table.loc[drug, "pain"], equal_var=False)
    assert found.estimate / np.sqrt(found.variance) == pytest.approx(expected.statistic)
    assert found.degrees == 78
    other = MeanDifference("pain", "arm", "placebo", "drug")(table)
    assert other.estimate == pytest.approx(-found.estimate)


def test_the_outcome_may_be_of_two_values(table):
    found = MeanDifference("cured", "arm")(table)
    shares = table.groupby("arm")["cured"].mean()
    assert found.estimate == pytest.approx(shares["placebo"] - shares["drug"])


def test_a_coefficient_is_that_of_least_squares(table):
    found = Coefficient("pain", "baseline")(table)
    expected = linregress(table["baseline"], table["pain"])
    assert found.estimate == pytest.approx(expected.slope)
    assert np.sqrt(found.variance) == pytest.approx(expected.stderr)
    assert found.degrees == 78


def test_the_coefficient_of_two_values_is_the_difference_of_their_means(table):
    assert Coefficient("pain", "arm")(table).estimate == pytest.approx(
        MeanDifference("pain", "arm")(table).estimate
    )


def test_categories_beside_it_enter_one_by_one(table):
    shifted = table.assign(pain=table["pain"] + 5.0 * (table["site"] == "b") - 3.0 * (table["site"] == "c"))
    question = Coefficient("pain", "arm", beside=["baseline", "site"])
    before, after = question(table), question(shifted)
    assert after.estimate == pytest.approx(before.estimate)
    assert after.degrees == 80 - 5
    assert str(question) == "coefficient of arm for pain beside baseline, site"


@pytest.mark.parametrize(
    ("question", "error", "said"),
    [
        (MeanDifference("pian", "arm"), ParameterError, "outcome: no column 'pian'; did you mean 'pain'"),
        (MeanDifference("pain", "amr"), ParameterError, "by: no column 'amr'"),
        (MeanDifference("pain", "site"), ParameterError, "'site' has the values 'a', 'b', 'c'; accepted"),
        (MeanDifference("pain", "arm", "drug", "none"), ParameterError, "second: no row has 'none'"),
        (Coefficient("pain", "site"), ParameterError, "on: column 'site' has the values"),
        (Coefficient("site", "pain"), ParameterError, "outcome: column 'site' has the values"),
        (Coefficient("pain", "arm", ["cured", "cured"]), DataError, "can't be told apart in 80 rows"),
        (Coefficient("pain", "arm", ["w"]), ParameterError, "beside: no column 'w'"),
    ],
)
def test_what_cannot_be_answered_is_named(table, question, error, said):
    with pytest.raises(error, match=said):
        question(table)


def test_a_group_of_one_row_has_no_variance(table):
    alone = table.assign(arm=["c", *table["arm"][1:]])
    with pytest.raises(DataError, match="first: one row has 'c'"):
        MeanDifference("pain", "arm", "c", "drug")(alone)
