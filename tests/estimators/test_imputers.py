"""The two imputers: what goes in comes out, but for missing cells; the same seed, the same bits."""

import doctest
import importlib
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from user_tables import QUICK, gaussian, mixed

import notmiwae
from notmiwae import MIWAEImputer, NotMIWAEImputer
from notmiwae.errors import DataError, NotMIWAEError, ParameterError

BOTH = pytest.mark.parametrize("cls", [MIWAEImputer, partial(NotMIWAEImputer, "high")])


def numbers(rows=24, seed=0):
    """An array of numbers, some of which are missing in its first two columns."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, 3))
    values[:, :2][draw.random((rows, 2)) < 0.3] = np.nan
    return values


def assert_only_missing_cells_differ(filled, table):
    pd.testing.assert_index_equal(filled.index, table.index)
    pd.testing.assert_index_equal(filled.columns, table.columns)
    assert filled.dtypes.equals(table.dtypes)
    assert filled.notna().all(axis=None)
    for name in table:
        seen = table[name].notna().to_numpy()
        pd.testing.assert_series_equal(filled[name][seen], table[name][seen], check_exact=True)


@BOTH
def test_a_frame_keeps_all_but_its_missing_cells(cls):
    table, before = mixed(), mixed()
    imputer = cls(**QUICK).fit(table)
    for filled in [imputer.transform(table), *imputer.sample(table, 2)]:
        assert_only_missing_cells_differ(filled, table)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    "imputer",
    [
        MIWAEImputer(**QUICK),
        MIWAEImputer(shapes=True, **QUICK),
        NotMIWAEImputer("high", **QUICK),
        NotMIWAEImputer("unknown", **QUICK),
        NotMIWAEImputer("auto", **QUICK),
    ],
)
def test_a_row_is_imputed_alone_as_in_its_table(imputer):
    table = mixed(40).drop(columns=["complete", "flag"]).reset_index(drop=True)
    table = table.drop(5).reindex(range(40))  # a row without any value
    imputer.set_params(censored={"double": (0.0, None)}).fit(table)
    filled = imputer.transform(table)
    for rows in ([5], [17], [30, 8, 5]):
        alone = imputer.transform(table.iloc[rows])
        pd.testing.assert_frame_equal(alone, filled.iloc[rows], rtol=1e-4)


@BOTH
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_array_keeps_all_but_its_missing_cells(cls, dtype):
    table = numbers().astype(dtype)
    imputer = cls(**QUICK).fit(table)
    for filled in [imputer.transform(table), *imputer.sample(table, 2)]:
        assert isinstance(filled, np.ndarray)
        assert filled.dtype == dtype
        assert np.isfinite(filled).all()
        seen = ~np.isnan(table)
        assert filled[seen].tobytes() == table[seen].tobytes()


def test_missing_values_of_an_array_of_objects_are_found():
    table = np.array([[1.0, None], [pd.NA, 2.0], [3.0, np.nan], [4, 5]], dtype=object)
    assert np.isfinite(MIWAEImputer(**QUICK).fit_transform(table)).all()


def test_a_complete_table_stays_as_it_is():
    table = mixed().dropna()
    pd.testing.assert_frame_equal(NotMIWAEImputer("high", **QUICK).fit_transform(table), table)


def test_draws_differ_where_values_are_missing():
    table = numbers()
    one, other = MIWAEImputer(**QUICK).fit(table).sample(table, 2)
    assert (one != other)[np.isnan(table)].all()
    assert len(MIWAEImputer(**QUICK).fit(table).sample(table)) == 20


@BOTH
def test_a_seed_fixes_every_bit(cls):
    table = mixed()
    one, other, another = (cls(**QUICK | {"random_state": seed}).fit(table) for seed in (1, 1, 2))
    assert one.transform(table).equals(other.transform(table))
    for ours, theirs in zip(one.sample(table, 2), other.sample(table, 2), strict=True):
        assert ours.equals(theirs)
    assert (one.score_samples(table) == other.score_samples(table)).all()
    assert not one.transform(table).equals(another.transform(table))


def test_a_random_state_seeds_one_fit_after_another():
    table = numbers()
    state = np.random.RandomState(0)
    one, other = (MIWAEImputer(**QUICK | {"random_state": state}).fit_transform(table) for _ in range(2))
    assert not np.array_equal(one, other)
    fresh = MIWAEImputer(**QUICK | {"random_state": np.random.RandomState(0)}).fit_transform(table)
    assert one.tobytes() == fresh.tobytes()


def test_fitting_leaves_the_global_generators_alone():
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002 - it's the one that is to stay
    NotMIWAEImputer("high", **QUICK).fit_transform(numbers())
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002


def test_rows_and_columns_that_fit_didnt_miss_are_imputed():
    imputer = NotMIWAEImputer("high", **QUICK).fit(mixed())
    new = mixed(seed=1).astype({"complete": "Int64", "flag": "boolean"})
    new.iloc[:2] = None
    new.iloc[5, new.columns.get_loc("complete")] = None
    assert_only_missing_cells_differ(imputer.transform(new), new)
    read_as_floats = mixed().astype({"complete": float, "flag": float})
    read_as_floats.iloc[0] = None
    filled = imputer.transform(read_as_floats)
    assert_only_missing_cells_differ(filled, read_as_floats)
    assert filled["flag"].isin([0, 1]).all()
    assert (filled["complete"] % 1 == 0).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table[table.columns[::-1]], "must be in the same order"),
        (lambda table: table.drop(columns="count"), "now missing:\n- count"),
        (lambda table: table.assign(more=1), "unseen at fit time:\n- more"),
        (lambda table: table.rename(columns={"count": "cuont"}), "unseen at fit time:\n- cuont"),
        (lambda table: table.iloc[:0], "0 rows"),
    ],
)
def test_new_rows_of_other_columns_are_refused(change, said):
    imputer = MIWAEImputer(**QUICK).fit(mixed())
    for use in (imputer.transform, imputer.sample, imputer.score, imputer.score_samples):
        with pytest.raises(ValueError, match=re.escape(said)):
            use(change(mixed()))


@pytest.mark.filterwarnings("ignore:X .* feature names:UserWarning")
def test_a_frame_meets_an_imputer_of_an_array_and_the_other_way_round():
    table = numbers()
    frame = pd.DataFrame(table, columns=["a", "b", "c"])
    by_array, by_frame = (MIWAEImputer(**QUICK).fit(each) for each in (table, frame))
    assert by_array.transform(frame).to_numpy().tobytes() == by_array.transform(table).tobytes()
    assert by_frame.transform(table).tobytes() == by_frame.transform(frame).to_numpy().tobytes()


def test_output_may_be_set_to_pandas():
    filled = MIWAEImputer(**QUICK).set_output(transform="pandas").fit_transform(numbers())
    assert filled.columns.tolist() == ["x0", "x1", "x2"]
    table = mixed()
    filled = MIWAEImputer(**QUICK).set_output(transform="pandas").fit_transform(table)
    assert_only_missing_cells_differ(filled, table)


def test_a_clone_fits_the_same():
    table = mixed()
    imputer = NotMIWAEImputer({"double": "high"}, **QUICK, limits={"double": (-3, 3)})
    assert clone(imputer).fit_transform(table).equals(imputer.fit_transform(table))


def test_a_pipeline_scales_what_was_imputed():
    scaled = make_pipeline(NotMIWAEImputer("high", **QUICK), StandardScaler()).fit_transform(numbers())
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)


def test_a_grid_search_chooses_the_assumption_under_which_held_out_rows_are_likelier():
    _, seen = gaussian(120)
    grid = {"missing_process": ["high", "low"]}
    imputer = NotMIWAEImputer(**QUICK | {"steps": 120, "n_samples": 20, "hidden": (16,)})
    search = GridSearchCV(imputer, grid, cv=2, refit=False, error_score="raise").fit(seen)
    assert search.best_params_ == {"missing_process": "high"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"steps": 0}, "steps: found 0; accepted: a whole number from 1"),
        ({"steps": "x"}, "steps: found 'x'; accepted: a whole number from 1"),
        ({"members": 0}, "members: found 0; accepted: a whole number from 1"),
        ({"members": 1.5}, "members: found 1.5; accepted: a whole number from 1"),
        ({"members": None}, "members: found None; accepted: a whole number from 1"),
        ({"n_samples": -1}, "n_samples: found -1; accepted: a whole number from 1"),
        ({"n_threads": 0}, "n_threads: found 0; accepted: a whole number from 1"),
        ({"n_threads": None}, "n_threads: found None; accepted: a whole number from 1"),
        ({"latent_size": 0}, "latent_size: found 0; accepted: a whole number from 1"),
        ({"hidden": ()}, "hidden: found (); accepted: the width of each layer"),
        ({"hidden": 5}, "hidden: found 5; accepted: the width of each layer"),
        ({"hidden": (8,) * 101}, "hidden: found 101 layers; accepted: at most 100"),
        ({"hidden": (8, 0)}, "hidden: found 0; accepted: a whole number from 1"),
    ],
)
def test_an_argument_that_doesnt_fit_is_refused_in_one_line(arguments, said):
    with pytest.raises(ParameterError, match=f"^{re.escape(said)}$"):
        MIWAEImputer(**QUICK | arguments).fit(numbers())


def test_numbers_of_draws_are_checked():
    imputer = MIWAEImputer(**QUICK).fit(numbers())
    assert imputer.sample(numbers(), 0) == []
    with pytest.raises(ParameterError, match=r"^n_draws: found -1; accepted: a whole number from 0$"):
        imputer.sample(numbers(), -1)


def test_the_package_offers_what_it_lists_and_nothing_else():
    assert notmiwae.NotMIWAEImputer is NotMIWAEImputer
    with pytest.raises(AttributeError, match="has no attribute 'Imputer'"):
        _ = notmiwae.Imputer


@BOTH
def test_the_score_of_a_row_doesnt_depend_on_other_rows(cls):
    table = mixed()
    imputer = cls(**QUICK | {"members": 2}).fit(table)
    whole = imputer.score_samples(table)
    chosen = [7, 3, 20, 3]
    np.testing.assert_allclose(imputer.score_samples(table.iloc[chosen]), whole[chosen], rtol=1e-9)
    np.testing.assert_allclose(imputer.score_samples(table[::-1])[::-1], whole, rtol=1e-9)
    assert imputer.score(table) == pytest.approx(whole.mean())


def test_the_score_is_in_the_columns_own_units():
    table = numbers()
    scaled = table * [10, 1, 1]
    one, other = (MIWAEImputer(**QUICK).fit(each).score_samples(each) for each in (table, scaled))
    expected = np.where(np.isnan(table[:, 0]), 0, np.log(10))
    np.testing.assert_allclose(one - other, expected, atol=1e-4)


def test_the_score_comes_close_to_the_true_density_from_below():
    complete, _ = gaussian(1500, mean=100, deviation=15)
    train, new = complete[:500], complete[500:]
    gone = np.random.default_rng(1).random(new.shape) < 0.3
    both, first, second = (~gone).all(1), ~gone[:, 0] & gone[:, 1], gone[:, 0] & ~gone[:, 1]
    # A cell is missing at a rate of 0.3, whatever else.
    truth = np.log(np.where(gone, 0.3, 0.7)).sum(axis=1)
    covariance = 225 * np.array([[1, 0.8], [0.8, 1]])
    truth[both] += multivariate_normal([100, 100], covariance).logpdf(new[both])
    truth[first] += norm(100, 15).logpdf(new[first, 0])
    truth[second] += norm(100, 15).logpdf(new[second, 1])
    train[np.random.default_rng(2).random(train.shape) < 0.3] = np.nan
    imputer = MIWAEImputer(steps=400, members=1, n_samples=50, hidden=(16,), random_state=0).fit(train)
    found = imputer.score_samples(np.where(gone, np.nan, new))
    assert -0.15 < (found - truth).mean() < 0.02
    assert found[gone.all(1)] == pytest.approx(2 * np.log(0.3), abs=0.3)


CELLS = {
    "number": st.floats(allow_nan=True, allow_infinity=True, width=64),
    "usual": st.one_of(st.none(), st.floats(-9, 9)),
    "whole": st.one_of(st.none(), st.integers(-3, 300)),
    "truth": st.one_of(st.none(), st.booleans()),
    "name": st.one_of(st.none(), st.sampled_from(["a", "b", "c\n"])),
    "anything": st.one_of(st.none(), st.integers(0, 2), st.just("a"), st.just(1.5)),
}
DTYPES = {"number": float, "usual": float, "whole": "Int64", "truth": "boolean", "anything": object}


@st.composite
def frames(draw):
    """Small tables of any kinds, with any cells missing."""
    rows = draw(st.integers(0, 12))
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    columns = {}
    for place, kind in enumerate(kinds):
        cells = draw(st.lists(CELLS[kind], min_size=rows, max_size=rows))
        dtype = DTYPES.get(kind) or draw(st.sampled_from([object, "str", "category"]))
        columns[f"column {place}"] = pd.Series(cells, dtype=dtype)
    return pd.DataFrame(columns)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(frames(), st.sampled_from(["mar", "high", "extreme", "anything"]))
def test_any_table_is_completed_or_refused_in_one_line(table, assumption):
    arguments = QUICK | {"steps": 2, "n_samples": 2}
    try:
        filled = NotMIWAEImputer(assumption, **arguments).fit_transform(table)
    except NotMIWAEError as error:
        said = str(error)
        assert "\n" not in said
        return
    assert_only_missing_cells_differ(filled, table)


def test_an_array_of_text_or_infinities_is_refused_in_one_line():
    for value, said in (("text", "could not convert string to float: 'text'"), (np.inf, "contains infinity")):
        table = numbers().astype(object)
        table[0, 0] = value
        with pytest.raises(ValueError, match=said) as caught:
            MIWAEImputer(**QUICK).fit(table)
        assert "\n" not in str(caught.value)


def test_categories_that_cant_be_compared_are_refused():
    imputer = MIWAEImputer(**QUICK).fit(mixed())
    with pytest.raises(DataError, match=r"^column 'object': \[1\] is no category; accepted: text, numbers$"):
        imputer.transform(mixed().assign(object=[[1]] * 24))


# --- the old name of an argument


@BOTH
def test_bounds_is_the_old_name_of_limits(cls):
    table = mixed()
    now = cls(**QUICK, limits={"double": (-0.1, 0.1)}).fit_transform(table)
    with pytest.warns(FutureWarning, match="bounds is called limits now"):
        imputer = cls(**QUICK, bounds={"double": (-0.1, 0.1)}).fit(table)
    pd.testing.assert_frame_equal(imputer.transform(table), now)
    with pytest.raises(ParameterError, match="bounds: found beside limits; accepted: limits"):
        cls(**QUICK, bounds={}, limits={}).fit(table)


@pytest.mark.parametrize("cls", [MIWAEImputer, NotMIWAEImputer])
def test_the_example_of_the_docstring(cls):
    module = importlib.import_module(cls.__module__)
    (example,) = [each for each in doctest.DocTestFinder().find(cls, globs=vars(module)) if each.examples]
    assert doctest.DocTestRunner().run(example).failed == 0
