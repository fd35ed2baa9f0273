"""The table of methods: each one's name, place, look and whether it has a missing process.

Every figure and table takes them from here. Colours that don't stand for a method are their figures' own:
observed and imputed values, this pipeline and the published values, single runs and their mean, data sets.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from notmiwae.plot_style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION
from study.reporting.names import listed_first
from study.run.grid import ORACLE

NOT_MIWAE = BLUE
"""not-MIWAE's colour in every figure."""


@dataclass(frozen=True)
class Method:
    """How a method is shown.

    Attributes:
        name: Name as people write it.
        color: Colour of the method's points and lines.
        marker: Matplotlib's marker of its points.
        dashes: Matplotlib's style of its lines.
        has_process: True of a model of why values are missing, whose bound is on values and mask.
    """

    name: str
    color: str
    marker: str
    dashes: str
    has_process: bool = False

    @property
    def look(self) -> dict[str, Any]:
        """Return colour, marker and dashes as matplotlib's keywords."""
        return {"color": self.color, "marker": self.marker, "ls": self.dashes}


METHODS = {
    "notmiwae": Method("not-MIWAE", NOT_MIWAE, "p", "-", True),
    "notmiwae_mechanism": Method("not-MIWAE, mechanism known", NOT_MIWAE, "P", ":", True),
    "notmiwae_known": Method("not-MIWAE, self-masking known", NOT_MIWAE, "o", "-", True),
    "notmiwae_selfmasking": Method("not-MIWAE, self-masking", NOT_MIWAE, "v", "--", True),
    "notmiwae_linear": Method("not-MIWAE, agnostic linear", NOT_MIWAE, "<", "-.", True),
    "notmiwae_nonlinear": Method("not-MIWAE, agnostic nonlinear", NOT_MIWAE, ">", ":", True),
    "published_known": Method("not-MIWAE, published recipe", NOT_MIWAE, "d", "--", True),
    "ppca_known": Method("not-MIWAE-PPCA, self-masking known", SKY, "o", "-", True),
    "ppca_selfmasking": Method("not-MIWAE-PPCA, self-masking", SKY, "v", "--", True),
    "ppca_linear": Method("not-MIWAE-PPCA, agnostic linear", SKY, "<", "-.", True),
    "ppca_nonlinear": Method("not-MIWAE-PPCA, agnostic nonlinear", SKY, ">", ":", True),
    "miwae": Method("MIWAE", VERMILION, "s", "--"),
    "ppca": Method("PPCA", VERMILION, "p", ":"),
    "auto": Method("not-MIWAE, by evidence", NOT_MIWAE, "*", "-", True),
    "unknown": Method("not-MIWAE, direction unknown", SKY, "X", "--", True),
    "told": Method("not-MIWAE, told the right word", NOT_MIWAE, "h", "-.", True),
    "described": Method("not-MIWAE, told what else decides", NOT_MIWAE, "D", ":", True),
    "drawn_rows": Method("not-MIWAE, told, on drawn rows", NOT_MIWAE, "^", "--", True),
    "lowrank": Method("low-rank joint model", BLACK, "X", "-"),
    "lowrank_standardised": Method("low-rank joint model, standardised", BLACK, "P", "--"),
    "mice": Method("MICE", GREEN, "^", "-."),
    "missforest": Method("missForest", PURPLE, "v", "-"),
    "knn": Method("KNN", GREY, "h", "--"),
    "mean": Method("mean", ORANGE, "D", ":"),
    "qrilc": Method("QRILC", PURPLE, "H", "-."),
    "min_prob": Method("MinProb", ORANGE, "s", "--"),
    "heckman": Method("Heckman", BLACK, "d", "--"),
    "constant": Method("best constant", GREY, "x", "-"),
    "complete_rows": Method("complete rows alone", ORANGE, "^", "-."),
}
"""Methods in the order in which figures and tables list them; no two of a pipeline look alike."""

DEFAULT, RIVAL = "notmiwae_known", "miwae"
"""The method that the benchmark is about, and the model that it's compared with beside the best baseline."""

ORACLE_NAME = "Bayes-optimal limit"

_SPARE = [
    Method("", color, marker, dashes).look
    for color in (PURPLE, GREEN, ORANGE, GREY)
    for marker, dashes in zip("*<>d", ("-", "--", "-.", ":"), strict=True)
    if (color, dashes) not in {(method.color, method.dashes) for method in METHODS.values()}
]
"""Looks of methods that aren't listed, as a user's baseline: their points and lines are no listed one's."""


def method_name(method: str) -> str:
    """Name a method as people write it; one that isn't listed has the name it was given."""
    if method == ORACLE:
        return ORACLE_NAME
    return METHODS[method].name if method in METHODS else method


def in_order(methods: Iterable[str]) -> list[str]:
    """Sort methods as `METHODS` lists them, each once, unlisted ones after them as they come."""
    return listed_first(METHODS, methods)


def looks(methods: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Give each method of a figure its look, as matplotlib's keywords color, marker and ls.

    One that isn't listed has the look that its name picks among spare ones, the same in every figure unless
    another unlisted method of the figure picks it too.
    """
    given = {name: METHODS[name].look for name in methods if name in METHODS}
    for name in sorted(set(methods) - given.keys()):
        first = crc32(name.encode()) % len(_SPARE)
        choices = _SPARE[first:] + _SPARE[:first]
        given[name] = next((look for look in choices if look not in given.values()), choices[0])
    return {name: given[name] for name in methods}
