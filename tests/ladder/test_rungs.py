"""Every rung on every table that it fits: rates, directions, what stays complete."""

import numpy as np
import pandas as pd
import pytest
from ladder_params import ladder

from notmiwae.errors import ParameterError
from notmiwae.estimators.assumptions import ASSUMPTIONS
from notmiwae.mechanisms.mechanism import CalibratedMechanism, apply_mechanism
from notmiwae.randomness import generator
from notmiwae.specs import parse_spec
from study.ladder.rungs import LIMIT, LadderSpec, Said

LADDER = parse_spec(LadderSpec, ladder()["ladder"], "ladder")
PAIRS = list(LADDER.pairs())
RATES = {"random_and_limit": 0.2 + 0.8 * 0.2, "hidden_category": None}
CONTRACT = {
    "mcar",
    "mar",
    "muzellec",
    "self_masking",
    "threshold",
    "low",
    "extreme",
    "value_and_context",
    "row_limit",
    "joint_dropout",
    "random_and_limit",
    "hidden_category",
    "directions",
}
METHODS = {"auto", "unknown", "told", "miwae", "mice", "missforest", "knn", "mean", "constant", "oracle"}


def cell(rung: str, name: str) -> tuple[pd.DataFrame, pd.DataFrame, CalibratedMechanism]:
    """A complete table, the same masked, and the mechanism."""
    table = LADDER.tables[name]
    complete = table.draw(0, name, 0)
    if LADDER.rungs[rung].limit:
        complete[LIMIT] = generator(1).normal(size=len(complete))
    mechanism = LADDER.rungs[rung].built(table, list(complete.columns))
    return complete, apply_mechanism(mechanism, complete, generator(2, rung, name)), mechanism


def test_names_are_those_that_others_rely_on() -> None:
    assert set(LADDER.rungs) == CONTRACT
    assert {*LADDER.methods, *LADDER.estimators} >= METHODS


@pytest.mark.parametrize(("rung", "name"), PAIRS)
def test_a_rung_meets_its_rate_in_each_losing_column_and_spares_the_others(rung: str, name: str) -> None:
    complete, masked, _ = cell(rung, name)
    gone = masked.isna().mean()
    losing = [column for column in masked.columns if gone[column] > 0]
    assert len(complete) <= 1000
    assert 0 < len(losing) < masked.shape[1]
    pd.testing.assert_frame_equal(masked.fillna(complete).astype(float), complete.astype(float))
    rate = RATES.get(rung, 0.3)
    if rate is None:
        return
    # Five standard deviations of a share; ties in measured columns move a quantile.
    slack = 5 * np.sqrt(rate * (1 - rate) / len(masked))
    ties = max(complete[column].value_counts(normalize=True).max() for column in losing)
    assert (gone[losing] - rate).abs().max() < slack + (ties if ties > 2 / len(masked) else 0)


@pytest.mark.parametrize(("rung", "name"), PAIRS)
def test_told_words_are_words_and_high_and_low_are_true(rung: str, name: str) -> None:
    complete, masked, _ = cell(rung, name)
    words = LADDER.rungs[rung].words([column for column in masked if masked[column].isna().any()])
    assert set(words.values()) <= set(ASSUMPTIONS)
    for column, word in words.items():
        gone = masked[column].isna()
        lift = complete.loc[gone, column].mean() - complete.loc[~gone, column].mean()
        if word in ("high", "low"):
            assert lift > 0 if word == "high" else lift < 0


def test_what_is_described_is_what_the_mechanism_does() -> None:
    """The columns that decide, chance, a common cause: said where they play a part, and nowhere else."""
    found = {}
    for rung, spec in LADDER.rungs.items():
        _, masked, mechanism = cell(rung, "mixed" if rung == "hidden_category" else "gaussian6")
        losing = [column for column in masked if masked[column].isna().any()]
        said = spec.describe(losing, mechanism)
        if said is not None:
            found[rung] = said
    losing = ["x_1", "x_2", "x_3"]
    low, high = dict.fromkeys(losing, "low"), dict.fromkeys(losing, "high")
    assert found == {
        "value_and_context": Said(high, given=["x_4"]),
        "row_limit": Said(low, given=[LIMIT]),
        "random_and_limit": Said(low, at_random=True),
        "joint_dropout": Said(low, groups={"group": losing}),
        "hidden_category": Said({"region": "category"}),
    }


@pytest.mark.parametrize(("rung", "name"), [pair for pair in PAIRS if pair[1] in ("gaussian6", "log_normal")])
def test_the_rule_of_a_mechanism_is_its_probability_on_the_table_itself(rung: str, name: str) -> None:
    complete, _, mechanism = cell(rung, name)
    if isinstance(mechanism, CalibratedMechanism):
        rule = mechanism.rule(complete)
        np.testing.assert_allclose(rule(complete), mechanism.probability(complete))
        # Other rows change nothing.
        np.testing.assert_allclose(rule(complete[:7]), mechanism.probability(complete)[:7])


def test_real_tables_are_drawn_anew_for_each_replicate_without_repetition() -> None:
    table = LADDER.tables["red"]
    one, other = (table.draw(0, "red", replicate) for replicate in (0, 1))
    assert len(one) == len(other) == 1000
    assert not one.equals(other)
    pd.testing.assert_frame_equal(one, table.draw(0, "red", 0))


def test_what_names_no_column_or_table_is_refused() -> None:
    params = ladder()["ladder"]
    params["rungs"]["mcar"] = params["rungs"]["mcar"] | {"tables": ["gausian6"]}
    with pytest.raises(ParameterError, match="no table 'gausian6'; did you mean 'gaussian6'"):
        list(parse_spec(LadderSpec, params, "ladder").pairs())
    table = LADDER.tables["gaussian6"].model_copy(update={"losing": ("x_9",)})
    with pytest.raises(ParameterError, match="losing: no column 'x_9'"):
        table.losing_columns(["x_1", "x_2"])
    with pytest.raises(ParameterError, match="losing: found 3 of 2 columns"):
        table.model_copy(update={"losing": 3}).losing_columns(["x_1", "x_2"])
