"""Limits that are known, cell by cell: against an oracle, and as users write them."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, truncnorm

from notmiwae import MIWAEImputer, NotMIWAEImputer
from notmiwae.errors import AssumptionWarning, DataError, ParameterError
from notmiwae.estimators.column_processes import takes_at_random
from notmiwae.estimators.interval_text import ends_of, read_interval, write_interval
from notmiwae.estimators.known_values import described
from notmiwae.estimators.sensitivity import sensitivity
from notmiwae.estimators.shifted_draws import shifted_draws

QUICK = {"steps": 60, "members": 2, "hidden": (16,), "n_samples": 50, "random_state": 0}
COVARIANCE = np.array([[1.0, 0.6, 0.5], [0.6, 1.0, 0.4], [0.5, 0.4, 1.0]])


def correlated(rows, seed=1):
    """A Gaussian table whose first column isn't seen below each row's own limit."""
    rng = np.random.default_rng(seed)
    complete = rng.multivariate_normal(np.zeros(3), COVARIANCE, rows)
    limit = rng.choice([-1.0, -0.3, 0.3], rows)
    table = pd.DataFrame(complete, columns=["a", "b", "c"]).assign(lod=limit)
    table.loc[table["a"] < limit, "a"] = np.nan
    return table, complete[:, 0]


def given_the_others(table):
    """The mean and deviation of the first column given the others, of each row."""
    slopes = np.linalg.solve(COVARIANCE[1:, 1:], COVARIANCE[0, 1:])
    return table[["b", "c"]].to_numpy() @ slopes, np.sqrt(1.0 - COVARIANCE[0, 1:] @ slopes)


def test_each_rows_own_limit_is_used_as_well_as_by_who_knows_the_gaussian():
    table, truth = correlated(1000)
    plain = np.random.default_rng(2).random(1000) < 0.1
    table.loc[plain, ["a", "lod"]] = np.nan  # lost, whatever the value
    gaps, limit = table["a"].isna().to_numpy(), table["lod"].to_numpy()
    mean, deviation = given_the_others(table)
    top = (np.where(plain, 0.0, limit) - mean) / deviation
    below = truncnorm(-np.inf, top, mean, deviation).mean()
    oracle = np.where(plain, mean, below)
    imputer = MIWAEImputer(censored={"a": (None, "lod")}, random_state=0).fit(table)
    completed, draws = imputer.complete(table, 20)

    def rmse(values):
        return np.sqrt(np.mean((values - truth)[gaps] ** 2))

    assert rmse(completed["a"].to_numpy()) < 1.05 * rmse(oracle)
    known = gaps & ~plain
    for each in [completed, *draws]:
        assert (each["a"].to_numpy()[known] <= limit[known]).all()
        pd.testing.assert_series_equal(each["lod"], table["lod"])
        assert each[["a", "b", "c"]].notna().all(axis=None)
    drawn = np.array([each["a"].to_numpy() for each in draws])
    uniform = norm.cdf((drawn - mean) / deviation) / norm.cdf((limit - mean) / deviation)
    # Draws are as spread as the truth: their levels, and those of the truth, are uniform.
    assert abs(uniform[:, known].mean() - 0.5) < 0.03
    assert abs(uniform[:, known].std() - 12**-0.5) < 0.03


def test_auto_takes_no_direction_from_gaps_beside_known_limits():
    table, _ = correlated(150)
    table.loc[::9, ["a", "lod"]] = np.nan
    imputer = NotMIWAEImputer(censored={"a": (None, "lod")}, **QUICK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        imputer.fit(table)
    assert not len(imputer.assumptions_)
    assert all(takes_at_random(member.process, "a") for member in imputer.members_)


@pytest.mark.parametrize("word", ["high", "low", "mar", "mcar", "extreme"])
def test_what_is_known_goes_with_every_word_and_through_all_that_is_asked(word, tmp_path):
    table, _ = correlated(120)
    table.loc[::9, ["a", "lod"]] = np.nan
    table.loc[::7, "b"] = np.nan
    known = table["a"].isna() & table["lod"].notna()
    imputer = NotMIWAEImputer({"a": word, "b": "mar"}, censored={"a": (None, "lod")}, **QUICK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        imputer.fit(table)
    completed, draws = imputer.complete(table, 3)
    assert all((each["a"] <= table["lod"])[known].all() for each in draws)
    assert np.isfinite(imputer.score_samples(table)).all()
    counted = imputer.check(table, 5).table
    own = counted[(counted["check"] == "column") & (counted["columns"] == "a")]
    assert (own["observed"] == (table["a"].isna() & ~known).sum()).all()
    imputer.save(tmp_path / "saved")
    again = MIWAEImputer.load(tmp_path / "saved")
    pd.testing.assert_frame_equal(again.transform(table), completed)
    np.testing.assert_array_equal(again.score_samples(table), imputer.score_samples(table))


def test_pieces_of_a_table_are_what_the_whole_would_be():
    table, _ = correlated(1100)
    imputer = MIWAEImputer(censored={"a": (None, "lod")}, **QUICK).fit(table.head(200))
    whole, draws = imputer.complete(table, 2)
    pieces = [imputer.complete(table[first : first + 1024], 2, first) for first in (0, 1024)]
    pd.testing.assert_frame_equal(pd.concat([mean for mean, _ in pieces]), whole)
    pd.testing.assert_frame_equal(pd.concat([drawn[1] for _, drawn in pieces]), draws[1])


def test_two_ends_counts_and_narrow_types_are_kept_to():
    rng = np.random.default_rng(0)
    z = rng.normal(size=200)
    table = pd.DataFrame(
        {"z": z, "visits": rng.poisson(np.exp(1 + 0.5 * z)), "share": (0.1 * z).astype(np.float32)}
    )
    gone = rng.random(200) < 0.3
    table["visits"] = table["visits"].astype("Int64").mask(gone)
    table["share"] = table["share"].mask(z > 1)
    censored = {"visits": (1.5, 4), "share": (0.1, None)}
    completed, draws = MIWAEImputer(censored=censored, **QUICK).fit(table).complete(table, 10)
    assert completed.dtypes.to_dict() == table.dtypes.to_dict()
    for each in [completed, *draws]:
        assert each["visits"][gone].between(2, 4).all()
        assert (each["share"][z > 1].astype(float) >= 0.1).all()


def test_new_rows_may_say_of_a_column_what_none_said_that_was_fitted():
    table, _ = correlated(100)
    full = table.drop(columns="lod").dropna()
    imputer = MIWAEImputer(**QUICK).fit(full)
    new = full.astype(object)
    new.iloc[:5, 1] = "<-1.5"
    assert (imputer.transform(new)["b"].iloc[:5] <= -1.5).all()


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("<0.5", (-np.inf, np.nextafter(0.5, 0))),
        ("≤ 0.5", (-np.inf, 0.5)),
        ("<=-1e3", (-np.inf, -1000.0)),
        (">100", (np.nextafter(100, 200), np.inf)),
        ("≥100", (100.0, np.inf)),
        ("[2,5]", (2.0, 5.0)),
        ("[2; 5)", (2.0, np.nextafter(5, 0))),
        ("]2,5]", (np.nextafter(2, 3), 5.0)),
    ],
)
def test_cells_say_between_which_ends_they_lie(text, ends):
    found = read_interval(text)
    assert ends_of(found) == ends
    assert ends_of(read_interval(write_interval(found))) == ends


@pytest.mark.parametrize(
    "text", ["", "<", "<LOD", "5", "[5,2]", "[2]", "(12)", "<inf", "<1_0", "2-5", "<" * 999]
)
def test_other_texts_say_nothing(text):
    assert read_interval(text) is None


def read(cells, **said_of_it):
    table = pd.DataFrame({"x": pd.Series(cells, dtype=object), "y": np.arange(len(cells)) * 0.5})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = described(table, said_of_it.get("kinds"), None, said_of_it.get("censored"))
    return *found, [str(each.message) for each in said]


def test_a_column_of_texts_is_one_of_numbers_where_all_others_are():
    table, columns, values, known, said = read(["<0.5", "0.7", None, "1.5", ">9"])
    assert columns[0].kind == "continuous"
    assert table["x"].isna().tolist() == [True, False, True, False, True]
    assert known.columns == (0,)
    assert known.ends[2, 0].tolist() == [-np.inf, np.inf]
    assert np.isnan(values[:, 0]).tolist() == [False, False, True, False, False]
    assert said == ["x: 2 cells, as '<0.5', are read as known to lie there"]
    assert read(["<5", 7, 3, None])[1][0].kind == "count"


@pytest.mark.parametrize("cells", [["<18", "18-30", ">65"], ["<a", "b", "<a"], ["<18", ">65", "<18"]])
def test_a_column_of_names_stays_one(cells):
    _, columns, _, known, said = read(cells)
    assert columns[0].kind in ("categorical", "binary")
    assert (known, said) == (None, [])
    assert read(["<1", "2", "3"], kinds={"x": "categorical"})[1][0].kind == "categorical"


def test_a_column_of_nothing_but_brackets_can_be_said_to_hold_numbers():
    table, truth = correlated(200)
    edges = np.array([-1.0, 0.0, 1.0])
    place = np.digitize(truth, edges)
    bounds = [-np.inf, *edges, np.inf]
    table["a"] = pd.Series([pd.Interval(bounds[each], bounds[each + 1]) for each in place], dtype=object)
    completed = MIWAEImputer(kinds={"a": "continuous"}, **(QUICK | {"steps": 300})).fit_transform(
        table.drop(columns="lod")
    )
    assert (np.digitize(completed["a"], edges) == place).all()
    assert np.corrcoef(completed["a"], truth)[0, 1] > 0.93


ODD = ["<0.5", ">3", "[1,2]", "(1;1)", "<1e300", "[-1e308,1e308]", "1", "2.5", "9" * 400, "<", "−1", " "]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from([*ODD, None, 3, 10**400, True, pd.Interval(0, 1)]), min_size=2, max_size=6),
    st.sampled_from([None, "continuous", "count", "categorical"]),
    st.tuples(*[st.sampled_from([None, 0, 1.5, -np.inf, 1e300, "y"])] * 2),
)
def test_whatever_cells_and_ends_hold_is_read_or_refused_in_a_line(cells, kind, pair):
    try:
        _, _, values, known, _ = read(cells, kinds={"x": kind} if kind else None, censored={"x": pair})
    except (DataError, ParameterError) as error:
        said = str(error)
    else:
        said = ""
        mask = np.zeros(values.shape, dtype=bool) if known is None else known.mask(2)
        assert np.isfinite(values[mask]).all()
        assert known is None or (known.ends[..., 0] < known.ends[..., 1]).all()
    assert "\n" not in said


@pytest.mark.parametrize(
    ("censored", "error", "message"),
    [
        ({"q": (None, 1)}, ParameterError, "censored: no column 'q'"),
        ({"x": 1}, ParameterError, "censored: x: found 1; accepted: a lower and an upper end"),
        ({"x": (None, None)}, ParameterError, "one of which may be None"),
        ({"x": (None, "q")}, ParameterError, "censored: x: no column 'q'"),
        ({"x": (3, 2)}, ParameterError, "censored: x: found 3 and 2 in row 0; accepted: the lower end first"),
        ({"x": (True, None)}, ParameterError, "censored: x: found True; accepted: a number, the name of"),
        ({"x": (2, 2)}, DataError, "column 'x': known to lie from 2 to 2 in row 2; accepted: ends with"),
        ({"g": (None, 2)}, DataError, "censored: column 'g': 'u' is no number"),
        ({"h": (None, 2)}, ParameterError, "censored: h: is binary; accepted: columns of numbers"),
        ({"x": (None, "g")}, DataError, "censored: x: column 'g': 'u' is no number"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(censored, error, message):
    table = pd.DataFrame({"x": [0.5, 1.5, None, 3.0], "g": ["u", "v", "w", None], "y": [1.0, 2.0, 3.0, 4.5]})
    table["h"] = pd.Series([True, False, None, True], dtype="boolean")
    with pytest.raises(error) as raised:
        MIWAEImputer(censored=censored, **QUICK).fit(table)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_limit_that_is_the_same_everywhere_is_one_and_a_process_of_the_whole_row_is_none():
    table, _ = correlated(60)
    table["lod"] = 1
    table.loc[table["a"].isna(), "b"] = np.nan
    completed = MIWAEImputer(censored={"a": (None, "lod")}, **QUICK).fit_transform(table)
    assert (completed["a"] <= 1)[table["a"].isna()].all()
    assert completed["lod"].dtype == table["lod"].dtype
    with pytest.raises(ParameterError, match=r"as known limits .* accepted: another than 'anything'"):
        NotMIWAEImputer("anything", censored={"a": (None, "lod")}, **QUICK).fit(table)


def test_limits_of_the_column_narrow_what_is_known_and_may_not_contradict_it():
    table = pd.DataFrame({"x": [0.5, 1.5, None, 3.0], "y": [1.0, 2.0, 3.0, 4.5]})
    *_, known = described(table, None, {"x": (0, None)}, {"x": (None, 1)})
    assert known.ends[2, 0].tolist() == [0.0, 1.0]
    with pytest.raises(DataError, match=r"known to lie from -inf to -1 in row 2; .* within its limits"):
        described(table, None, {"x": (0, None)}, {"x": (None, -1)})


def test_a_delta_shifts_plain_gaps_alone():
    table, _ = correlated(120)
    table.loc[::9, ["a", "lod"]] = np.nan
    table.loc[::7, "b"] = np.nan
    known = (table["a"].isna() & table["lod"].notna()).to_numpy()
    imputer = MIWAEImputer(censored={"a": (None, "lod")}, **QUICK).fit(table)
    unmoved, moved = (shifted_draws(imputer, table, {"a": d}, n_draws=2, sweeps=0)[0]["a"] for d in (0, 3))
    assert (unmoved == moved)[known].all()
    assert (moved > unmoved + 1)[table["a"].isna() & ~known].all()
    followed = shifted_draws(imputer, table, {"b": 1.0}, n_draws=2, sweeps=2)
    assert all((each["a"] <= table["lod"])[known].all() for each in followed)


def test_sensitivity_keeps_to_what_cells_say():
    table, _ = correlated(120)
    said = table["a"].astype(object).where(table["a"].notna(), "<" + table["lod"].astype(str))
    table = table.assign(a=said).drop(columns="lod")
    table.loc[::9, "a"] = np.nan
    quick = QUICK | {"steps": 20}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        found = sensitivity(table, assumptions=("mar", "low"), deltas=(0.0, 1.0), n_draws=2, **quick)
        compared = NotMIWAEImputer(**quick).compare(table, ("mar", "low"))
    assert set(found.table["assumption"]) == {"observed", "mar", "low"}
    assert np.isfinite(compared.rows.to_numpy()).all()
