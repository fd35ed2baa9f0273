"""Baselines: the published figures, completed tables, and whether a seed matters."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from notmiwae.errors import DataError
from notmiwae.mechanisms.mechanism import apply_mechanism
from notmiwae.randomness import generator
from study.baselines.baseline import baselines
from study.data.datasets import DatasetSpec
from study.run.params_file import read_params
from uci import rmse, uci

ROOT = Path(__file__).parents[2]
QUICK = {"missforest": {"trees": 5, "rounds": 2}}
# Heckman's is a model of one outcome, whose equations have to be named: test_heckman_baseline.py.
KINDS = [kind for kind in baselines.names() if kind != "heckman"]
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def baseline(kind, **fields):
    return baselines.parse({"kind": kind, **QUICK.get(kind, {}), **fields})


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


@pytest.mark.parametrize(("kind", "figure"), [("knn", 0.93535), ("mean", 0.9502)])
def test_mnist_error_is_the_published_studys(mnist, kind, figure):
    complete, masked = mnist
    missing = masked.isna().to_numpy()
    filled = baseline(kind).impute(masked, 0)
    error = np.sqrt(np.mean((filled - complete.to_numpy())[missing] ** 2))
    assert error == pytest.approx(figure, abs=10.0 ** -len(str(figure).partition(".")[2]) / 2)


@pytest.mark.parametrize(
    ("name", "published"),
    [("banknote", 1.41), ("concrete", 1.70), ("red", 1.68), ("white", 1.41), ("yeast", 1.72)],
)
def test_mice_error_on_the_tables_is_the_published_papers(name, published):
    _, complete, masked = uci(name)
    assert rmse(baseline("mice").impute(masked, 0), complete, masked) == pytest.approx(published, abs=5e-3)


def test_mice_error_on_breast_cancer_is_not_the_published_1_17():
    _, complete, masked = uci("breast")
    assert rmse(baseline("mice").impute(masked, 0), complete, masked) == pytest.approx(0.946, abs=5e-3)


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
    *((kind, {}) for kind in KINDS),
    ("mice", {"nearest_features": 1}),
    ("mice", {"draws": 2}),
    ("missforest", {"nearest_features": 1}),
]


@pytest.mark.parametrize(("kind", "fields"), VARIANTS)
def test_a_baseline_is_called_deterministic_if_and_only_if_no_seed_changes_it(kind, fields, table):
    method = baseline(kind, **fields)
    results = [(method.impute(table, seed), method.draw(table, seed)) for seed in range(4)]
    same = all(np.array_equal(a, b) for other in results for a, b in zip(results[0], other, strict=True))
    assert same == method.deterministic


def test_imputing_leaves_the_global_generator_alone(table):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    for kind in KINDS:
        baseline(kind).impute(table, 1)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_seeds_of_any_size_are_taken(table):
    for kind in KINDS:
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
    # Low rank shrinks towards 0 unless it's told to standardise.
    filled = baseline(kind, **({"standardise": True} if kind == "lowrank" else {})).impute(table, 1)
    assert filled[3, 4] == pytest.approx(2.5)
    assert np.array_equal(filled[:, 5], np.arange(60))


def test_the_mean_is_the_observed_values(table):
    filled = baseline("mean").impute(table, 1)
    missing = table["a"].isna().to_numpy()
    assert filled[missing, 0] == pytest.approx(table["a"].mean())


def test_knn_looks_among_as_many_donors_as_it_is_told_to(table):
    everybody = baseline("knn", neighbours=1)
    assert everybody.deterministic
    some = baseline("knn", neighbours=1, donors=20)
    assert not some.deterministic
    missing = table.isna()
    found = some.impute(table, 1)
    for j, name in enumerate(table.columns):
        # The nearest donor's own value, so at most 20 different ones.
        values = set(found[missing[name].to_numpy(), j])
        assert values <= {*table[name].dropna(), table[name].mean()}
        assert len(values) <= 20
    assert not np.array_equal(found, some.impute(table, 2))
    assert np.array_equal(found, some.impute(table, 1))
    enough = baseline("knn", neighbours=1, donors=len(table))
    assert np.array_equal(enough.impute(table, 1), everybody.impute(table, 1))


def test_a_column_that_no_donor_observes_is_imputed_with_its_mean():
    table = pd.DataFrame({"a": np.arange(50.0), "b": [7.0] + [np.nan] * 49})
    assert (baseline("knn", donors=2).impute(table, 3)[:, 1] == 7.0).all()


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


# --- draws


@EVERY_KIND
def test_a_method_that_imputes_once_has_no_draws(kind, table):
    assert baseline(kind).draw(table, 1).shape == (0, 60, 4)


def test_mice_draws_complete_the_table_and_differ_and_a_seed_decides_them(table):
    method = baseline("mice", draws=3)
    before = table.copy()
    draws = method.draw(table, 1)
    observed = table.notna().to_numpy()
    pd.testing.assert_frame_equal(table, before)
    assert draws.shape == (3, 60, 4)
    assert np.isfinite(draws).all()
    assert (draws[:, observed] == table.to_numpy()[observed]).all()
    assert (np.ptp(draws[:, ~observed], axis=0) > 0).all()
    assert np.array_equal(draws, method.draw(table, 1))
    assert not np.array_equal(draws, method.draw(table, 2))


def test_drawn_regressions_count_what_is_not_known_of_them():
    """The mean of m missing values, given n seen ones: var σ² (1/m + 1/n + (x̄_m − x̄_n)²/S_xx)."""
    draw = np.random.default_rng(0)
    x, missing = np.append(draw.normal(size=40), draw.normal(2.0, 1.0, size=200)), np.arange(240) >= 40
    y = 1.0 + 2.0 * x + draw.normal(size=240)
    table = pd.DataFrame({"x": x, "y": np.where(missing, np.nan, y)})
    seen = x[~missing]
    residual = y[~missing] - np.polyval(np.polyfit(seen, y[~missing], 1), seen)
    noise = (residual**2).sum() / 38
    between = 1 / 40 + (x[missing].mean() - seen.mean()) ** 2 / ((seen - seen.mean()) ** 2).sum()
    expected = noise * (1 / 200 + between)
    spread = {}
    for own in (True, False):
        draws = baseline("mice", draws=600, draw_regressions=own, draw_rounds=1).draw(table, 0)
        spread[own] = draws[:, missing, 1].mean(axis=1).var()
    assert spread[True] == pytest.approx(expected, rel=0.2)
    assert spread[False] < expected / 4


def test_mice_imputes_the_same_whether_it_also_draws(table):
    assert np.array_equal(baseline("mice").impute(table, 1), baseline("mice", draws=3).impute(table, 2))


def test_more_draws_leave_the_first_ones():
    values = generator(0).normal(size=(30, 2))
    table = pd.DataFrame(values, columns=["x", "y"]).mask(np.eye(30, 2, dtype=bool))
    few, more = (baseline("mice", draws=m).draw(table, 5) for m in (2, 4))
    assert np.array_equal(few, more[:2])


def test_mice_draws_have_the_regressions_mean_and_spread_where_values_miss_at_random():
    draw = generator(3, "linear")
    x = draw.normal(size=600)
    table = pd.DataFrame({"x": x, "y": 2 * x + 0.5 * draw.normal(size=600)})
    missing = draw.random(600) < 0.4
    table.loc[missing, "y"] = np.nan
    rest = baseline("mice", draws=40, rounds=2).draw(table, 0)[:, missing, 1] - 2 * x[missing]
    assert rest.mean() == pytest.approx(0, abs=0.1)
    assert rest.std() == pytest.approx(0.5, rel=0.1)


# --- the low-rank joint model


def test_standardised_low_rank_moves_and_scales_with_the_columns(table):
    method = baseline("lowrank", standardise=True)
    scale, shift = np.array([2.0, 0.1, 5.0, 1.0]), np.array([3.0, -1.0, 0.0, 100.0])
    moved = method.impute(table * scale + shift, 1)
    np.testing.assert_allclose(moved, method.impute(table, 1) * scale + shift, rtol=1e-4, atol=1e-4)


def test_low_rank_as_published_knows_the_complete_mean_by_where_0_is():
    """On columns standardised before values went missing it beats itself on the same columns moved."""
    _, complete, masked = uci("banknote")
    method = baseline("lowrank")
    error = rmse(method.impute(masked, 0), complete, masked)
    moved = rmse(method.impute(masked - masked.mean(), 0), complete - masked.mean(), masked)
    assert rmse(np.zeros(masked.shape), complete, masked) == pytest.approx(0.949, abs=1e-3)
    assert error < 0.9
    assert moved > 1.5


@pytest.mark.parametrize("standardise", [False, True])
def test_low_rank_takes_the_mask_for_information(standardise):
    """What tells `x` is which of the other columns are missing; their values are noise."""
    draw = generator(0, "mask")
    group = draw.random(600) < 0.5
    x = np.where(group, 3.0, -3.0)
    noise = np.where(draw.random((600, 10)) < np.where(group, 0.8, 0.2)[:, None], np.nan, 0.1)
    table = pd.DataFrame(noise * draw.normal(size=(600, 10))).assign(x=x)
    missing = draw.random(600) < 0.3
    table.loc[missing, "x"] = np.nan
    filled = baseline("lowrank", standardise=standardise).impute(table, 0)
    assert np.corrcoef(filled[missing, -1], x[missing])[0, 1] > 0.8


def test_low_rank_as_published_imputes_0_in_a_row_of_which_nothing_is_observed():
    """Its mask is 0 where values are missing, so that such a row is 0 throughout."""
    table = pd.DataFrame(generator(0).normal(5.0, 1.0, size=(100, 3)))
    table.iloc[7] = np.nan
    assert baseline("lowrank").impute(table, 0)[7] == pytest.approx(0)
    assert baseline("lowrank", standardise=True).impute(table, 0)[7] == pytest.approx(table.mean(), abs=1.0)


@pytest.mark.parametrize(
    "fields", [{"penalties": 1}, {"smallest": 1.0}, {"held_out": 0.0}, {"held_out": 1.0}], ids=str
)
def test_low_rank_refuses_settings_out_of_range(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        baseline("lowrank", **fields)
