"""The benchmark in six lines, for the README and the top of its page."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from study.reporting.headline_tables import markdown
from study.reporting.methods import DEFAULT, RIVAL, method_name
from study.reporting.names import EVERY_DATASET, dataset_name

_UNKNOWN = "notmiwae_selfmasking"


def summary_table(
    results: pd.DataFrame, published: pd.DataFrame, datasets: Sequence[str], baselines: Sequence[str]
) -> str:
    """RMSE of the default, of what it's up against, and in print; a column a data set, and their mean.

    Arguments:
        results: Rows dataset, method, metric, mean.
        published: The same, as printed in the paper.
        datasets: Data sets in the columns' order.
        baselines: Methods that aren't models.
    """
    ours, theirs = (
        rows[rows["metric"] == "rmse"].pivot(index="method", columns="dataset", values="mean")[[*datasets]]
        for rows in (results, published)
    )
    best = ours.loc[ours.index.intersection(list(baselines))]
    lines = [
        (f"**{method_name(DEFAULT)}** (the default)", ours.loc[DEFAULT], 3),
        (f"{method_name(_UNKNOWN)}, direction unknown", ours.loc[_UNKNOWN], 3),
        (method_name(RIVAL), ours.loc[RIVAL], 3),
        ("the best baseline of each table", best.min(), 3),
        (f"published: {method_name(DEFAULT)}", theirs.loc[DEFAULT], 2),
        ("published: the best of all variants on each table", theirs.min(), 2),
    ]
    headings = ["RMSE", *map(dataset_name, [*datasets, EVERY_DATASET])]
    rows = [
        [name, *(f"{value:.{decimals}f}" for value in values), f"{values.mean():.3f}"]
        for name, values, decimals in lines
    ]
    return markdown([headings, [":--", *["--:"] * (len(headings) - 1)], *rows])
