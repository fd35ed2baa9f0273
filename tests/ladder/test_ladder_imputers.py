"""Methods of the ladder: the usual ones are scikit-learn's, called by hand; the others what they say."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import BayesianRidge
from sklearn.preprocessing import StandardScaler

from notmiwae import Missing, MIWAEImputer, NotMIWAEImputer
from notmiwae.errors import AssumptionWarning
from notmiwae.mechanisms.mechanism import apply_mechanism, mechanisms
from notmiwae.randomness import generator
from notmiwae.specs import parse_entry
from study.data.sources.mixed_survey import MixedSurvey
from study.data.sources.source import Source, sources
from study.ladder.imputers import Imputer, imputers
from study.ladder.ladder_cells import Task
from study.ladder.ladder_estimator import LadderEstimator
from study.ladder.measure import measure
from study.ladder.rungs import Said

SEED = 7


def task(source: Source, columns: list[str], words: str = "mar") -> Task:
    complete = source.draw(generator(0, "complete"))
    mechanism = parse_entry(mechanisms, {"kind": "mcar", "columns": columns, "rate": 0.3}, "mechanism")
    masked = apply_mechanism(mechanism, complete, generator(0, "mask"))
    units = complete.to_numpy().std(axis=0)
    told = dict.fromkeys(columns, words)
    return Task(masked, complete, units, source.codes(), told, None, {}, source, mechanism, SEED, 3)


@pytest.fixture
def numbers() -> Task:
    entry = {"kind": "correlated_gaussian", "rows": 120, "columns": 4, "correlation": 0.5}
    return task(parse_entry(sources, entry, "source"), ["x_1", "x_2"], "high")


@pytest.fixture
def mixed() -> Task:
    return task(MixedSurvey(rows=300), ["x_1", "region", "flag"])


def method(**entry) -> Imputer:
    if "assumption" in entry:
        return LadderEstimator(**entry)
    return parse_entry(imputers, entry, "method")


BY_HAND = {
    "mean": ({"kind": "mean"}, lambda state: SimpleImputer()),
    "knn": ({"kind": "knn", "neighbours": 5}, lambda state: KNNImputer(n_neighbors=5)),
    "mice": (
        {"kind": "mice", "rounds": 10},
        lambda state: IterativeImputer(BayesianRidge(), max_iter=10, skip_complete=True, random_state=state),
    ),
    "missforest": (
        {"kind": "missforest", "trees": 3, "rounds": 2},
        lambda state: IterativeImputer(
            RandomForestRegressor(3, random_state=state), max_iter=2, skip_complete=True, random_state=state
        ),
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_usual_imputers_are_scikit_learns_on_standardised_columns(numbers: Task, name: str) -> None:
    entry, by_hand = BY_HAND[name]
    ours = method(kind="baseline", baseline=entry).impute(numbers)
    scaler = StandardScaler()
    scaled = scaler.fit_transform(numbers.masked.to_numpy())
    theirs = by_hand(np.random.RandomState(SEED)).fit_transform(scaled)
    np.testing.assert_allclose(ours.mean, scaler.inverse_transform(theirs), rtol=1e-9)
    assert len(ours.draws) == 0


@pytest.mark.parametrize(
    ("assumption", "imputer"),
    [
        ("auto", NotMIWAEImputer("auto")),
        ("told", NotMIWAEImputer({"x_1": "high", "x_2": "high"})),
        ("unknown", NotMIWAEImputer("unknown")),
        ("mar", MIWAEImputer()),
    ],
)
def test_the_estimator_is_called_as_a_user_calls_it(numbers: Task, assumption: str, imputer) -> None:
    ours = method(assumption=assumption, steps=3, members=1).impute(numbers)
    imputer.set_params(steps=3, members=1, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        mean, draws = imputer.fit(numbers.masked).complete(numbers.masked, 3)
    np.testing.assert_array_equal(ours.mean, mean.to_numpy())
    np.testing.assert_array_equal(ours.draws, np.stack([draw.to_numpy() for draw in draws]))


def test_what_is_described_is_said_to_it(numbers: Task) -> None:
    said = Said({"x_1": "high", "x_2": "low"}, ["x_3"], True, {"visit": ["x_1", "x_2"]})
    assumption = {name: Missing(word, ["x_3"], at_random=True) for name, word in said.words.items()}
    quick = {"steps": 3, "members": 1}
    described = method(assumption="described", **quick)
    imputer = NotMIWAEImputer(assumption, groups=said.groups, random_state=SEED, **quick)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        mean = imputer.fit_transform(numbers.masked)
    np.testing.assert_array_equal(described.impute(replace(numbers, said=said)).mean, mean.to_numpy())


def test_limits_are_said_by_who_says_something(numbers: Task) -> None:
    # Nothing that is imputed lies beyond the least value seen.
    lowest = float(numbers.masked["x_1"].min())
    limited = replace(numbers, limits={"x_1": (lowest, None)}, words={"x_1": "low", "x_2": "mar"})
    for assumption, least in (("told", lowest), ("mar", -np.inf)):
        draws = method(assumption=assumption, steps=30, members=1).impute(limited).draws
        assert (draws[:, :, 0].min() >= lowest) == (least == lowest)


@pytest.mark.parametrize(
    "entry",
    [
        {"assumption": "told", "steps": 3, "members": 1},
        *({"kind": "baseline", "baseline": entry} for entry, _ in BY_HAND.values()),
        {"kind": "baseline", "baseline": {"kind": "mice", "draws": 3}},
        {"kind": "constant"},
    ],
    ids=str,
)
def test_categories_are_imputed_by_codes_and_what_was_seen_stays(mixed: Task, entry: dict) -> None:
    completed = method(**entry).impute(mixed)
    seen = mixed.masked.notna().to_numpy()
    for table in (completed.mean, *completed.draws):
        assert np.isfinite(table).all()
        np.testing.assert_array_equal(table[seen], mixed.masked.to_numpy()[seen])
        frame = pd.DataFrame(table, columns=mixed.masked.columns)
        for name, count in mixed.codes.items():
            assert set(frame[name]) <= set(range(count))


def test_chained_regressions_learn_categories(mixed: Task) -> None:
    """With a column for every code they'd find each from its missing sisters, and learn nothing."""
    error = {}
    for name in ("mean", "mice"):
        values, _ = measure(mixed, method(kind="baseline", baseline={"kind": name}).impute(mixed))
        error[name] = values["error_rate"]
    assert error["mice"] < 0.7 * error["mean"]


def test_the_constant_is_the_best_constant(numbers: Task, mixed: Task) -> None:
    completed = method(kind="constant").impute(numbers)
    gone = numbers.masked["x_1"].isna().to_numpy()
    np.testing.assert_allclose(completed.mean[gone, 0], numbers.complete["x_1"][gone].mean())
    values, _ = measure(mixed, method(kind="constant").impute(mixed))
    for code in range(3):
        region = mixed.masked.columns.get_loc("region")
        other = method(kind="constant").impute(mixed)
        other.mean[mixed.masked["region"].isna(), region] = code
        assert measure(mixed, other)[0]["error_rate"] >= values["error_rate"]


def test_metrics_are_in_the_columns_units_and_of_the_rows_that_count(numbers: Task) -> None:
    shifted = numbers.complete.to_numpy() + 0.5 * numbers.units
    filled = np.where(numbers.masked.isna(), shifted, numbers.complete)
    completed = type(method(kind="constant").impute(numbers))(filled, np.repeat(filled[None], 3, axis=0))
    values, rows = measure(numbers, completed)
    assert values == pytest.approx({"rmse": 0.5, "bias": 0.5, "crps": 0.5, "coverage90": 0.0, "width90": 0.0})
    assert rows["cells"].sum() == numbers.masked.isna().to_numpy().sum()
    np.testing.assert_allclose(rows["squared_error"], 0.25 * rows["cells"])
    half = np.arange(len(filled)) < 60
    assert set(measure(numbers, completed, half)[1]["row"]) == {row for row in rows["row"] if row < 60}
