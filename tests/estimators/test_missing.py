"""What is said of columns beyond a word: drivers, a share at random, groups of gaps, rates by category."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from scipy.stats import norm
from user_tables import QUICK, mixed

from notmiwae import Missing, NotMIWAEImputer
from notmiwae.errors import ParameterError
from notmiwae.estimators.assumptions import ASSUMPTIONS, missing_process, trimmed
from notmiwae.estimators.choice import undecided
from notmiwae.estimators.columns import Column
from notmiwae.estimators.missing import TOGETHER
from notmiwae.estimators.storage import load

NUMBERS = (Column("x", "continuous"), Column("y", "continuous"))
NAMES = (*NUMBERS, Column("z", "categorical", ("a", "b", "c"), ordered=False))


def survey() -> pd.DataFrame:
    """Numbers and a category, all but one column with gaps."""
    rng = np.random.default_rng(0)
    age = rng.normal(40, 10, 120)
    table = pd.DataFrame(
        {
            "age": age,
            "wage": 0.5 * age + rng.normal(0, 5, 120),
            "hours": rng.normal(30, 4, 120),
            "region": pd.Series(rng.choice(["north", "south", "west"], 120)).astype("category"),
        }
    )
    for place, name in enumerate(["wage", "hours", "region"]):
        table.loc[rng.random(120) < 0.2 + 0.05 * place, name] = None
    return table


def test_what_is_said_becomes_a_process_by_column():
    said = {"x": Missing("low", given=["y"], at_random=True), "y": "high"}
    process = missing_process(said, NUMBERS)
    found = process.columns["x"]
    assert (found.direction, found.given, found.at_random) == ("low", ("y",), True)
    assert process.columns["y"] == ASSUMPTIONS["high"]
    assert missing_process({"z": "category"}, NAMES).columns["z"].direction == "code"


def test_a_word_leaves_open_what_else_decides_and_whether_gaps_have_one_cause():
    for word in ("high", "low", "unknown"):
        process = missing_process(word, NUMBERS)
        assert (process.direction, process.given, process.together) == (word, "perhaps", TOGETHER)
        assert missing_process(Missing(word), NUMBERS) == process
        plain = missing_process(Missing(word, given="nothing"), NUMBERS, {})
        assert (plain.default.given, plain.default.together) == ((), None)
    for word in ("mar", "category"):
        assert (Missing(word).process().given, Missing(word).process().together) == ((), None)


def test_what_a_table_has_no_place_for_is_left_out():
    names = ("x", "y", "z")
    process = missing_process({"x": "low", "y": "high"}, NUMBERS)

    def left(gaps):
        found = trimmed(process, names, gaps).columns
        return [(found[name].given, found[name].together) for name in ("x", "y")]

    assert left(["x", "y"]) == [("perhaps", TOGETHER)] * 2
    assert left(["x", "y", "z"]) == [((), TOGETHER)] * 2
    # One column's gaps have no cause in common with any.
    assert left(["x", "z"]) == [("perhaps", None)] * 2
    named = missing_process({"x": Missing("low", given=["y"])}, NUMBERS, {"visit": ["x"]})
    assert trimmed(named, names, names).columns["x"] == named.columns["x"]


def test_the_greatest_of_many_drivers_are_listed():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(150, 9)), columns=list("abcdefghi"))
    table.loc[rng.random(150) < 0.3, "a"] = np.nan
    imputer = NotMIWAEImputer({"a": Missing("low", given="complete")}, **QUICK).fit(table)
    listed = imputer.missing_process_["given"][0].split(", ")
    assert len(listed) == 7
    assert listed[-1] == "2 more"
    member = imputer.members_[0].model.missing_process.learnt()[0]["given"]
    sizes = {table.columns[feature]: abs(value) for feature, _, value in member}
    if len(imputer.members_) == 1:
        assert [each.split()[0] for each in listed[:-1]] == sorted(sizes, key=sizes.get, reverse=True)[:6]


def test_columns_of_a_group_share_a_latent_whatever_is_said_of_them():
    process = missing_process({"x": "low"}, NUMBERS, {"visit": ["x", "y"]})
    assert {name: (each.direction, each.together) for name, each in process.columns.items()} == {
        "x": ("low", "visit"),
        "y": ("none", "visit"),
    }
    everywhere = missing_process("high", NUMBERS, {"first": ["x"], "second": ["y"]})
    assert [each.together for each in everywhere.columns.values()] == ["first", "second"]


@pytest.mark.parametrize(
    ("said", "groups", "message"),
    [
        ({"x": "extreme"}, {"g": ["x"]}, "groups: g: column 'x': two_sided takes no group"),
        ({"x": "low"}, {"g": ["w"]}, "groups: g: no column 'w'"),
        ({"x": "low"}, {"g": ["x"], "h": ["x"]}, "column 'x' is in g and in h"),
        ({"x": "low"}, {"g": "x"}, "groups: g: found 'x'; accepted: a list of columns"),
        ({"x": "category"}, None, "it has no categories without an order"),
        ({"z": Missing("low", given="complete")}, None, "its categories have no order"),
        ({"z": "low"}, None, "accepted: 'mar', 'mcar', 'category'"),
    ],
)
def test_what_doesnt_fit_is_named(said, groups, message):
    with pytest.raises(ParameterError, match=message):
        missing_process(said, NAMES, groups)


def test_one_curve_of_several_columns_has_one_width_in_their_standard_deviations(tmp_path):
    table = survey()
    said = {name: Missing("low", given="nothing", one_curve=True) for name in ("wage", "hours")}
    imputer = NotMIWAEImputer(said, **QUICK).fit(table)
    scale = dict(zip(table, imputer.members_[0].scaling.scale, strict=True))
    widths = imputer.missing_process_.set_index("column")["width"]
    assert widths["wage"] / scale["wage"] == pytest.approx(widths["hours"] / scale["hours"])
    apart = {name: Missing("low", given="nothing") for name in said}
    widths = NotMIWAEImputer(apart, **QUICK).fit(table).missing_process_.set_index("column")["width"]
    assert widths["wage"] / scale["wage"] != pytest.approx(widths["hours"] / scale["hours"])
    imputer.save(tmp_path / "model")
    assert load(tmp_path / "model", [NotMIWAEImputer]).missing_process == said


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
def test_groups_without_an_assumption_are_weighed_with_each_direction():
    process = missing_process("auto", NAMES, {"work": ["x", "y"]})
    for each in undecided(process, ["x", "y"]):
        assert list(each.candidates) == ["mar", "high", "low"]
        assert [each.candidates[word].together for word in ("high", "low")] == ["work", "work"]
    imputer = NotMIWAEImputer(groups={"work": ["wage", "hours"]}, **QUICK).fit(survey())
    assert set(imputer.assumptions_["column"]) >= {"wage", "hours"}
    assert imputer.transform(survey()).notna().all(axis=None)


def test_a_word_that_fits_no_column_is_an_error():
    with pytest.raises(ParameterError, match="'category' is said of no column"):
        missing_process("category", NUMBERS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lo",), "Missing: unknown word 'lo'; did you mean 'low'"),
        (("extreme",), "accepted: high, low, unknown, mar, category"),
        (("low", "age"), "given: found 'age'; accepted: a list of names"),
    ],
)
def test_what_missing_doesnt_take_is_named(arguments, message):
    with pytest.raises(ParameterError, match=message):
        Missing(*arguments)


def test_a_driver_that_isnt_there_is_named_at_fit():
    imputer = NotMIWAEImputer({"wage": Missing("low", given=["sex"])}, **QUICK)
    with pytest.raises(ParameterError, match="given: wage: found 'sex'"):
        imputer.fit(survey())


def test_everything_together_fits_imputes_reports_and_is_saved(tmp_path):
    table = survey()
    said = {
        "wage": Missing("low", given=["age", "region"], at_random=True),
        "hours": "high",
        "region": Missing("category", given="complete"),
    }
    imputer = NotMIWAEImputer(said, groups={"work": ["wage", "hours"]}, **QUICK)
    completed = imputer.fit_transform(table)
    assert completed.notna().all(axis=None)
    learnt = imputer.missing_process_.set_index("column")
    assert learnt["direction"].to_dict() == {"wage": "low", "hours": "high", "region": "any"}
    assert 0 < learnt.loc["wage", "at_random"] < 1
    assert "age " in learnt.loc["wage", "given"]
    assert "region=west " in learnt.loc["wage", "given"]
    assert learnt["together"].notna().tolist() == [True, True, False]
    imputer.plot_missing_process(table)
    imputer.save(tmp_path / "model")
    again = load(tmp_path / "model", [NotMIWAEImputer])
    assert again.missing_process == said
    assert again.groups == {"work": ("wage", "hours")}
    pd.testing.assert_frame_equal(again.transform(table), completed)


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
def test_unknown_directions_are_found_with_drivers_too():
    table = survey()
    said = {"wage": Missing("unknown", given=["age"]), "hours": Missing("unknown")}
    imputer = NotMIWAEImputer(said, **QUICK).fit(table)
    assert set(imputer.missing_process_["direction"]) <= {"high", "low"}


def test_a_table_of_every_kind_has_drivers_of_every_kind():
    table = mixed()
    said = {name: Missing("mar", given="others") for name in table.columns[table.isna().any()]}
    assert NotMIWAEImputer(said, **QUICK).fit_transform(table).notna().all(axis=None)


def test_gaps_that_come_together_are_no_proof_of_extreme_values():
    """One coin a row decides on all three columns; alone, each gap would say that its value is low."""
    rng = np.random.default_rng(4)
    complete = rng.multivariate_normal(np.zeros(4), 0.5 + 0.5 * np.eye(4), size=600)
    coin = rng.normal(size=(600, 1))
    gone = rng.random((600, 3)) < ndtr((-complete[:, :3] - 1.2 + 2.5 * coin) / 1.5)
    table = pd.DataFrame(complete, columns=list("abcd"))
    table.iloc[:, :3] = table.iloc[:, :3].mask(gone)
    bias = {}
    # Who says nothing of groups has one.
    for name, groups in (("alone", {}), ("together", None)):
        imputer = NotMIWAEImputer(
            dict.fromkeys("abc", "low"), groups=groups, members=2, steps=400, random_state=0
        )
        imputed = imputer.fit_transform(table).to_numpy()
        bias[name] = float((imputed - complete)[:, :3][gone].mean())
    assert bias["alone"] < -0.8
    assert abs(bias["together"]) < 0.5 * abs(bias["alone"])


def test_a_driver_that_decides_with_the_value_is_found():
    """High values go missing, sooner where a complete column is high: the edge moves by minus that column."""
    rng = np.random.default_rng(0)
    complete = rng.multivariate_normal(np.zeros(3), 0.5 + 0.5 * np.eye(3), size=600)
    gone = rng.random(600) < ndtr(2.0 * (complete[:, 0] - 0.5 + complete[:, 2]))
    table = pd.DataFrame(complete, columns=list("abc"))
    table.loc[gone, "a"] = np.nan
    errors, settings = {}, {"members": 2, "steps": 250, "random_state": 0}
    told = {"alone": Missing("high", given="nothing"), "word": "high", "driven": Missing("high", given=["c"])}
    for name, said in told.items():
        imputer = NotMIWAEImputer({"a": said}, **settings).fit(table)
        imputed = imputer.transform(table).to_numpy()
        errors[name] = np.sqrt(np.mean((imputed - complete)[gone, 0] ** 2))
    # The best possible: a given the others is Gaussian, and beyond an edge that c moves.
    mean, variance = complete[:, 1:].sum(1) / 3, 2 / 3
    spread = np.sqrt(1 + 4 * variance)
    t = 2.0 * (mean - 0.5 + complete[:, 2]) / spread
    best = mean + 2.0 * variance / spread * norm.pdf(t) / ndtr(t)
    limit = np.sqrt(np.mean((best - complete[:, 0])[gone] ** 2))
    assert errors["driven"] < 1.2 * limit
    assert errors["driven"] < 0.8 * errors["alone"]
    # It's found where nobody said it.
    assert errors["word"] < 1.1 * errors["driven"]
    learnt = imputer.missing_process_.iloc[0]
    assert learnt["midpoint"] == pytest.approx(0.5, abs=0.4)
    assert float(learnt["given"].removeprefix("c ").replace("−", "-")) == pytest.approx(-1.0, abs=0.3)
