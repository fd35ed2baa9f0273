"""What users of scikit-learn's imputers expect: its own tests, markers, containers, a fork."""

import inspect
import json
import re
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.impute.tests import test_common
from user_tables import QUICK, mixed

from notmiwae import AssumptionWarning, MIWAEImputer, NotMIWAEImputer
from notmiwae.cli.saved_imputer import load
from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.sensitivity import sensitivity
from notmiwae.estimators.shifted_draws import shifted_draws

IMPUTERS = [MIWAEImputer(**QUICK), NotMIWAEImputer(**QUICK)]

# --- scikit-learn's own tests of imputers, with ours in the place of its list

LEFT = {
    "test_imputers_add_indicator_sparse": "of sparse matrices, which neither we nor most of its own take",
    "test_imputers_pandas_na_integer_array_support": "takes a DataFrame of Int16 for an array: see below",
}


def _cases():
    """Its tests as functions, each with the values that its other arguments take."""
    for name, function in vars(test_common).items():
        if not name.startswith("test_") or name in LEFT:
            continue
        marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
        others = [mark for mark in marks if mark.args[0] != "imputer"]
        assert "imputer" in inspect.signature(function).parameters
        assert len(others) <= 1
        for value in others[0].args[1] if others else [None]:
            chosen = {others[0].args[0]: value} if others else {}
            for imputer in IMPUTERS:
                yield pytest.param(function, chosen, imputer, id=f"{name}-{value}-{type(imputer).__name__}")


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
@pytest.mark.parametrize(("function", "chosen", "imputer"), list(_cases()))
def test_scikit_learns_tests_of_imputers(function, chosen, imputer):
    function(imputer=clone(imputer), **chosen)


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
@pytest.mark.parametrize("imputer", IMPUTERS)
@pytest.mark.parametrize("add_indicator", [True, False])
def test_whole_numbers_are_imputed_alike_in_an_array_and_in_int16(imputer, add_indicator):
    """The test of scikit-learn's that is left out, of a DataFrame that stays one."""
    gap = np.nan
    table = np.array([[gap, 1, 5, gap, 1], [2, gap, 1, gap, 2], [6, 3, gap, gap, 3], [1, 2, 9, gap, 4]])
    named = pd.DataFrame(table, dtype="Int16", columns=list("abcde"))
    own = clone(imputer).set_params(add_indicator=add_indicator)
    completed = own.fit_transform(named)
    assert (completed[["a", "b", "c", "e"]].dtypes == "Int16").all()
    np.testing.assert_array_equal(completed.to_numpy(dtype=float), own.fit_transform(table))


# --- what kind of column it is


def test_whole_numbers_that_gaps_made_floats_are_whole_numbers(tmp_path):
    """What `pd.read_csv` makes of counts and truth values with gaps, of which the command says the same."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"visits": rng.poisson(2, 60), "job": rng.integers(0, 2, 60), "euros": 1.5})
    frame["euros"] *= rng.integers(0, 9, 60)
    frame["change"] = rng.integers(-3, 4, 60)
    frame.mask(rng.random(frame.shape) < 0.2).to_csv(tmp_path / "table.csv", index=False)
    table = pd.read_csv(tmp_path / "table.csv")
    assert set(table.dtypes) == {np.dtype(float)}
    imputer = MIWAEImputer(**QUICK).fit(table)
    assert [column.kind for column in imputer.columns_] == ["count", "binary", "continuous", "continuous"]
    completed = imputer.transform(table)
    assert set(completed.dtypes) == {np.dtype(float)}
    assert (completed["visits"] == completed["visits"].round()).all()
    assert (completed["visits"] >= 0).all()
    assert set(completed["job"]) == {0.0, 1.0}
    assert (completed["euros"] != completed["euros"].round()).any()
    np.testing.assert_array_equal(imputer.transform(table.to_numpy()), completed.to_numpy())
    said = MIWAEImputer(kinds={"visits": "continuous"}, **QUICK).fit_transform(table)
    assert (said["visits"] != said["visits"].round()).any()


@pytest.mark.parametrize("values", [[1e17, 3.0, 5.0], [0.5, 1.0, 2.0]])
def test_floats_that_are_whole_by_their_size_or_not_at_all_are_numbers(values):
    table = pd.DataFrame({"a": [*values, np.nan] * 5, "b": np.arange(20) + 0.5})
    assert MIWAEImputer(**QUICK).fit(table).columns_[0].kind == "continuous"


# --- markers of missing values


def ages():
    """A table without markers: numbers, whole numbers, truth values, texts."""
    table = mixed()[["double", "count", "truth", "text"]].reset_index(drop=True)
    table["whole"] = pd.array([None if row % 4 == 1 else row % 7 - 3 for row in range(24)], dtype="Int64")
    return table


MARKED = {"double": -99.0, "count": 999, "truth": None, "text": "?", "whole": -99}


def with_markers():
    """The same as it was typed: a marker in every gap."""
    return ages().assign(
        double=ages()["double"].fillna(-99.0),
        count=ages()["count"].fillna(999).astype("int64"),
        text=ages()["text"].fillna("?"),
        whole=ages()["whole"].fillna(-99).astype("int32"),
    )


@pytest.mark.parametrize(
    "missing_values",
    [[-99, 999, "?"], MARKED, {"double": [-99, 7], "whole": -99, "count": (999,), "text": ["?", np.nan]}],
)
def test_a_marker_is_a_gap_and_dtypes_stay(missing_values):
    expected = MIWAEImputer(**QUICK).fit_transform(ages())
    marked = with_markers()
    imputer = MIWAEImputer(**QUICK, missing_values=missing_values).fit(marked)
    for table in (marked, ages()):
        filled = imputer.transform(table)
        assert filled.dtypes.equals(table.dtypes)
        pd.testing.assert_frame_equal(filled.astype(expected.dtypes), expected, check_exact=True)
    assert imputer.score(marked) == MIWAEImputer(**QUICK).fit(ages()).score(ages())
    for draw in imputer.sample(marked, 3):
        assert not draw.isin([-99, 999, "?"]).any(axis=None)


@pytest.mark.parametrize("made", [np.float64, np.float32, object, np.int64, str, list])
def test_a_marker_of_an_array_is_a_gap(made):
    values = np.random.default_rng(0).integers(0, 9, size=(24, 3))
    gone = np.random.default_rng(1).random((24, 3)) < 0.2
    expected = MIWAEImputer(**QUICK).fit_transform(np.where(gone, np.nan, values))
    marked = np.where(gone, -1, values)
    table = marked.tolist() if made is list else marked.astype(made)
    filled = MIWAEImputer(**QUICK, missing_values="-1" if made is str else -1).fit_transform(table)
    np.testing.assert_allclose(filled, expected, rtol=1e-4)
    by_name = MIWAEImputer(**QUICK, missing_values={f"x{place}": [-1, "-1"] for place in range(3)})
    assert by_name.fit_transform(table).tobytes() == filled.tobytes()


def test_a_list_may_mix_markers():
    rows = [[1, 2], [-1, 3], ["?", 4], [5, 7]]
    filled = MIWAEImputer(**QUICK, missing_values=[-1, "?"]).fit_transform(rows)
    expected = MIWAEImputer(**QUICK).fit_transform([[1, 2], [None, 3], [None, 4], [5, 7]])
    assert filled.tobytes() == expected.tobytes()


def test_a_number_marks_no_truth_value_and_no_text():
    table = pd.DataFrame({"x": np.arange(24.0), "truth": [True, False] * 12, "text": ["1", "2"] * 12})
    filled = MIWAEImputer(**QUICK, missing_values=[1, "x"], add_indicator=True).fit_transform(table)
    assert filled.columns.tolist() == ["x", "truth", "text", "missingindicator_x"]
    assert filled["missingindicator_x"].sum() == 1


@pytest.mark.parametrize(
    ("missing_values", "said"),
    [
        (np.inf, "missing_values: found inf; accepted: a finite number, a text, NaN, None, a list of them"),
        ([1, [2]], "missing_values: found [2]; accepted: a finite number, a text"),
        ({"duoble": 1}, "missing_values: no column 'duoble'; did you mean 'double'"),
    ],
)
def test_what_is_no_marker_is_refused(missing_values, said):
    with pytest.raises(ParameterError, match=f"^{re.escape(said)}") as caught:
        MIWAEImputer(**QUICK, missing_values=missing_values).fit(mixed())
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
def test_analyses_know_markers_too():
    options = QUICK | {"members": 2}
    table, marked = (each[["double", "count"]] for each in (ages(), with_markers()))
    for word in ("mar", "mcar"):
        plain, ours = (
            sensitivity(each, None, [word], n_draws=2, **options, **more)
            for each, more in ((table, {}), (marked, {"missing_values": MARKED_NUMBERS}))
        )
        pd.testing.assert_frame_equal(plain.table, ours.table)
        pd.testing.assert_frame_equal(plain.shifts, ours.shifts)
    plain, ours = NotMIWAEImputer(**options), NotMIWAEImputer(**options, missing_values=MARKED_NUMBERS)
    pd.testing.assert_frame_equal(plain.compare(table, ["mar"]).table, ours.compare(marked, ["mar"]).table)
    plain, ours = (each.set_params(missing_process="mcar") for each in (plain, ours))
    pd.testing.assert_frame_equal(plain.fit(table).check(table).table, ours.fit(marked).check(marked).table)
    (shifted,) = shifted_draws(ours, marked, {"double": 100.0}, n_draws=1)
    assert shifted["count"].dtype == np.int64
    assert (shifted["double"] > 50).equals(marked["double"] == -99)


MARKED_NUMBERS = {"double": -99, "count": 999}

# --- indicators and empty columns


def with_an_empty_one():
    return mixed()[["double", "count", "complete"]].assign(empty=np.nan)[
        ["double", "empty", "count", "complete"]
    ]


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize("add_indicator", [False, True])
@pytest.mark.parametrize("kept", [False, True])
def test_empty_columns_and_indicators_come_out_by_their_names(tmp_path, kept, add_indicator):
    table = with_an_empty_one()
    without = table.drop(columns="empty")
    expected = MIWAEImputer(**QUICK).fit(without)
    options = {"keep_empty_features": kept, "add_indicator": add_indicator, "limits": {"empty": (0, 1)}}
    with pytest.warns(
        AssumptionWarning, match="^empty: no value was seen; " + ("carried" if kept else "left")
    ):
        imputer = MIWAEImputer(**QUICK, **options).fit(table)
    names = ["double", "empty", "count", "complete"] if kept else ["double", "count", "complete"]
    gaps = ["double", "empty", "count"] if add_indicator else []
    imputer.save(tmp_path / "model")
    for ours in (imputer, MIWAEImputer.load(tmp_path / "model")):
        for filled, alone in zip(
            [ours.transform(table), *ours.sample(table, 2)],
            [expected.transform(without), *expected.sample(without, 2)],
            strict=True,
        ):
            assert filled.columns.tolist() == [*names, *(f"missingindicator_{name}" for name in gaps)]
            assert filled.columns.tolist() == ours.get_feature_names_out().tolist()
            pd.testing.assert_frame_equal(filled[without.columns], alone, check_exact=True)
            for name in gaps:
                assert filled[f"missingindicator_{name}"].equals(table[name].isna())
            if kept:
                assert (filled["empty"] == 0).all()
        assert ours.score(table) == expected.score(without)
        assert (ours.indicator_ is not None) == add_indicator
    assert imputer.transform(table.to_numpy()).shape == (24, len(names) + len(gaps))


def test_what_new_rows_have_in_a_kept_column_stays():
    with pytest.warns(AssumptionWarning):
        imputer = MIWAEImputer(**QUICK, keep_empty_features=True).fit(with_an_empty_one())
    new = with_an_empty_one().assign(empty=[7.0, np.nan] * 12)
    assert imputer.transform(new)["empty"].tolist() == [7.0, 0.0] * 12


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        (pd.DataFrame({"x": [np.nan] * 4}), {}, "column 'x' has no observed value, nor has any other"),
        (
            pd.DataFrame({"x": pd.Categorical([None] * 4), "y": range(4)}),
            {"keep_empty_features": True},
            "column 'x' has no value, and its dtype category no 0; accepted with keep_empty_features:",
        ),
        (
            pd.DataFrame({"x": [1, 2, None, 4], "missingindicator_x": range(4)}),
            {"add_indicator": True},
            "column 'missingindicator_x' is called as the indicator of another; accepted: another name",
        ),
    ],
)
def test_a_table_that_leaves_nothing_to_be_returned_is_refused(table, options, said):
    with pytest.raises(DataError, match=f"^{re.escape(said)}"):
        MIWAEImputer(**QUICK, **options).fit(table)


def test_sensitivity_leaves_no_column_out():
    with pytest.raises(DataError, match="column 'empty' has no observed value; drop it"):
        sensitivity(with_an_empty_one(), **QUICK)


def test_arguments_survive_saving_and_the_command_takes_no_such_model(tmp_path):
    marked = with_markers()
    options = {"missing_values": {"double": -99.0, "text": ["?", "x"]}, "add_indicator": True}
    imputer = MIWAEImputer(**QUICK, **options).fit(marked)
    imputer.save(tmp_path / "model")
    saved = MIWAEImputer.load(tmp_path / "model")
    assert saved.transform(marked).equals(imputer.transform(marked))
    with pytest.raises(DataError, match=r"was fitted by a program with .*; accepted: what --model-out wrote"):
        load(tmp_path / "model")
    MIWAEImputer(**QUICK).fit(marked).save(tmp_path / "model")
    assert np.isnan(load(tmp_path / "model").missing_values)


def test_a_folder_of_an_older_version_is_read_and_places_that_arent_there_are_refused(tmp_path):
    table = ages()
    MIWAEImputer(**QUICK).fit(table).save(tmp_path / "model")
    file = tmp_path / "model/imputer.json"
    expected, written = MIWAEImputer.load(tmp_path / "model").transform(table), json.loads(file.read_text())
    features = written.pop("features")
    for name in ("missing_values", "add_indicator", "keep_empty_features", "bootstrap"):
        written["parameters"].pop(name)
    file.write_text(json.dumps(written))
    older = MIWAEImputer.load(tmp_path / "model")
    assert older.transform(table).equals(expected)
    assert (older.n_features_in_, older.add_indicator) == (5, False)
    for wrong in ({"indicated": [7]}, {"empty": [0, 0]}, {"size": 9}, {"empty": ["a"]}):
        file.write_text(json.dumps(written | {"features": features | wrong}))
        with pytest.raises(DataError, match=r"imputer\.json: features: found"):
            MIWAEImputer.load(tmp_path / "model")


# --- containers


def test_masked_cells_of_an_array_are_imputed():
    values = np.random.default_rng(0).normal(size=(24, 3))
    mask = np.random.default_rng(1).random((24, 3)) < 0.2
    expected = MIWAEImputer(**QUICK).fit_transform(np.where(mask, np.nan, values))
    for dtype in (np.float64, np.float32, object):
        masked = np.ma.MaskedArray(values.astype(dtype), mask)
        filled = MIWAEImputer(**QUICK).fit_transform(masked)
        assert type(filled) is np.ndarray
        np.testing.assert_allclose(filled.astype(float), expected, rtol=1e-4)
        assert masked.mask.sum() == mask.sum()
    whole = MIWAEImputer(**QUICK).fit_transform(np.ma.MaskedArray(np.arange(72).reshape(24, 3), mask))
    assert (whole == np.arange(72).reshape(24, 3))[~mask].all()
    assert np.isfinite(whole).all()


PRICES = [None if row % 5 == 1 else Decimal(row * 125).scaleb(-2) for row in range(24)]
ODD = {
    "decimals": pd.Series(PRICES, dtype=object),
    "arrow decimals": pd.Series(PRICES, dtype=pd.ArrowDtype(pa.decimal128(6, 2))),
    "numbers of two types": pd.Series(
        [None if row % 5 == 1 else row / 2 or 0 for row in range(24)], dtype=object
    ),
    "whole and not": pd.Series(
        [None if row % 5 == 1 else (row, row / 2)[row % 2] for row in range(24)], dtype=object
    ),
    "arrow dictionary": pd.Series(
        pa.array(["a", None, "b"] * 8).dictionary_encode(),
        dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())),
    ),
    "arrow floats": pd.Series([1.5, None, 2.5] * 8, dtype=pd.ArrowDtype(pa.float32())),
    "arrow texts": pd.Series(["a", None, "b"] * 8, dtype=pd.ArrowDtype(pa.string())),
    "arrow numbers": pd.Series([1, None, 200] * 8, dtype=pd.ArrowDtype(pa.uint8())),
}


@pytest.mark.parametrize("name", ODD)
def test_a_column_of_another_dtype_comes_out_in_it(name):
    table = pd.DataFrame({"beside": np.linspace(-1, 1, 24), name: ODD[name]})
    imputer = MIWAEImputer(**QUICK).fit(table)
    for filled in [imputer.transform(table), *imputer.sample(table, 2)]:
        assert filled.dtypes.equals(table.dtypes)
        assert filled.notna().all(axis=None)
        seen = table[name].notna()
        assert filled[name][seen].tolist() == table[name][seen].tolist()
        assert {type(each) for each in filled[name]} <= {type(each) for each in table[name][seen]}


def test_decimals_are_imputed_as_numbers_with_their_places():
    table = pd.DataFrame({"beside": np.linspace(-1, 1, 24), "price": ODD["decimals"]})
    filled = MIWAEImputer(**QUICK).fit_transform(table)["price"]
    assert {each.as_tuple().exponent for each in filled} == {-2}
    numbers = table.assign(price=table["price"].map(float, na_action="ignore").astype(float))
    expected = MIWAEImputer(**QUICK).fit_transform(numbers)["price"]
    np.testing.assert_allclose(filled.astype(float), expected, atol=0.0051)
    narrow = table.assign(price=pd.Series(PRICES, dtype=pd.ArrowDtype(pa.decimal128(4, 2))))
    imputer = MIWAEImputer(**QUICK, limits={"price": (500, None)})
    with pytest.warns(AssumptionWarning):
        assert set(imputer.fit_transform(narrow)["price"][table["price"].isna()]) == {Decimal("99.99")}


def test_objects_whose_kind_is_said_are_taken_as_they_are():
    whole = pd.Series([None if row % 5 == 1 else row for row in range(400)], dtype=object)
    table = pd.DataFrame({"beside": np.linspace(-1, 1, 400), "x": whole})
    imputed = MIWAEImputer(**QUICK, kinds={"x": "continuous"}).fit_transform(table)["x"][whole.isna()]
    assert (imputed % 1 != 0).any()


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([Decimal("Infinity"), Decimal(1)], "column 'x': inf in row 0; accepted: finite numbers"),
        ([Decimal(1), "a"], "column 'x' holds Decimal('1'); accepted: text, finite numbers, truth values"),
        ([10**400, 1.5], "column 'x' mixes float, int; accepted: values of one type"),
    ],
)
def test_objects_that_are_no_numbers_are_refused(cells, said):
    table = pd.DataFrame({"beside": range(24), "x": pd.Series(cells * 12, dtype=object)})
    with pytest.raises(DataError, match=f"^{re.escape(said)}"):
        MIWAEImputer(**QUICK).fit(table)


def test_many_numbers_among_objects_are_numbers_and_few_are_codes():
    many = pd.Series([None if row % 5 == 1 else row / 3 for row in range(400)], dtype=object)
    table = pd.DataFrame({"beside": np.linspace(-1, 1, 400), "many": many, "few": [1, None, 3, 1] * 100})
    imputer = MIWAEImputer(**QUICK).fit(table.astype({"few": object}))
    assert [column.kind for column in imputer.columns_] == ["continuous", "continuous", "binary"]


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
def test_a_frame_of_polars_comes_out_as_one():
    polars = pytest.importorskip("polars")
    table = polars.DataFrame(
        {
            "whole": polars.Series([1, None, 250] * 8, dtype=polars.UInt8),
            "number": [1.5, None, float("nan"), 2.5] * 6,
            "text": ["a", None, "b"] * 8,
            "category": polars.Series(["u", None, "v"] * 8, dtype=polars.Enum(["none", "u", "v"])),
            "truth": [True, None, False] * 8,
            "price": polars.Series([Decimal("1.25"), None, Decimal("9.50")] * 8, dtype=polars.Decimal(6, 2)),
        }
    )
    imputer = NotMIWAEImputer("mcar", **QUICK).fit(table)
    for filled in (imputer.transform(table), imputer.complete(table, 1)[1][0], *imputer.sample(table, 1)):
        assert isinstance(filled, polars.DataFrame)
        assert filled.schema == table.schema
        assert sum(filled.null_count().row(0)) == 0
        assert filled["number"].is_nan().sum() == 0
        assert filled[0].equals(table[0])
    pandas = table.to_pandas().astype({"price": float})
    again = NotMIWAEImputer("mcar", **QUICK).fit(pandas.assign(number=table["number"].to_numpy()))
    np.testing.assert_allclose(
        again.transform(pandas)["number"], imputer.transform(table)["number"].to_numpy()
    )
    imputer.set_output(transform="pandas")
    assert isinstance(imputer.transform(table), pd.DataFrame)
    assert isinstance(imputer.set_output(transform="polars").transform(table), polars.DataFrame)
    assert len(imputer.check(table, 2).table)
    assert len(imputer.compare(table, ["mar", "mcar"]).table) == 2
    assert len(sensitivity(table, ["number"], ["mar"], n_draws=2, **QUICK).table) == 2
    with pytest.raises(DataError, match="the table is a LazyFrame of polars; accepted: a DataFrame"):
        imputer.fit(table.lazy())
    with pytest.raises(DataError, match="the table can't be read through Arrow: "):
        imputer.fit(table.with_columns(truth=table["whole"].cast(polars.Int128)))
    nothing = polars.DataFrame({name: [None] * 24 for name in table.columns})
    assert sum(imputer.set_output(transform="default").transform(nothing).null_count().row(0)) == 0
    indicated = MIWAEImputer(**QUICK, add_indicator=True, missing_values=250).fit_transform(table)
    assert indicated["missingindicator_whole"].to_list() == [False, True, True] * 8


# --- limits, and a fork


def test_what_was_seen_outside_of_limits_is_counted_and_stays():
    table = mixed()[["double", "count", "complete"]]
    limits = {"double": (-0.5, 0.5), "complete": (None, 20)}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", AssumptionWarning)
        filled = MIWAEImputer(**QUICK, limits=limits).fit_transform(table)
    outside = int((table["double"].abs() > 0.5).sum())
    (warning,) = [str(each.message) for each in said if issubclass(each.category, AssumptionWarning)]
    expected = f"values seen outside of `limits`, which stay as they are: double {outside}, complete 3"
    assert warning == expected
    seen = table["double"].notna()
    assert filled["double"][seen].equals(table["double"][seen])
