"""What is undecided of an assumption, how evidence decides it, and that it does no harm."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notmiwae import Missing, MIWAEImputer, NotMIWAEImputer
from notmiwae.estimators import races
from notmiwae.estimators.assumptions import ASSUMPTIONS
from notmiwae.estimators.choice import Undecided, deal, decide, favourite, of_members, undecided
from notmiwae.estimators.column_processes import closed
from notmiwae.estimators.cross_validation import chosen_rows
from notmiwae.model.missing_process.agnostic import AgnosticNonlinearSpec
from notmiwae.model.missing_process.by_column import ByColumnSpec
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.missing_process.mcar import MCARSpec
from notmiwae.model.missing_process.self_masking import SelfMaskingSpec
from notmiwae.training.recipe import TrainingSpec

HIGH, LOW, UNKNOWN = (SelfMaskingSpec(direction=each) for each in ("high", "low", "unknown"))
SHARED = SelfMaskingSpec(direction="unknown", shared=True)
BOTH = {"high": HIGH, "low": LOW}
AUTO, MAR = ASSUMPTIONS["auto"], IgnorableSpec()
silent = pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")


def of(**columns):
    return ByColumnSpec(default=MAR, columns=columns)


@pytest.mark.parametrize("process", [HIGH, MCARSpec(), MAR, AgnosticNonlinearSpec(), of(x=LOW)])
def test_where_every_direction_is_told_nothing_is_to_be_decided(process):
    assert undecided(process, ["x", "y"]) == []
    assert closed(process, ["x", "y"]) == process


def test_each_column_of_an_unknown_direction_is_decided_by_itself():
    each = [Undecided((name,), BOTH, (0.5, 0.5)) for name in "xy"]
    assert undecided(UNKNOWN, ["x", "y"]) == each
    assert undecided(of(x=UNKNOWN, y=UNKNOWN, z=HIGH), ["x", "y", "z"]) == each
    assert undecided(ByColumnSpec(default=UNKNOWN, columns={"z": MCARSpec()}), ["x", "y", "z"]) == each


def test_a_column_without_a_gap_needs_no_direction():
    assert undecided(of(x=UNKNOWN, y=UNKNOWN), ["y"]) == [Undecided(("y",), BOTH, (0.5, 0.5))]
    assert closed(of(x=AUTO, y=LOW), ["y"]) == of(y=LOW)
    assert closed(AUTO, []) == MAR


def test_columns_that_share_an_edge_share_its_direction():
    (together,) = undecided(SHARED, ["x", "y"])
    assert together.columns == ("x", "y")
    columns = [each.columns for each in undecided(of(x=SHARED, y=UNKNOWN, z=SHARED), ["x", "y", "z"])]
    assert sorted(columns) == [("x", "z"), ("y",)]


def test_auto_may_be_at_random_and_most_likely_is():
    (each,) = undecided(of(x=AUTO), ["x"])
    assert list(each.candidates) == ["mar", "high", "low"]
    assert each.prior[0] > 0.9
    assert sum(each.prior) == pytest.approx(1.0)
    nothing = decide(each, np.zeros((3, 50)), 5, 0)
    assert nothing.weights == pytest.approx(each.prior)
    assert nothing.members == (0,) * 5, "without evidence all members impute as MIWAE does"


def test_the_better_foretold_candidate_is_taken_and_its_difference_reported():
    (each,) = undecided(of(x=UNKNOWN), ["x"])
    draw = np.random.default_rng(0)
    foretold = draw.normal(size=400) + np.array([[0.0], [1.0]]) + 0.1 * draw.normal(size=(2, 400))
    found = decide(each, foretold, 5, 0)
    assert found.members == (1,) * 5
    difference = foretold[1] - foretold[0]
    assert found.differences == pytest.approx((0.0, difference.mean()))
    assert found.errors == pytest.approx((0.0, difference.std() / 20))
    processes = of_members(of(x=UNKNOWN, z=HIGH), ["x", "z"], [each], [found])
    assert processes == [of(x=LOW, z=HIGH)] * 5


def test_a_direction_that_evidence_speaks_against_leaves_the_last_race():
    (auto,) = undecided(of(x=AUTO), ["x"])
    foretold = np.array([[0.0], [-0.2], [0.1]]) + np.zeros((3, 50))
    assert favourite(auto, foretold, {"mar": 0.5, "high": 0.0, "low": 0.5}) == "low"
    assert favourite(auto, foretold, {"mar": 0.99, "high": 0.0, "low": 0.01}) == "mar"
    (unknown,) = undecided(of(x=UNKNOWN), ["x"])
    assert favourite(unknown, foretold[1:], {"high": 0.999, "low": 0.001}) == "low", "it has no third choice"


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=4), st.integers(1, 12))
def test_halves_of_the_members_are_dealt_as_near_to_the_weights_as_they_can(parts, members):
    weights = np.array(parts) + 1e-3
    weights /= weights.sum()
    dealt = deal(weights, members)
    assert len(dealt) == members
    assert len(set(dealt)) <= 2
    shares = np.bincount(dealt, minlength=len(weights)) / members
    whole = np.eye(len(weights))[weights.argmax()]
    assert np.abs(shares - weights).sum() <= np.abs(whole - weights).sum() + 1e-9
    if weights.max() > 0.95:
        assert set(dealt) == {int(weights.argmax())}


def test_a_race_takes_a_share_of_the_steps_after_the_warm_start():
    assert races.race(TrainingSpec(steps=700)).steps == 210
    # However long several starts are trained.
    assert races.race(TrainingSpec(steps=700, warm_start=100, race=0.5)).steps == 280
    assert races.race(TrainingSpec(steps=1)).steps == 1


@given(st.integers(1, 40), st.integers(0, 5))
def test_some_rows_keep_a_value_and_a_gap_of_each_column(most, seed):
    values = np.random.default_rng(seed).normal(size=(60, 3))
    values[1:, 0] = np.nan
    values[7, 1] = np.nan
    some = values[chosen_rows(values, seed, most)]
    assert len(some) <= most + 6
    assert (~np.isnan(some)).any(axis=0).all()
    assert np.isnan(some).any(axis=0).tolist() == np.isnan(values).any(axis=0).tolist()


def correlated(rows, columns=4, seed=5):
    draw = np.random.default_rng(seed)
    covariance = np.full((columns, columns), 0.5) + 0.5 * np.eye(columns)
    return draw, draw.multivariate_normal(np.zeros(columns), covariance, rows)


def opposite(rows=300):
    """A Gaussian table whose first column lacks its upper values, the second its lower ones, softly."""
    draw, complete = correlated(rows)
    seen = complete.copy()
    for column, side in enumerate((1, -1)):
        seen[draw.random(rows) < 1 / (1 + np.exp(-3 * (side * complete[:, column] - 0.5))), column] = np.nan
    return complete, seen


SMALL = {"steps": 240, "members": 3, "n_samples": 50, "hidden": (16,), "random_state": 0}


def error(imputer, seen, complete):
    return np.sqrt(np.mean((imputer.transform(seen) - complete)[np.isnan(seen)] ** 2))


@silent
def test_columns_of_opposite_directions_are_imputed_as_if_they_were_told():
    complete, seen = opposite()
    unknown = NotMIWAEImputer("unknown", **SMALL).fit(seen)
    assert unknown.missing_process_["direction"].tolist() == ["high", "low"]
    told = NotMIWAEImputer({"x0": "high", "x1": "low"}, **SMALL).fit(seen)
    assert error(unknown, seen, complete) == pytest.approx(error(told, seen, complete))


@silent
def test_where_another_column_decides_it_imputes_as_miwae_does_to_the_bit():
    draw, complete = correlated(400)
    seen = complete.copy()
    seen[draw.random(400) < 1 / (1 + np.exp(-3 * (complete[:, 3] - 0.5))), 0] = np.nan
    found = NotMIWAEImputer("auto", **SMALL).fit(seen)
    weighed = found.assumptions_.set_index("assumption")
    assert weighed.loc["mar", "members"] == 3
    assert (weighed.loc[["high", "low"], "difference"] < 0).all()
    np.testing.assert_array_equal(found.transform(seen), MIWAEImputer(**SMALL).fit_transform(seen))


@silent
def test_a_limit_is_found():
    _, complete = correlated(1000)
    seen = complete.copy()
    seen[complete[:, 0] < -0.6, 0] = np.nan
    found = NotMIWAEImputer("auto", **SMALL | {"steps": 700}).fit(seen)
    weighed = found.assumptions_.set_index("assumption")
    assert weighed.loc["low", "members"] == 3
    assert weighed.loc["low", "weight"] > 0.8
    assert error(found, seen, complete) < 0.5 * error(MIWAEImputer(**SMALL).fit(seen), seen, complete)


@silent
def test_a_limit_of_each_row_is_found_in_the_column_that_has_it():
    draw, complete = correlated(600)
    complete = np.column_stack([complete, draw.normal(size=600)])
    seen = complete.copy()
    seen[complete[:, 0] < complete[:, 4] - 0.8, 0] = np.nan
    found = NotMIWAEImputer("auto", **SMALL | {"steps": 700}).fit(seen)
    assert found.assumptions_.set_index("assumption").loc["low", "members"] == 3
    told = NotMIWAEImputer({"x0": Missing("low", given=["x4"])}, **SMALL | {"steps": 700}).fit(seen)
    assert error(found, seen, complete) < 1.1 * error(told, seen, complete)
    assert error(found, seen, complete) < 0.6 * error(MIWAEImputer(**SMALL).fit(seen), seen, complete)


@silent
def test_rows_without_a_value_are_no_evidence_and_lie_near_the_mean():
    draw, complete = correlated(400)
    seen = complete.copy()
    seen[draw.random(seen.shape) < 0.1] = np.nan
    seen[:60] = np.nan
    imputed = NotMIWAEImputer("auto", **SMALL).fit(seen).transform(seen)
    assert np.abs(imputed[:60] - np.nanmean(seen, axis=0)).max() < 0.5


@silent
def test_a_skewed_column_isnt_taken_for_one_whose_other_tail_is_missing():
    draw, complete = correlated(400)
    seen = np.exp(0.8 * complete)
    seen[draw.random(400) < 0.3, 0] = np.nan
    weighed = NotMIWAEImputer("auto", **SMALL).fit(seen).assumptions_.set_index("assumption")
    assert weighed.loc["low", "members"] == 0


@silent
def test_processes_change_no_bit_of_what_is_decided():
    _, seen = opposite(120)
    quick = {"steps": 10, "members": 2, "n_samples": 5, "hidden": (8,), "random_state": 0}
    for word in ("unknown", "auto"):
        one, other = (NotMIWAEImputer(word, n_jobs=jobs, **quick).fit(seen) for jobs in (1, 2))
        assert one.transform(seen).tobytes() == other.transform(seen).tobytes()
        assert one.bound_ == other.bound_
        assert one.assumptions_.equals(other.assumptions_)
