"""A method's differences to others with their confidence intervals, data set by data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from notmiwae.plot_style import BLACK, BLUE, GREY, figure, styled
from study.reporting.methods import method_name
from study.reporting.names import EVERY_DATASET, dataset_name
from study.reporting.significance import BASELINES, intervals

_SINGLE: dict[str, Any] = {"fmt": "o", "ms": 5, "color": BLUE, "elinewidth": 1.4}
_MEAN: dict[str, Any] = {"fmt": "D", "ms": 6, "color": BLACK, "elinewidth": 1.4}


@styled
def forest(found: pd.DataFrame, method: str, datasets: Sequence[str]) -> Figure:
    """A panel for each reference: the method's RMSE less the reference's, with 95 % intervals over rows.

    Arguments:
        found: `significance.paired`.
        method: The method.
        datasets: Data sets in the lines' order; their mean stands below them.
    """
    rows = found[(found["method"] == method) & (found["test"] == "rows")]
    references = list(dict.fromkeys(rows["against"]))
    drawn = figure(height=0.36 * (len(datasets) + 1) + 1.05)
    grid = drawn.subplots(1, len(references), sharey=True, squeeze=False)[0]
    order = [*datasets, EVERY_DATASET]
    for axes, against in zip(grid, references, strict=True):
        each = intervals(rows[rows["against"] == against]).set_index("dataset").loc[order]
        _intervals(axes, each)
        axes.set_title(f"the {against}" if against == BASELINES else method_name(against))
        axes.set_xlabel("difference of RMSE (left of 0: better)")
    labels = [dataset_name(dataset) for dataset in order]
    best = rows[rows["against"] == BASELINES].set_index("dataset")["reference"]
    named = [
        f"{name}\n(best: {method_name(best[dataset])})" if dataset in best else name
        for dataset, name in zip(order, labels, strict=True)
    ]
    grid[0].set_yticks(range(len(order)), named)
    drawn.suptitle(f"RMSE of {method_name(method)}, less that of …, with 95 % intervals", fontsize=9)
    return drawn


def _intervals(axes: Axes, each: pd.DataFrame) -> None:
    reach = each["difference"] - each["lower"]
    last = len(each) - 1
    for rows, look in ((slice(last), _SINGLE), (slice(last, None), _MEAN)):
        axes.errorbar(
            each["difference"].iloc[rows], np.arange(len(each))[rows], xerr=reach.iloc[rows], **look
        )
    axes.axvline(0.0, color=GREY, lw=1.0, ls="--", zorder=1)
    axes.axhline(last - 0.5, color=GREY, lw=0.6)
    # Zero, where nothing would differ, is always in sight.
    low, high = min(each["lower"].min(), 0.0), max(each["upper"].max(), 0.0)
    margin = 0.06 * (high - low)
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(len(each) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)
