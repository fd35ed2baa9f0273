"""What was learnt of the missing process: a table in the columns' own units, and a figure."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from user_tables import QUICK, gaussian, mixed

from notmiwae import Missing, MIWAEImputer, NotMIWAEImputer
from notmiwae.errors import DataError, ParameterError

COLUMNS = ["column", "direction", "midpoint", "upper_midpoint", "width", "rate"]


@pytest.fixture(scope="module")
def cut():
    """An imputer of values of mean 100 and deviation 15 that are missing above 100, and its table."""
    _, seen = gaussian(300, mean=100, deviation=15)
    table = pd.DataFrame(seen, columns=["score", "beside"])
    said = Missing("high", given="nothing")
    imputer = NotMIWAEImputer(said, steps=200, members=2, n_samples=20, hidden=(16,), random_state=0)
    return imputer.fit(table), table


def test_the_edge_is_found_in_the_columns_unit(cut):
    learnt = cut[0].missing_process_
    assert learnt.columns.tolist() == COLUMNS
    assert learnt[["column", "direction"]].to_numpy().tolist() == [["score", "high"]]
    assert 95 < learnt.loc[0, "midpoint"] < 105
    assert 0 < learnt.loc[0, "width"] < 15
    assert learnt[["upper_midpoint", "rate"]].isna().all(axis=None)


def test_the_edge_is_where_the_learnt_probability_is_one_half(cut):
    imputer, _ = cut
    (member, _), learnt = imputer.members_, NotMIWAEImputer.missing_process_.fget
    alone = NotMIWAEImputer("high", **QUICK)
    alone.members_, alone.columns_ = [member], imputer.columns_
    found = learnt(alone).loc[0]
    at = found["midpoint"] + found["width"] * np.array([-0.5, 0, 0.5])
    probability = member.missing_probability(np.column_stack([at, np.full(3, 100.0)]))[:, 0]
    np.testing.assert_allclose(probability, [0.1, 0.5, 0.9], atol=1e-3)


def test_two_edges_are_in_order_and_a_rate_is_a_rate():
    table = mixed(60)
    assumptions = {"double": "extreme", "whole": "middle", "text": "mcar"}
    learnt = NotMIWAEImputer(assumptions, **QUICK).fit(table).missing_process_.set_index("column")
    assert learnt["direction"].to_dict() == {"double": "outside", "whole": "inside", "text": "any"}
    assert (learnt["midpoint"] < learnt["upper_midpoint"])[["double", "whole"]].all()
    assert learnt.loc["text", "rate"] == pytest.approx(table["text"].isna().mean(), abs=0.1)


def test_a_process_with_more_edges_than_the_table_has_columns_for_is_refused(cut, monkeypatch):
    process = type(cut[0].members_[0].model.missing_process)
    monkeypatch.setattr(process, "learnt", lambda _: [{"column": 0, "midpoints": [0.0, 1.0, 2.0]}])
    with pytest.raises(DataError, match="column 'score': its process has 3 midpoints"):
        _ = cut[0].missing_process_


def test_members_that_disagree_say_so():
    _, seen = gaussian(60)
    imputer = NotMIWAEImputer("high", **QUICK).fit(seen)
    imputer.members_ += NotMIWAEImputer("low", **QUICK).fit(seen).members_
    assert imputer.missing_process_["direction"].tolist() == ["high / low"]


@pytest.mark.parametrize("imputer", [MIWAEImputer(**QUICK), NotMIWAEImputer("anything", **QUICK)])
def test_without_edges_the_table_is_empty(imputer):
    learnt = imputer.fit(mixed()).missing_process_
    assert learnt.empty
    assert learnt.columns.tolist() == COLUMNS


def titles(figure):
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


@pytest.mark.parametrize("word", ["high", "extreme", "mcar", "anything"])
def test_the_figure_has_a_panel_for_each_column_that_can_be_missing(word):
    table = mixed()
    missing = [name for name in table if table[name].isna().any()]
    imputer = NotMIWAEImputer(word, **QUICK).fit(table)
    expected = {"double", "single", "whole", "signed", "count", "small", "truth", "grade"}
    shown = titles(imputer.plot_missing_process(table))
    assert expected <= set(shown) <= set(missing)
    assert titles(imputer.plot_missing_process(table, ["grade", "double"])) == ["grade", "double"]


def test_a_figure_of_nothing_is_refused(cut):
    imputer, table = cut
    with pytest.raises(ParameterError, match=r"^columns: no column 'scroe'; did you mean 'score'\?"):
        imputer.plot_missing_process(table, ["scroe"])
    with pytest.raises(DataError, match=r"^column 'score' has no observed value in these rows$"):
        imputer.plot_missing_process(table.assign(score=np.nan))
    with pytest.raises(DataError, match=r"^values were taken as missing at random"):
        MIWAEImputer(**QUICK).fit(table).plot_missing_process(table)
    assert titles(imputer.plot_missing_process(table.assign(beside=np.nan))) == ["score"]
