"""Baselines: the published figures, completed tables, and whether a seed matters."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from notmiwae.data.datasets import DatasetSpec
from notmiwae.data.mechanisms import apply_mechanism
from notmiwae.errors import DataError
from notmiwae.imputers.baselines import baselines
from notmiwae.params import read_params
from notmiwae.randomness import generator

ROOT = Path(__file__).parents[2]
QUICK = {
    "mean": {},
    "knn": {},
    "mice": {},
    "missforest": {"trees": 5, "rounds": 2},
}


def baseline(kind, **fields):
    return baselines.parse({"kind": kind, **QUICK[kind], **fields})


EVERY_KIND = pytest.mark.parametrize("kind", QUICK)


@pytest.fixture
def table():
    """60 rows of four correlated columns; the high values of the first two are missing, and some others."""
    draw = generator(0, "table")
    values = draw.normal(size=(60, 1)) + 0.3 * draw.normal(size=(60, 4)) * [1, 2, 3, 4]
    values[values[:, 0] > 0.5, 0] = np.nan
    values[values[:, 1] > 0.5, 1] = np.nan
    values[draw.random(60) < 0.1, 3] = np.nan
    return pd.DataFrame(values, columns=list("abcd"), index=range(100, 160))


@pytest.fixture(scope="module")
def mnist():
    """The published study's MNIST: complete and masked."""
    entry = read_params(ROOT / "params.yaml")["datasets"]["mnist"]
    entry["source"]["file"] = str(ROOT / entry["source"]["file"])
    spec = DatasetSpec.model_validate(entry)
    complete = spec.source.draw(generator(0))
    return complete, apply_mechanism(spec.mechanism, complete, generator(0))


def test_every_registered_baseline_is_tried():
    assert sorted(QUICK) == baselines.names()


@pytest.mark.parametrize(("kind", "figure"), [("knn", 0.93535), ("mean", 0.9502)])
def test_mnist_error_is_the_published_studys(mnist, kind, figure):
    complete, masked = mnist
    missing = masked.isna().to_numpy()
    filled = baseline(kind).impute(masked, 0)
    error = np.sqrt(np.mean((filled - complete.to_numpy())[missing] ** 2))
    assert error == pytest.approx(figure, abs=10.0 ** -len(str(figure).partition(".")[2]) / 2)


@EVERY_KIND
def test_missing_cells_are_filled_and_observed_ones_untouched(kind, table):
    before = table.copy()
    filled = baseline(kind).impute(table, 1)
    observed = table.notna().to_numpy()
    pd.testing.assert_frame_equal(table, before)
    assert filled.shape == table.shape
    assert filled.dtype == np.float64
    assert np.isfinite(filled).all()
    assert np.array_equal(filled[observed], table.to_numpy()[observed])


@EVERY_KIND
def test_a_complete_table_comes_back_as_it_is(kind, table):
    complete = table.fillna(0.25)
    assert np.array_equal(baseline(kind).impute(complete, 1), complete.to_numpy())


@EVERY_KIND
def test_a_seed_decides_the_imputation(kind, table):
    first, again = (baseline(kind).impute(table, 3) for _ in range(2))
    assert np.array_equal(first, again)


VARIANTS = [
    ("mean", {}),
    ("knn", {}),
    ("mice", {}),
    ("mice", {"nearest_features": 1}),
    ("missforest", {}),
    ("missforest", {"nearest_features": 1}),
]


@pytest.mark.parametrize(("kind", "fields"), VARIANTS)
def test_a_baseline_is_called_deterministic_if_and_only_if_no_seed_changes_it(kind, fields, table):
    method = baseline(kind, **fields)
    first, *others = (method.impute(table, seed) for seed in range(4))
    assert all(np.array_equal(first, other) for other in others) == method.deterministic


def test_imputing_leaves_the_global_generator_alone(table):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    for kind in QUICK:
        baseline(kind).impute(table, 1)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_seeds_of_any_size_are_taken(table):
    for kind in QUICK:
        assert np.isfinite(baseline(kind).impute(table, 2**63 - 1)).all()


@EVERY_KIND
def test_a_column_without_an_observed_value_is_named(kind, table):
    table["c"] = np.nan
    with pytest.raises(DataError, match=r"^column 'c' has no observed value; drop it$"):
        baseline(kind).impute(table, 1)


@EVERY_KIND
def test_constant_and_integer_columns_are_completed(kind, table):
    table["constant"] = 2.5
    table.iloc[3, 4] = np.nan
    table["count"] = range(60)
    filled = baseline(kind).impute(table, 1)
    assert filled[3, 4] == pytest.approx(2.5)
    assert np.array_equal(filled[:, 5], np.arange(60))


def test_the_mean_is_the_observed_values(table):
    filled = baseline("mean").impute(table, 1)
    missing = table["a"].isna().to_numpy()
    assert filled[missing, 0] == pytest.approx(table["a"].mean())


def test_knn_averages_the_nearest_rows_that_observe_the_column():
    table = pd.DataFrame({"x": [0.0, 1.0, 2.0, 10.0, 0.9], "y": [1.0, 2.0, 4.0, 99.0, np.nan]})
    assert baseline("knn", neighbours=1).impute(table, 0)[4, 1] == 2.0
    assert baseline("knn", neighbours=3).impute(table, 0)[4, 1] == pytest.approx(7 / 3)


def test_mice_recovers_a_linear_relation():
    x = generator(0, "line").normal(size=200)
    table = pd.DataFrame({"x": x, "y": 3 * x - 1})
    table.loc[x > 1, "y"] = np.nan
    missing = x > 1
    assert baseline("mice").impute(table, 0)[missing, 1] == pytest.approx(3 * x[missing] - 1, abs=0.05)
