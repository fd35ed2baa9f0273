"""The headline: every method's error on every data set, beside what was published."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from notmiwae.plot_style import BLACK, BLUE, VERMILION, figure, styled
from study.reporting.methods import ORACLE_NAME, in_order, method_name
from study.reporting.names import dataset_name
from study.run.grid import ORACLE

_OURS: dict[str, Any] = {"marker": "o", "ms": 5, "color": BLUE, "ls": ""}
_PUBLISHED: dict[str, Any] = {
    "marker": "D",
    "ms": 5.5,
    "color": VERMILION,
    "mfc": "none",
    "mew": 1.1,
    "ls": "",
}
_LIMIT: dict[str, Any] = {"color": BLACK, "lw": 1.0, "ls": "--"}
_APART = 0.14
"""Ours stand above a method's line, published values below it, so that neither hides the other."""


@styled
def errors(
    results: pd.DataFrame,
    published: pd.DataFrame,
    datasets: Sequence[str],
    columns: int | None = None,
    line: float = 0.27,
) -> Figure:
    """Plot RMSE by method, ± 1 standard error over replicates: a panel for each data set.

    Arguments:
        results: Rows dataset, method, metric, mean, se, replicates.
        published: Rows with the same columns; hollow markers.
        datasets: Data sets in the panels' order.
        columns: Number of panels side by side; by default all of them.
        line: Height of a method's line, inches.
    """
    ours = results[results["metric"] == "rmse"]
    theirs = published[published["metric"] == "rmse"]
    methods = in_order(ours.loc[ours["method"] != ORACLE, "method"])
    height = {method: at for at, method in enumerate(methods)}
    columns = columns or max(len(datasets), 1)
    rows = max(math.ceil(len(datasets) / columns), 1)
    drawn = figure(height=(line * len(methods) + 0.8) * rows + 0.25)
    grid = drawn.subplots(rows, columns, sharey=True, squeeze=False)
    for axes in grid.ravel()[len(datasets) :]:
        axes.set_axis_off()
    for axes, dataset in zip(grid.flat, datasets, strict=False):
        of_dataset = ours[ours["dataset"] == dataset]
        _dots(axes, of_dataset, height, -_APART, _OURS)
        _dots(axes, theirs[theirs["dataset"] == dataset], height, _APART, _PUBLISHED)
        for limit in of_dataset.loc[of_dataset["method"] == ORACLE, "mean"]:
            axes.axvline(limit, zorder=1, **_LIMIT)
        axes.set_title(dataset_name(dataset))
        axes.set_xlabel("RMSE of the missing values" if rows == 1 else "RMSE")
        axes.grid(axis="y", ls=":")
        axes.set_axisbelow(True)
        axes.margins(x=0.08)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right"]].set_visible(False)
    grid[0, 0].set_yticks(list(height.values()), [method_name(method) for method in methods])
    grid[0, 0].set_ylim(max(len(methods), 1) - 0.5, -0.5)
    handles = [Line2D([], [], label="this pipeline, ± 1 s.e.", **_OURS)]
    if len(theirs):
        handles.append(Line2D([], [], label="published", **_PUBLISHED))
    if (ours["method"] == ORACLE).any():
        handles.append(Line2D([], [], label=ORACLE_NAME, **_LIMIT))
    drawn.legend(handles=handles, loc="outside lower center", ncols=len(handles), handletextpad=0.4)
    return drawn


def _dots(axes: Axes, rows: pd.DataFrame, height: dict[str, int], shift: float, look: dict[str, Any]) -> None:
    """Plot means with their errors, `shift` below the height of each method's line."""
    rows = rows[rows["method"].isin(list(height))]
    at = [height[method] + shift for method in rows["method"]]
    # Published values may come without an error.
    axes.errorbar(rows["mean"], at, xerr=rows["se"].fillna(0.0), capsize=0, elinewidth=1.2, **look)
