"""What an imputer must not do to a table that is small, has empty rows, or loses values for two reasons."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from notmiwae import AssumptionWarning, Missing, NotMIWAEImputer
from study.data.sources.mixed_survey import MixedSurvey

pytestmark = pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")


def normal(rows, rng):
    """Six columns that correlate by a half."""
    covariance = 0.5 * np.ones((6, 6)) + 0.5 * np.eye(6)
    draw = rng.multivariate_normal(np.zeros(6), covariance, rows)
    return pd.DataFrame(draw, columns=[f"x{j}" for j in range(6)])


def missing(complete, probability, rng):
    """The table without the values of three columns that go, as each column's probability says."""
    masked = complete.copy()
    for name in complete.columns[:3]:
        masked[name] = complete[name].where(rng.random(len(complete)) >= probability(complete[name]))
    return masked


def error(completed, complete, masked):
    gaps = masked.isna().to_numpy()
    return np.sqrt(np.square((completed - complete).to_numpy()[gaps]).mean())


@pytest.mark.parametrize("reason", ["chance", "another column", "the value"])
def test_of_thirty_rows_the_default_is_better_than_the_mean(reason):
    rng = np.random.default_rng(4)
    complete = normal(30, rng)
    masked = missing(
        complete,
        lambda column: {
            "chance": np.full(30, 0.3),
            "another column": ndtr(2 * (complete["x5"] - 0.6)),
            "the value": ndtr(2 * (column - 0.6)),
        }[reason],
        rng,
    )
    completed = NotMIWAEImputer(random_state=0).fit_transform(masked)
    assert error(completed, complete, masked) < error(masked.fillna(masked.mean()), complete, masked)


def test_rows_without_any_value_are_imputed_near_the_mean_by_default():
    rng = np.random.default_rng(5)
    complete = normal(300, rng)
    masked = missing(complete, lambda column: ndtr(3 * (column - 0.6)), rng)
    empty = rng.choice(300, 15, replace=False)
    masked.iloc[empty] = np.nan
    completed = NotMIWAEImputer(steps=100, random_state=0).fit_transform(masked)
    off = (completed.iloc[empty] - complete.mean()) / complete.std()
    assert off.abs().max(axis=None) < 0.6
    assert off.mean().abs().max() < 0.5


def test_a_share_that_chance_took_is_found_and_most_of_the_bias_goes():
    rng = np.random.default_rng(6)
    complete = normal(1000, rng)

    def lowest_and_some(column):
        return np.where(column < column.quantile(0.2), 1.0, 0.2)

    masked = missing(complete, lowest_and_some, rng)
    gaps = masked.isna().to_numpy()
    bias = {}
    for at_random in (False, True):
        said = {name: Missing("low", given="nothing", at_random=at_random) for name in masked.columns[:3]}
        imputer = NotMIWAEImputer(said, groups={}, members=2, random_state=0).fit(masked)
        bias[at_random] = (imputer.transform(masked) - complete).to_numpy()[gaps].mean()
    shares = imputer.missing_process_["at_random"]
    # Of a column it has a standard error of 0.03.
    assert shares.mean() == pytest.approx(0.2, abs=0.05)
    assert shares.between(0.1, 0.3).all()
    assert abs(bias[True]) < 0.25 * abs(bias[False])


def test_how_many_hid_a_category_is_found_where_other_columns_tell_it():
    rng = np.random.default_rng(7)
    complete = MixedSurvey(rows=1000).draw(rng)
    hidden = complete["region"] == 1
    masked = complete.assign(region=complete["region"].mask(rng.random(1000) < np.where(hidden, 0.7, 0.1)))
    imputer = NotMIWAEImputer(
        {"region": "category"}, kinds={"region": "categorical"}, members=2, random_state=0
    )
    draws = imputer.fit(masked).sample(masked, 20)
    share = np.mean([(draw["region"] == 1).mean() for draw in draws])
    assert share == pytest.approx(hidden.mean(), abs=0.04)
    assert masked["region"].dropna().eq(1).mean() < hidden.mean() - 0.15


def test_two_notices_say_that_rows_without_a_value_count_as_evidence_of_a_word():
    rng = np.random.default_rng(5)
    masked = missing(normal(300, rng), lambda column: ndtr(3 * (column - 0.6)), rng)
    masked.iloc[:15] = np.nan
    with pytest.warns(AssumptionWarning) as said:
        NotMIWAEImputer("high", steps=100, members=1, random_state=0).fit(masked)
    texts = [str(each.message) for each in said]
    assert any(text.startswith("15 rows have no value at all") for text in texts)
    assert any("all of them are missing in 1" in text for text in texts)
