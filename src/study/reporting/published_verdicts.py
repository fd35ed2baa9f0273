"""Which published values come out again, cell by cell, and by which rule."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from notmiwae.errors import DataError
from study.evaluation.replicates import RESULT_COLUMNS
from study.reporting.headline_tables import ABSENT, markdown
from study.reporting.methods import in_order, method_name
from study.reporting.names import dataset_name

VERDICT_COLUMNS = [*RESULT_COLUMNS, "published", "published_se", "difference", "verdict"]
REPRODUCED, LOWER, HIGHER = "reproduced", "lower", "higher"

_ERRORS = 2.0
_CLOSE = 0.02
_LAST_DIGIT = 0.01
_ROUNDING = 1e-9
"""Slack for the binary fractions: 1.71 − 1.70 isn't above 0.01."""

RULE = (
    f"A published figure counts as reproduced where ours differs from it by no more than {_ERRORS:g} "
    "combined standard errors (the root of the sum of both squares), or by no more than "
    f"{_CLOSE:g}. A method with nothing random in it has no standard error: there the two may differ by one "
    f"unit of the last printed digit, {_LAST_DIGIT:g}."
)
"""The rule of `verdicts`, for a reader."""

RECIPES = {"published_known": "notmiwae_known"}
"""Methods that follow a published recipe to the letter, and the paper's method whose recipe it is."""


def with_recipes(published: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Repeat published values that `RECIPES` names under the name of the method that follows the recipe.

    Arguments:
        published: Rows dataset, method, metric, mean, se.
        methods: Names of the methods that were run.
    """
    copies = [
        published[published["method"] == paper].assign(method=ours)
        for ours, paper in RECIPES.items()
        if ours in methods
    ]
    return pd.concat([published, *copies], ignore_index=True)


def verdicts(results: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Put ours beside each published value, with what `RULE` says of the two.

    Arguments:
        results: Rows dataset, method, metric, mean, se, replicates; one replicate means nothing is random.
        published: Rows dataset, method, metric, mean, se.

    Returns:
        `VERDICT_COLUMNS`: ours, theirs, ours − theirs, and whether ours is `reproduced`, `lower` or `higher`.

    Raises:
        DataError: a published value has none of ours beside it.
    """
    keys = ["dataset", "method", "metric"]
    theirs = published[[*keys, "mean", "se"]].rename(columns={"mean": "published", "se": "published_se"})
    both = theirs.merge(results, on=keys, how="left", validate="one_to_one")
    absent = both[both["mean"].isna()]
    if len(absent):
        raise DataError(f"no result for the published {' '.join(absent.iloc[0][keys])}")
    difference = both["mean"] - both["published"]
    combined = np.hypot(both["se"].to_numpy(), both["published_se"].fillna(0.0).to_numpy())
    admitted = np.where(both["replicates"] > 1, np.maximum(_ERRORS * combined, _CLOSE), _LAST_DIGIT)
    close = difference.abs() <= admitted + _ROUNDING
    verdict = np.where(close, REPRODUCED, np.where(difference < 0, LOWER, HIGHER))
    return both.assign(difference=difference, verdict=verdict)[VERDICT_COLUMNS]


def verdict_table(judged: pd.DataFrame, datasets: Sequence[str], metric: str = "rmse") -> str:
    """Tabulate ours less the published value, a line a method; a tick where it's reproduced.

    Arguments:
        judged: Rows as `verdicts` returns them.
        datasets: Data sets in the columns' order.
        metric: Name of the metric.
    """
    rows = judged[judged["metric"] == metric]
    cells = {
        (row["dataset"], row["method"]): _difference(row["difference"])
        + (" ✓" if row["verdict"] == REPRODUCED else "")
        for row in rows.to_dict("records")
    }
    lines = []
    for method in in_order(rows["method"]):
        line = [cells.get((dataset, method), ABSENT) for dataset in datasets]
        reproduced = sum(cell.endswith("✓") for cell in line)
        lines.append([method_name(method), *line, f"{reproduced} of {len(line) - line.count(ABSENT)}"])
    return markdown(["ours − published", *map(dataset_name, datasets), "reproduced"], lines)


def counts(judged: pd.DataFrame, metric: str = "rmse") -> dict[str, int]:
    """Count the published cells that are reproduced, lower or higher, and all of them as `cells`.

    A method that only repeats another's published values (`RECIPES`) is left out.
    """
    rows = judged[(judged["metric"] == metric) & ~judged["method"].isin(RECIPES)]
    tally = {verdict: int((rows["verdict"] == verdict).sum()) for verdict in (REPRODUCED, LOWER, HIGHER)}
    return tally | {"cells": len(rows)}


def _difference(value: float) -> str:
    """Print a difference with three digits, one more than in print; no sign before a zero."""
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", "−")
