"""How much the methods lose as the threshold moves and less goes missing."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from notmiwae.plot_style import figure, styled
from study.reporting.methods import in_order, looks, method_name
from study.reporting.names import dataset_name

_COLUMNS = 3


@styled
def missing_rate(
    results: pd.DataFrame, shares: Mapping[tuple[str, float], float], datasets: Sequence[str]
) -> Figure:
    """Plot RMSE over the threshold's offset: a panel a data set, a line a method, ± 1 standard error.

    Arguments:
        results: Rows dataset, setting (the offset, standard deviations), method, metric, mean, se.
        shares: Share of its columns' values that goes missing, by data set and offset.
        datasets: Data sets in the panels' order.
    """
    rmse = results[results["metric"] == "rmse"].assign(offset=lambda rows: rows["setting"].astype(float))
    methods = looks(in_order(rmse["method"]))
    rows, columns = math.ceil(len(datasets) / _COLUMNS), min(_COLUMNS, len(datasets))
    drawn = figure(height=2.3 * rows + 0.35)
    grid = drawn.subplots(rows, columns, squeeze=False)
    for axes in grid.ravel()[len(datasets) :]:
        axes.set_axis_off()
    lines = {}
    for axes, dataset in zip(grid.flat, datasets, strict=False):
        points = rmse[rmse["dataset"] == dataset].sort_values("offset")
        for method, look in methods.items():
            x, mean, error = (
                points.loc[points["method"] == method, name] for name in ("offset", "mean", "se")
            )
            axes.fill_between(x, mean - error, mean + error, color=look["color"], alpha=0.2, lw=0)
            (lines[method],) = axes.plot(x, mean, ms=4, label=method_name(method), **look)
        offsets = points["offset"].unique()
        labels = [f"{offset:g}\n{shares[dataset, offset]:.0%}".replace("%", " %") for offset in offsets]
        axes.set_xticks(offsets, labels)
        axes.set_title(dataset_name(dataset))
        axes.set_xlabel("threshold above the mean, sd\nand share missing")
        axes.set_ylim(bottom=0.0)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel("RMSE of the missing values")
    drawn.legend(handles=list(lines.values()), loc="outside lower center", ncols=min(len(methods), 4))
    return drawn
