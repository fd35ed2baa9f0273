"""A method's differences to others with their confidence intervals, data set by data set."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from notmiwae.plot_style import BLACK, GREY, figure, styled
from study.reporting.methods import looks, method_name
from study.reporting.names import EVERY_DATASET, dataset_name
from study.reporting.significance import BASELINES, intervals

_MEAN: dict[str, Any] = {"fmt": "D", "ms": 6, "color": BLACK, "elinewidth": 1.4}


@styled
def forest(differences: pd.DataFrame, method: str, datasets: Sequence[str]) -> Figure:
    """Plot the method's RMSE less each reference's, a panel each, with 95 % intervals over rows.

    Arguments:
        differences: Rows as `significance.paired` returns them.
        method: Name of the method.
        datasets: Data sets in the lines' order; their mean stands below them.
    """
    rows = differences[(differences["method"] == method) & (differences["test"] == "rows")]
    references = rows["against"].unique().tolist()
    order = [*datasets, EVERY_DATASET]
    drawn = figure(height=0.36 * len(order) + 1.05)
    grid = drawn.subplots(1, len(references), sharey=True, squeeze=False)[0]
    look = looks([method])[method]
    single = {"fmt": look["marker"], "ms": 5, "color": look["color"], "elinewidth": 1.4}
    for axes, against in zip(grid, references, strict=True):
        table = intervals(rows[rows["against"] == against]).set_index("dataset").loc[order]
        _intervals(axes, table, single)
        axes.set_title(f"the {against}" if against == BASELINES else method_name(against))
        axes.set_xlabel("difference of RMSE (left of 0: better)")
    best = rows[rows["against"] == BASELINES].set_index("dataset")["reference"]
    labels = [
        dataset_name(dataset) + (f"\n(best: {method_name(best[dataset])})" if dataset in best else "")
        for dataset in order
    ]
    grid[0].set_yticks(range(len(order)), labels)
    drawn.suptitle(f"RMSE of {method_name(method)}, less that of …, with 95 % intervals", fontsize=9)
    return drawn


def _intervals(axes: Axes, table: pd.DataFrame, single: dict[str, Any]) -> None:
    reach = table["difference"] - table["lower"]
    last = len(table) - 1
    for rows, look in ((slice(last), single), (slice(last, None), _MEAN)):
        axes.errorbar(
            table["difference"].iloc[rows], np.arange(len(table))[rows], xerr=reach.iloc[rows], **look
        )
    axes.axvline(0.0, color=GREY, lw=1.0, ls="--", zorder=1)
    axes.axhline(last - 0.5, color=GREY, lw=0.6)
    # Zero, where nothing would differ, is always in sight.
    low, high = min(table["lower"].min(), 0.0), max(table["upper"].max(), 0.0)
    margin = 0.06 * (high - low)
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)
