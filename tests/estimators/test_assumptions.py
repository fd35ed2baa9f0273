"""Assumptions in words: what they become, and which are refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
from user_tables import QUICK, gaussian, mixed

from notmiwae import MIWAEImputer, NotMIWAEImputer
from notmiwae.errors import AssumptionWarning, ParameterError
from notmiwae.estimators.assumptions import ASSUMPTIONS, UNKNOWN, missing_process
from notmiwae.estimators.columns import Column
from notmiwae.model.missing_process.by_column import ByColumnSpec
from notmiwae.model.missing_process.ignorable import IgnorableSpec

NUMBERS = (Column("x", "continuous"), Column("y", "count"))
NAMES = (*NUMBERS, Column("z", "categorical", ("a", "b", "c"), ordered=False))
MAR = ASSUMPTIONS["mar"]


@pytest.mark.parametrize("word", [word for word in ASSUMPTIONS if word != "category"])
def test_every_word_is_a_process_of_a_table_of_numbers(word):
    assert missing_process(word, NUMBERS) == ASSUMPTIONS[word]


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
@pytest.mark.parametrize("word", ASSUMPTIONS)
def test_every_word_fits_a_table_of_every_kind(word):
    table = mixed()
    imputer = NotMIWAEImputer(word, **QUICK)
    assert imputer.fit_transform(table).notna().all(axis=None)
    assert np.isfinite(imputer.score(table))


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
@pytest.mark.parametrize("word", ["high", "low", "unknown", "extreme", "middle"])
def test_more_and_less_isnt_said_of_categories_without_an_order(word):
    assert missing_process(word, NAMES) == ByColumnSpec(default=ASSUMPTIONS[word], columns={"z": MAR})
    learnt = NotMIWAEImputer(word, **QUICK).fit(mixed()).missing_process_
    assert not {"group", "text", "object"} & set(learnt["column"])
    assert {"grade", "truth", "double", "count"} <= set(learnt["column"])


def test_a_process_of_its_own_settings_is_taken_as_it_is():
    process = ASSUMPTIONS["high"].model_copy(update={"shared": True})
    assert missing_process(process, NUMBERS) is process
    assert missing_process({"x": process}, NUMBERS) == ByColumnSpec(default=MAR, columns={"x": process})


def test_columns_that_arent_named_are_missing_at_random():
    imputer = NotMIWAEImputer({"double": "high", "whole": "extreme", "text": "mcar"}, **QUICK).fit(mixed())
    learnt = imputer.missing_process_.set_index("column")["direction"]
    assert learnt.to_dict() == {"double": "high", "whole": "outside", "text": "any"}


def test_a_mapping_without_columns_is_missing_at_random():
    table = mixed()
    everywhere = NotMIWAEImputer({}, **QUICK).fit(table)
    pd.testing.assert_frame_equal(everywhere.transform(table), MIWAEImputer(**QUICK).fit_transform(table))
    assert missing_process({}, NUMBERS).default == IgnorableSpec()


def test_without_a_word_evidence_decides_and_one_warning_says_what_it_took():
    table = mixed()
    with pytest.warns(AssumptionWarning) as said:
        silent = NotMIWAEImputer(**QUICK).fit(table)
    (message,) = (str(each.message) for each in said if str(each.message).startswith("'auto'"))
    assert "see docs/assumptions.md" in message
    assert said[0].filename == __file__, "it names the line that fits"
    told = NotMIWAEImputer("auto", **QUICK).fit(table)
    pd.testing.assert_frame_equal(silent.transform(table), told.transform(table), check_exact=True)
    assert silent.assumptions_.equals(told.assumptions_)


def test_of_names_alone_there_is_no_direction_and_they_are_at_random():
    table = pd.DataFrame({"group": [None, *"aabb" * 5], "other": [*"xy" * 10, None]})
    with pytest.warns(AssumptionWarning, match="'auto': .* nothing; all else is imputed"):
        silent = NotMIWAEImputer(**QUICK).fit(table)
    plain = MIWAEImputer(**QUICK).fit(table)
    pd.testing.assert_frame_equal(silent.transform(table), plain.transform(table), check_exact=True)
    assert not len(silent.assumptions_)


@pytest.mark.parametrize("assumption", ["auto", {"double": "auto"}])
def test_auto_says_what_it_took(assumption):
    with pytest.warns(AssumptionWarning, match="'auto': what foretells held-out rows better .* nothing;"):
        imputer = NotMIWAEImputer(assumption, **QUICK).fit(mixed())
    assert set(imputer.assumptions_["assumption"]) == {"mar", "high", "low"}
    assert "group" not in set(imputer.assumptions_["column"]), "of names there is no high and no low"


@pytest.mark.parametrize("assumption", ["unknown", {"double": "unknown"}, ASSUMPTIONS["unknown"]])
def test_unknown_says_what_it_cant_tell(assumption):
    with pytest.warns(AssumptionWarning) as said:
        NotMIWAEImputer(assumption, **QUICK).fit(mixed())
    messages = [str(each.message) for each in said]
    assert messages[0] == UNKNOWN
    assert not any(text.startswith("'auto'") for text in messages)


@pytest.mark.parametrize("assumption", ["mar", "mcar", {}, {"double": "high"}])
def test_who_says_an_assumption_is_not_warned_of_it(assumption):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "'auto'|'unknown'", AssumptionWarning)
        NotMIWAEImputer(assumption, **QUICK).fit(mixed())


def test_of_a_complete_table_there_is_nothing_to_say():
    with warnings.catch_warnings():
        warnings.simplefilter("error", AssumptionWarning)
        NotMIWAEImputer(**QUICK).fit(mixed().dropna())


@pytest.mark.parametrize(
    ("assumption", "said"),
    [
        (
            "hihg",
            "missing_process: unknown assumption 'hihg'; did you mean 'high'? accepted: auto, high, low,",
        ),
        (5, "missing_process: unknown assumption 5; accepted: auto"),
        (None, "missing_process: unknown assumption None; accepted: auto"),
        (["high"], "missing_process: unknown assumption ['high']; did you mean 'high'? accepted: auto"),
        ({"x": "hihg"}, "missing_process: x: unknown assumption 'hihg'; did you mean 'high'? accepted: auto"),
        ({"x": ["high"]}, "missing_process: x: unknown assumption ['high']"),
        ({"w": "high"}, "missing_process: no column 'w'; accepted: x, y, z"),
        (
            {"x": "anything"},
            "missing_process: x: 'anything' is of a whole table; say it instead of a mapping",
        ),
        ({"z": "high"}, "missing_process: z: 'high': its categories have no order; accepted: 'mar', 'mcar'"),
    ],
)
def test_an_assumption_that_doesnt_fit_is_refused_in_one_line(assumption, said):
    with pytest.raises(ParameterError) as caught:
        missing_process(assumption, NAMES)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def error(imputer, seen, complete):
    """Root mean squared error of the missing cells."""
    missing = np.isnan(seen)
    return np.sqrt(np.mean((imputer.transform(seen) - complete)[missing] ** 2))


SMALL = {"steps": 200, "members": 1, "n_samples": 50, "hidden": (16,), "random_state": 0}


@pytest.mark.parametrize("side", [1, -1])
def test_the_right_direction_imputes_better_than_missing_at_random(side):
    complete, seen = (side * each for each in gaussian())
    at_random = error(MIWAEImputer(**SMALL).fit(seen), seen, complete)
    right = NotMIWAEImputer("high" if side == 1 else "low", **SMALL | {"steps": 400}).fit(seen)
    assert error(right, seen, complete) < 0.7 * at_random


@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
@pytest.mark.parametrize(("side", "direction"), [(1, "high"), (-1, "low")])
def test_members_together_find_an_unknown_direction(side, direction):
    complete, seen = (side * each for each in gaussian())
    unknown = NotMIWAEImputer("unknown", **SMALL | {"members": 5, "steps": 150}).fit(seen)
    assert unknown.missing_process_["direction"].tolist() == [direction]
    assert "members" not in unknown.missing_process_, "all of them have it"
    assert error(unknown, seen, complete) < 0.8 * error(MIWAEImputer(**SMALL).fit(seen), seen, complete)
