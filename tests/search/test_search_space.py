"""Dials: what is tried is within bounds, can be written into params.yaml, and is read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from study.search.search_space import changes, dials

AT = ["model.training.learning_rate"]


def real(low=0.001, high=0.1):
    return dials.parse({"kind": "real", "at": AT, "low": low, "high": high, "log": True})


def whole(layers=None):
    return dials.parse(
        {"kind": "whole", "at": ["network.encoder.hidden"], "low": 2, "high": 64, "layers": layers}
    )


OPTIONS = {"known": {"kind": "a", "hidden": [3, 4]}, "linear": {"kind": "b"}}
CHOICE = dials.parse({"kind": "choice", "at": ["model.missing_process"], "options": OPTIONS})


@given(st.floats(0.001, 0.1))
def test_a_real_value_has_three_digits_and_is_read_as_it_was_tried(value):
    dial = real()
    tried = dial.tried(value)
    assert tried == pytest.approx(value, rel=0.005)
    assert len(f"{tried:.3e}") == len(f"{tried!r}") or float(f"{tried:.3g}") == tried
    if 0.001 <= tried <= 0.1:
        assert dial.read(dial.written(value)) == tried


@given(st.integers(2, 64), st.none() | st.integers(1, 3))
def test_a_width_is_that_of_all_layers(value, layers):
    dial = whole(layers)
    written = dial.written(value)
    assert written == ([value] * layers if layers else value)
    assert dial.read(tuple(written) if layers else written) == value


@pytest.mark.parametrize("written", [1, 65, [3], "3", None])
def test_a_number_that_is_not_tried_is_refused(written):
    with pytest.raises((TypeError, ValueError)):
        whole().read(written)


@pytest.mark.parametrize("written", [[3, 4], [3], [3, 3, 3], [100, 100]])
def test_layers_of_several_widths_are_no_value_of_a_width(written):
    with pytest.raises(ValueError, match="isn't"):
        whole(2).read(written)


def test_an_option_is_known_by_what_it_says():
    assert CHOICE.read({"kind": "a", "hidden": (3, 4), "more": 1}) == "known"
    assert CHOICE.read({"kind": "b"}) == "linear"
    with pytest.raises(ValueError, match="none of the options known, linear"):
        CHOICE.read({"kind": "a", "hidden": [3, 5]})


def test_distributions_are_optunas():
    assert real().distribution == FloatDistribution(0.001, 0.1, log=True)
    assert whole().distribution == IntDistribution(2, 64)
    assert CHOICE.distribution == CategoricalDistribution(["known", "linear"])


def test_a_setting_changes_its_places_and_no_others():
    space = {
        "rate": real(),
        "units": dials.parse(
            {
                "kind": "whole",
                "at": ["network.encoder.hidden", "network.decoder.hidden"],
                "low": 2,
                "high": 9,
                "layers": 1,
            }
        ),
        "process": CHOICE,
    }
    setting = {"rate": 0.0123456, "units": 5, "process": "linear"}
    assert changes(space, setting, "model") == {
        "training": {"learning_rate": 0.0123},
        "missing_process": {"kind": "b"},
    }
    assert changes(space, setting, "network") == {"encoder": {"hidden": [5]}, "decoder": {"hidden": [5]}}


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "real", "at": ["training.learning_rate"], "low": 1, "high": 2},
        {"kind": "real", "at": [], "low": 1, "high": 2},
        {"kind": "real", "at": AT, "low": 0, "high": 2},
        {"kind": "real", "at": AT, "low": 2, "high": 2},
        {"kind": "whole", "at": AT, "low": 1.5, "high": 2},
        {"kind": "choice", "at": AT, "options": {"one": 1}},
        {"kind": "reel", "at": AT},
    ],
    ids=str,
)
def test_what_is_no_dial_is_refused(entry):
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's, or the registry's
        dials.parse(entry)
