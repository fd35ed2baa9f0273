"""The table of methods: one look for a method in every figure, and never one look for two of a figure."""

from itertools import combinations
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from study.reporting import methods as table
from study.reporting.methods import METHODS, NOT_MIWAE, in_order, looks, method_name

ROOT = Path(__file__).resolve().parents[2]
UNLISTED = st.lists(st.text(min_size=1), unique=True, max_size=len(table._SPARE))
LISTED = st.lists(st.sampled_from([*METHODS]), unique=True)


def points_and_lines(look: dict) -> list[tuple]:
    return [(look["color"], look["marker"]), (look["color"], look["ls"])]


@given(LISTED, UNLISTED)
def test_points_of_no_two_methods_of_a_figure_look_alike(listed, unlisted):
    unlisted = [name for name in unlisted if name not in listed]
    given_looks = looks([*listed, *unlisted])
    assert len({(look["color"], look["marker"]) for look in given_looks.values()}) == len(given_looks)
    assert [*given_looks] == [*listed, *unlisted]


@pytest.mark.parametrize("pipeline", ["", "paper", "images"])
def test_neither_points_nor_lines_of_a_pipelines_methods_look_alike(pipeline):
    grid = yaml.safe_load((ROOT / pipeline / "params.yaml").read_text(encoding="utf-8"))["run"]
    both = looks([*grid["models"], *grid["baselines"], "mine"])
    assert set(both) - METHODS.keys() == {"mine"}
    for one, other in combinations(map(points_and_lines, both.values()), 2):
        assert one[0] != other[0]
        assert one[1] != other[1]


def test_a_methods_look_depends_on_its_name_alone():
    alone = looks(["notmiwae"])["notmiwae"], looks(["mine"])["mine"]
    together = looks(["mice", "mine", "knn", "notmiwae"])
    assert (together["notmiwae"], together["mine"]) == alone
    assert looks(["mine", "another"]) == looks(["another", "mine"])


def test_every_not_miwae_has_its_colour():
    assert {looks([name])[name]["color"] for name in METHODS if name.startswith("notmiwae")} == {NOT_MIWAE}


def test_a_method_that_is_not_listed_comes_last_under_its_own_name():
    assert in_order(["mine", "mean", "notmiwae", "mean"]) == ["notmiwae", "mean", "mine"]
    assert method_name("mine") == "mine"
