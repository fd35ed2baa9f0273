"""Columns: kinds, dtypes, limits, and what is refused."""

import re

import numpy as np
import pandas as pd
import pytest
from user_tables import QUICK, mixed

from notmiwae import MIWAEImputer
from notmiwae.errors import DataError, NotMIWAEError, ParameterError
from notmiwae.estimators.column_kinds import describe
from notmiwae.estimators.columns import encode, fill


def imputed(column, rows=24, **arguments):
    """A column beside a complete one, imputed."""
    table = pd.DataFrame({"beside": np.linspace(-1, 1, rows), "x": column})
    return MIWAEImputer(**QUICK | arguments).fit_transform(table)["x"]


def test_kinds_follow_from_dtypes():
    kinds = {column.name: (column.kind, column.ordered) for column in describe(mixed())}
    assert kinds == {
        "double": ("continuous", True),
        "single": ("continuous", True),
        "whole": ("continuous", True),
        "signed": ("continuous", True),
        "count": ("count", True),
        "small": ("count", True),
        "truth": ("binary", True),
        "grade": ("categorical", True),
        "group": ("categorical", False),
        "text": ("categorical", False),
        "object": ("categorical", False),
        "complete": ("count", True),
        "flag": ("binary", True),
    }


def test_values_survive_encoding_and_filling():
    table = mixed()
    columns = describe(table)
    values = encode(columns, table)
    assert (np.isnan(values) == table.isna().to_numpy()).all()
    complete = np.where(np.isnan(values), 1.0, values)
    pd.testing.assert_frame_equal(
        fill(columns, fill(columns, table, complete), complete), fill(columns, table, complete)
    )


def test_an_imputation_stays_within_a_narrow_integer_dtype():
    column = pd.Series([250, 255, None], dtype="UInt8", name="x")
    (found,) = describe(column.to_frame())
    filled = fill([found], column.to_frame(), np.full((3, 1), 1e6))
    assert filled["x"].tolist() == [250, 255, 255]


def test_counts_are_imputed_as_whole_numbers_from_zero():
    column = np.where(np.arange(24) % 3 == 0, np.nan, np.arange(24) % 2)
    table = pd.DataFrame({"x": column, "y": np.arange(24.0)})
    imputer = MIWAEImputer(**QUICK, kinds={"x": "count"}).fit(table)
    for filled in [imputer.transform(table), *imputer.sample(table, 20)]:
        assert (filled["x"] >= 0).all()
        assert (filled["x"] % 1 == 0).all()


@pytest.mark.parametrize("kind", ["continuous", "count"])
def test_means_and_draws_respect_bounds(kind):
    column = np.where(np.arange(24) % 3 == 0, np.nan, np.arange(24))
    table = pd.DataFrame({"x": column, "y": np.arange(24.0)})
    imputer = MIWAEImputer(**QUICK, kinds={"x": kind}, limits={"x": (7.4, 9.6)}).fit(table)
    for filled in [imputer.transform(table), *imputer.sample(table, 20)]:
        assert filled["x"][table["x"].isna()].between(7.4, 9.6).all()


def test_an_infinite_bound_is_none():
    column = describe(pd.DataFrame({"x": [0.0, 1.0]}), limits={"x": (0, np.inf)})[0]
    assert (column.lowest, column.highest) == (0.0, None)


def test_categories_that_are_imputed_are_among_those_seen():
    table = mixed()
    imputer = MIWAEImputer(**QUICK).fit(table)
    for filled in [imputer.transform(table), *imputer.sample(table, 10)]:
        for name in ("grade", "group", "text", "object", "truth"):
            assert set(filled[name]) <= set(table[name].dropna())


@pytest.mark.parametrize(
    "column",
    [
        [0.1] * 20 + [None] * 4,
        ["only"] * 20 + [None] * 4,
        pd.array([7] * 20 + [None] * 4, dtype="Int64"),
        pd.array([True] * 20 + [None] * 4, dtype="boolean"),
    ],
)
def test_a_constant_column_is_imputed_by_its_constant(column):
    assert imputed(column).nunique() == 1


def test_numbers_among_objects_are_categories_whatever_type_they_came_in():
    assert set(imputed(pd.Series([np.int64(1), 2, None] * 8, dtype=object))) == {1, 2}


def test_names_of_columns_may_be_numbers_or_tuples():
    for names in ([3, 1], [("a", 1), ("a", 2)]):
        table = pd.DataFrame({"x": [1.0, np.nan, 2.5] * 4, "y": np.arange(12)})
        table.columns = pd.Index(names)
        filled = MIWAEImputer(**QUICK, limits={names[0]: (2, 3)}).fit_transform(table)
        assert filled.columns.equals(table.columns)
        assert filled.iloc[1, 0] >= 2


def test_new_rows_under_other_numbers_are_refused():
    table = pd.DataFrame({0: [1.0, np.nan, 2.5] * 4, 1: np.arange(12)})
    imputer = MIWAEImputer(**QUICK).fit(table)
    with pytest.raises(DataError, match="columns 1, 0; accepted, in this order: 0, 1"):
        imputer.transform(table[[1, 0]])


def test_a_column_of_which_new_rows_have_nothing_is_imputed_whatever_it_was_read_as():
    imputer = MIWAEImputer(**QUICK).fit(mixed())
    for dtype in (object, float, "str"):
        row = pd.DataFrame({name: pd.Series([None], dtype=dtype) for name in mixed().columns})
        filled = imputer.transform(row)
        assert filled.notna().all(axis=None)
        assert filled.loc[0, "text"] in ("u", "v", "w")
        assert filled.loc[0, "double"] != str(filled.loc[0, "double"])


def test_new_rows_may_lack_a_category_that_is_then_imputed():
    table = mixed()
    imputer = MIWAEImputer(**QUICK).fit(table)
    lacking = table.assign(group=pd.Categorical([None] * len(table), categories=["unused"]))
    filled = imputer.transform(lacking)["group"]
    assert set(filled) <= {"u", "v", "w"}
    assert filled.cat.categories[0] == "unused"


TIMES = pd.to_datetime(["2020-01-01", None] * 12)


@pytest.mark.parametrize(
    ("column", "arguments", "said"),
    [
        ([1.0, np.inf] * 12, {}, "column 'x': inf in row 1; accepted: finite numbers"),
        ([1.0, 1e300] * 12, {}, "column 'x': 1e+300 in row 1; accepted: .* at most 1e+150 in size"),
        (
            pd.Series([1, 10**400] * 12, dtype=object),
            {"kinds": {"x": "count"}},
            "column 'x' has a number beyond",
        ),
        (TIMES, {}, "column 'x' is of dtype datetime64.*accepted: numbers, truth values, categories"),
        ([1j, None] * 12, {}, "column 'x' is of dtype complex128; accepted: numbers"),
        ([1j, None] * 12, {"kinds": {"x": "count"}}, "column 'x' is of dtype complex128; accepted: dense"),
        (pd.arrays.SparseArray([1.0, np.nan] * 12), {}, "column 'x' is of dtype Sparse.*accepted: dense"),
        (["a", 1] * 12, {}, "column 'x' mixes int, str; accepted: values of one type"),
        ([[1], None] * 12, {}, r"column 'x' holds \[1\]; accepted: text, finite numbers, truth values"),
        (pd.Series([np.inf, 1.0] * 12, dtype=object), {}, "column 'x' holds inf; accepted: text, finite"),
        (
            ["a", "b\n"] * 12,
            {"kinds": {"x": "count"}},
            "column 'x': 'a' is no number; accepted: numbers, or the",
        ),
        (
            [1.5, 2] * 12,
            {"kinds": {"x": "count"}},
            "column 'x' holds 1.5; accepted in a count: whole numbers",
        ),
        ([-1, 2] * 12, {"kinds": {"x": "count"}}, "column 'x' holds -1; accepted in a count: whole numbers"),
        (["a", "b", "c"] * 8, {"kinds": {"x": "binary"}}, "column 'x' has 3 values; a binary one has two"),
        (
            ["a", "b"] * 12 + [None],
            {"limits": {"x": (0, 1)}, "kinds": {"x": "continuous"}},
            "column 'x': 'a' is no",
        ),
        ([f"a{n}" for n in range(300)], {}, "column 'x' has 300 categories .*accepted: 255"),
    ],
)
def test_a_column_that_cant_be_used_is_refused_in_one_line(column, arguments, said):
    with pytest.raises(DataError, match=f"^{said.replace('+', '.')}") as caught:
        imputed(column, len(column), **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"kinds": {"X": "count"}},
            "kinds: no column 'X'; did you mean|kinds: no column 'X'; accepted: beside, x",
        ),
        ({"kinds": {"x": "cuont"}}, "kinds: x: unknown kind 'cuont'; did you mean 'count'"),
        ({"kinds": ["x"]}, "kinds: found .*; accepted: a mapping from names of columns"),
        ({"limits": {"z": (0, 1)}}, "limits: no column 'z'; accepted: beside, x"),
        ({"limits": {"x": 3}}, "limits: x: found 3; accepted: two numbers, None for no limit"),
        ({"limits": {"x": (1, 2, 3)}}, "limits: x: found .*; accepted: two numbers"),
        ({"limits": {"x": ("0", None)}}, "limits: x: found .*; accepted: two numbers"),
        ({"limits": {"x": (np.nan, None)}}, "limits: x: found .*; accepted: two numbers"),
        ({"limits": {"x": (2, 1)}}, r"limits: x: found \(2, 1\); accepted: the lower one first"),
        ({"limits": {"x": (np.inf, None)}}, r"limits: x: found \(inf, None\)"),
        ({"limits": {"x": (0.2, 0.8)}, "kinds": {"x": "count"}}, "limits: x: .*accepted: a whole number"),
        ({"limits": {"x": (0, 1)}, "kinds": {"x": "binary"}}, "limits: x: a binary column has none"),
    ],
)
def test_kinds_and_bounds_that_dont_fit_are_refused_in_one_line(arguments, said):
    with pytest.raises(ParameterError, match=f"^({said})") as caught:
        imputed([0.0, 1.0] * 12, **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pd.DataFrame(), "the table has 0 rows and 0 columns"),
        (pd.DataFrame({"x": []}), "the table has 0 rows and 1 columns"),
        (pd.DataFrame(index=range(5)), "the table has 5 rows and 0 columns"),
        (pd.DataFrame({"x": [1.0]}), "n_samples=1: too few rows"),
        (pd.DataFrame([[1.0, 2.0]] * 5, columns=["x", "x"]), "two columns are called 'x'"),
        (pd.DataFrame([[1.0, 2.0]] * 5, columns=["x", 1]), "column 1: its name is no text"),
        (np.array([[1j, 2.0]] * 5), "Complex data not supported"),
    ],
)
def test_a_table_that_cant_be_used_is_refused_in_one_line(table, said):
    with pytest.raises(NotMIWAEError, match=f"^{re.escape(said)}") as caught:
        MIWAEImputer(**QUICK).fit(table)
    assert "\n" not in str(caught.value)


def test_an_unknown_category_of_new_rows_is_named():
    table = mixed()
    imputer = MIWAEImputer(**QUICK).fit(table)
    with pytest.raises(DataError, match=r"^column 'text': unknown category 'q'; accepted: 'u', 'v', 'w'$"):
        imputer.transform(table.assign(text="q"))


def test_a_value_beyond_all_that_was_fitted_is_named():
    table = mixed()
    imputer = MIWAEImputer(**QUICK).fit(table)
    for use in (imputer.transform, imputer.score_samples):
        with pytest.raises(DataError, match=r"^column 'double': 1e\+40 in row 0; accepted: values within"):
            use(table.assign(double=1e40))


def test_tables_of_odd_shapes_are_imputed():
    draw = np.random.default_rng(0)
    for rows, width in ((2, 1), (12, 1), (6, 20)):
        table = draw.normal(size=(rows, width))
        table[0, 0] = np.nan
        assert np.isfinite(MIWAEImputer(**QUICK).fit_transform(table)).all()
