"""The methods as figures and tables show them: name, order, look, whether they have a missing process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from notmiwae.plot_style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SERIES, SKY, VERMILION
from study.reporting.names import listed_first
from study.run.grid import ORACLE


@dataclass(frozen=True)
class Method:
    """How a method is shown.

    Attributes:
        name: Its name as people write it.
        color: Colour of its points and lines.
        marker: Matplotlib's marker of its points.
        has_process: Whether it models why values are missing, so that its bound is of values and mask.
    """

    name: str
    color: str
    marker: str
    has_process: bool = False


METHODS = {
    "notmiwae": Method("not-MIWAE", BLUE, "o", True),
    "notmiwae_mechanism": Method("not-MIWAE, mechanism known", BLUE, "o", True),
    "notmiwae_known": Method("not-MIWAE, self-masking known", BLUE, "o", True),
    "notmiwae_selfmasking": Method("not-MIWAE, self-masking", BLUE, "o", True),
    "notmiwae_linear": Method("not-MIWAE, agnostic linear", BLUE, "o", True),
    "notmiwae_nonlinear": Method("not-MIWAE, agnostic nonlinear", BLUE, "o", True),
    "published_known": Method("not-MIWAE, published recipe", BLUE, "o", True),
    "ppca_known": Method("not-MIWAE-PPCA, self-masking known", SKY, "P", True),
    "ppca_selfmasking": Method("not-MIWAE-PPCA, self-masking", SKY, "P", True),
    "ppca_linear": Method("not-MIWAE-PPCA, agnostic linear", SKY, "P", True),
    "ppca_nonlinear": Method("not-MIWAE-PPCA, agnostic nonlinear", SKY, "P", True),
    "miwae": Method("MIWAE", VERMILION, "s"),
    "ppca": Method("PPCA", PURPLE, "v"),
    "lowrank": Method("low-rank joint model", BLACK, "X"),
    "lowrank_standardised": Method("low-rank joint model, standardised", BLACK, "X"),
    "mice": Method("MICE", GREEN, "^"),
    "missforest": Method("missForest", PURPLE, "v"),
    "knn": Method("KNN", GREY, "h"),
    "mean": Method("mean", ORANGE, "D"),
}
"""Methods in the order in which figures and tables list them."""

DEFAULT, RIVAL = "notmiwae_known", "miwae"
"""The method that the benchmark is about, and the model that it's held against beside the best baseline."""

ORACLE_NAME = "Bayes-optimal limit"


def method_name(method: str) -> str:
    """Name a method as people write it; one that isn't listed has the name it was given."""
    if method == ORACLE:
        return ORACLE_NAME
    return METHODS[method].name if method in METHODS else method


def in_order(methods: Sequence[str]) -> list[str]:
    """Sort methods as `METHODS` lists them, unlisted ones after them as they come."""
    return listed_first(METHODS, methods)


def looks(methods: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Give each method of a panel its colour and marker.

    Where two would look alike, or one isn't listed, it's given the next look that is free.
    """
    own = {name: {"color": METHODS[name].color, "marker": METHODS[name].marker} for name in METHODS}
    given: dict[str, dict[str, Any]] = {}
    for place, method in enumerate(methods):
        free = [look for look in SERIES if look not in (*given.values(), *map(own.get, methods[place:]))]
        look = own.get(method)
        given[method] = look if look and look not in given.values() else (free or SERIES)[0]
    return given
