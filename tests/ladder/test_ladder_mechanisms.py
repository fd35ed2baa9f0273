"""The ladder's mechanisms: p(s | x) is how often masks occur, and each depends on what it should."""

import itertools

import numpy as np
import pandas as pd
import pytest

from notmiwae.errors import ParameterError
from notmiwae.mechanisms.mechanism import mechanisms
from notmiwae.randomness import generator
from notmiwae.specs import parse_entry

ROWS = 40_000
TABLE = pd.DataFrame(generator(0, "ladder").normal(size=(2_000, 3)), columns=["a", "b", "c"])
ENTRIES = [
    {"kind": "mcar", "rate": 0.3},
    {"kind": "joint_dropout", "columns": ["a", "b"], "slope": -2.0, "rate": 0.3},
    {"kind": "joint_dropout", "slope": 2.0, "rate": 0.4, "groups": [["a", "c"]], "allow_empty_rows": True},
    {"kind": "muzellec", "columns": ["a", "b"], "given": ["c"], "slope": 2.0, "rate": 0.3},
    {
        "kind": "value_and_context",
        "columns": ["a"],
        "given": ["c"],
        "slope": 1.5,
        "context": -1.0,
        "rate": 0.3,
    },
    {"kind": "random_and_limit", "columns": ["a", "b"], "below": 0.2, "at_random": 0.2},
    {"kind": "opposite_directions", "columns": ["a", "b"], "slope": 2.0, "rate": 0.3},
]


def built(entry: dict):
    return parse_entry(mechanisms, entry, "mechanism")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["kind"])
def test_the_likelihood_of_a_mask_is_how_often_it_occurs(entry: dict) -> None:
    mechanism = built(entry)
    row = TABLE.iloc[[5]]
    repeated = pd.concat([TABLE, *[row] * ROWS], ignore_index=True)
    probability = mechanism.rule(repeated)(row) if hasattr(mechanism, "rule") else mechanism.probability(row)
    drawn = mechanism.missing(repeated, generator(1))[len(TABLE) :]
    total = 0.0
    for mask in itertools.product([False, True], repeat=3):
        share = (drawn == mask).all(axis=1).mean()
        expected = np.exp(mechanism.log_likelihood(np.array([mask]), probability, TABLE.columns))[0]
        assert share == pytest.approx(expected, abs=5 * np.sqrt(0.25 / ROWS))
        total += expected
    assert total == pytest.approx(1.0)


def test_joint_dropout_has_the_same_rates_as_self_masking_but_gaps_together() -> None:
    alone = built({"kind": "self_masking_logistic", "columns": ["a", "b"], "slope": -1.0, "rate": 0.3})
    joint = built({"kind": "joint_dropout", "columns": ["a", "b"], "slope": -1.0, "rate": 0.3})
    np.testing.assert_array_equal(alone.probability(TABLE), joint.probability(TABLE))
    both = [m.missing(TABLE, generator(3))[:, :2].all(axis=1).mean() for m in (alone, joint)]
    assert both[1] > 2 * both[0]


def test_muzellecs_values_decide_over_no_value_of_their_own() -> None:
    probability = built(ENTRIES[3]).probability(TABLE)
    assert (probability[:, 2] == 0.3).all()
    assert np.corrcoef(probability[:, 0], TABLE["c"])[0, 1] > 0.9
    assert abs(np.corrcoef(probability[:, 0], TABLE["a"])[0, 1]) < 0.1


def test_value_and_context_depends_on_both_as_told() -> None:
    probability = built(ENTRIES[4]).probability(TABLE)[:, 0]
    z = (TABLE - TABLE.mean()) / TABLE.std(ddof=0)
    score = np.log(probability / (1 - probability)) - 1.5 * z["a"] + 1.0 * z["c"]
    assert np.ptp(score) < 1e-9
    with pytest.raises(ParameterError, match="the context must stay complete"):
        built(ENTRIES[4] | {"columns": ["c"]})


def test_row_limit_hides_what_lies_below_the_rows_own_limit() -> None:
    table = TABLE.assign(limit=generator(4).normal(size=len(TABLE)))
    mechanism = built({"kind": "row_limit", "columns": ["a"], "limit": "limit", "rate": 0.3})
    gone = mechanism.missing(table, generator(0))[:, 0]
    above = table["a"] / table["a"].std() - table["limit"] / table["limit"].std()
    assert above[gone].max() <= above[~gone].min()
    assert gone.mean() == pytest.approx(0.3, abs=1e-3)


def test_a_hidden_category_is_missing_more_often() -> None:
    table = pd.DataFrame({"code": np.arange(3_000) % 3, "x": 0.5})
    mechanism = built(
        {"kind": "hidden_category", "columns": ["code"], "code": 1, "hidden": 0.7, "others": 0.1}
    )
    assert mechanism.rowwise
    np.testing.assert_array_equal(mechanism.probability(table)[:3, 0], [0.1, 0.7, 0.1])
