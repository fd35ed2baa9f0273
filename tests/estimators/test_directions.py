"""Unknown directions, a column at a time: who is decided with whom, by what, and that it's right."""

import numpy as np
import pytest

from notmiwae import NotMIWAEImputer
from notmiwae.estimators import workers as jobs
from notmiwae.estimators.directions import Undecided, candidates, decided, race, undecided
from notmiwae.model.missing_process.agnostic import AgnosticNonlinearSpec
from notmiwae.model.missing_process.by_column import ByColumnSpec
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.model.missing_process.mcar import MCARSpec
from notmiwae.model.missing_process.self_masking import SelfMaskingSpec
from notmiwae.training.recipe import TrainingSpec

HIGH, LOW, UNKNOWN = (SelfMaskingSpec(direction=each) for each in ("high", "low", "unknown"))
SHARED = SelfMaskingSpec(direction="unknown", shared=True)
BOTH = (HIGH, LOW)


def of(**columns):
    return ByColumnSpec(default=IgnorableSpec(), columns=columns)


@pytest.mark.parametrize("process", [HIGH, MCARSpec(), IgnorableSpec(), AgnosticNonlinearSpec(), of(x=LOW)])
def test_where_every_direction_is_told_nothing_is_to_be_decided(process):
    assert undecided(process, ["x", "y"]) == []


def test_each_column_of_an_unknown_direction_is_decided_by_itself():
    each = [Undecided(("x",), BOTH), Undecided(("y",), BOTH)]
    assert undecided(UNKNOWN, ["x", "y"]) == each
    assert undecided(of(x=UNKNOWN, y=UNKNOWN, z=HIGH), ["x", "y", "z"]) == each
    assert undecided(ByColumnSpec(default=UNKNOWN, columns={"z": MCARSpec()}), ["x", "y", "z"]) == each


def test_a_column_without_a_gap_needs_no_direction():
    assert undecided(of(x=UNKNOWN, y=UNKNOWN), ["y"]) == [Undecided(("y",), BOTH)]


def test_columns_that_share_an_edge_share_its_direction():
    (together,) = undecided(SHARED, ["x", "y"])
    assert together.columns == ("x", "y")
    alone, together = undecided(of(x=SHARED, y=UNKNOWN, z=SHARED), ["x", "y", "z"])
    assert (alone.columns, together.columns) == (("y",), ("x", "z"))


def test_a_race_is_of_one_column_while_others_stay_as_told_or_at_random():
    process, gaps = of(x=UNKNOWN, y=UNKNOWN, z=HIGH), ["x", "y", "z"]
    assert candidates(process, gaps, undecided(process, gaps)) == [
        of(x=HIGH, y=IgnorableSpec(), z=HIGH),
        of(x=LOW, y=IgnorableSpec(), z=HIGH),
        of(x=IgnorableSpec(), y=HIGH, z=HIGH),
        of(x=IgnorableSpec(), y=LOW, z=HIGH),
    ]


def test_the_higher_bound_of_its_own_race_decides_a_column():
    process, gaps = of(x=UNKNOWN, y=UNKNOWN, z=HIGH), ["x", "y", "z"]
    unknown = undecided(process, gaps)
    assert decided(process, gaps, unknown, [-3, -2, -8, -9]) == of(x=LOW, y=HIGH, z=HIGH)
    assert decided(process, gaps, unknown, [-2, -3, -8, -9]) == of(x=HIGH, y=HIGH, z=HIGH)


def test_a_race_takes_the_share_of_the_steps_that_the_recipe_says():
    assert race(TrainingSpec(steps=700)).steps == 210
    assert race(TrainingSpec(steps=700, warm_start=100, race=0.5)).steps == 400
    assert race(TrainingSpec(steps=1)).steps == 1


def opposite(rows=300, correlation=0.5):
    """A Gaussian table whose first column lacks its upper values, the second its lower ones, softly."""
    draw = np.random.default_rng(5)
    complete = draw.multivariate_normal(np.zeros(4), np.full((4, 4), correlation) + 0.5 * np.eye(4), rows)
    seen = complete.copy()
    for column, side in enumerate((1, -1)):
        seen[draw.random(rows) < 1 / (1 + np.exp(-3 * (side * complete[:, column] - 0.5))), column] = np.nan
    return complete, seen


SMALL = {"steps": 240, "members": 3, "n_samples": 50, "hidden": (16,), "random_state": 0}


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
def test_columns_of_opposite_directions_are_imputed_as_if_they_were_told(monkeypatch):
    complete, seen = opposite()
    missing = np.isnan(seen)

    def fitted(assumption):
        imputer = NotMIWAEImputer(assumption, **SMALL).fit(seen)
        error = np.sqrt(np.mean((imputer.transform(seen) - complete)[missing] ** 2))
        return error, imputer.missing_process_["direction"].tolist()

    unknown, directions = fitted("unknown")
    assert directions == ["high", "low"]
    told, _ = fitted({"x0": "high", "x1": "low"})
    assert unknown == pytest.approx(told)
    monkeypatch.setattr(jobs, "undecided", lambda process, names: [])
    together, directions = fitted("unknown")
    assert directions[0] == directions[1], "one direction for all"
    assert together > 2 * unknown


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
def test_processes_change_no_bit_of_what_is_decided():
    _, seen = opposite(60)
    quick = {"steps": 10, "members": 2, "n_samples": 5, "hidden": (8,), "random_state": 0}
    one, other = (NotMIWAEImputer("unknown", n_jobs=jobs, **quick).fit(seen) for jobs in (1, 2))
    assert one.transform(seen).tobytes() == other.transform(seen).tobytes()
    assert one.bound_ == other.bound_
