"""The table of methods: one look for a method in every figure, and never one look for two of a panel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notmiwae.plot_style import SERIES
from study.reporting.methods import METHODS, in_order, looks, method_name

NAMES = st.lists(
    st.sampled_from([*METHODS, "mine", "another"]), unique=True, min_size=1, max_size=len(SERIES)
)


@given(NAMES)
def test_no_two_methods_of_a_panel_look_alike(methods):
    given_looks = list(looks(methods).values())
    assert all(look not in given_looks[:place] for place, look in enumerate(given_looks))


@pytest.mark.parametrize("rivals", [("miwae",), ("mice", "miwae", "mean"), ("mine", "knn")])
def test_a_methods_look_is_the_tables(rivals):
    for method in ("notmiwae", "notmiwae_known"):
        look = looks([method, *rivals])[method]
        assert look == {"color": METHODS[method].color, "marker": METHODS[method].marker}
    for rival in rivals:
        if rival in METHODS:
            assert looks(["notmiwae", *rivals])[rival]["color"] == METHODS[rival].color


def test_a_method_that_is_not_listed_comes_last_under_its_own_name():
    assert in_order(["mine", "mean", "notmiwae"]) == ["notmiwae", "mean", "mine"]
    assert method_name("mine") == "mine"
