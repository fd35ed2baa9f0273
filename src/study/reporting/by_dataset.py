"""Figures with a point for each data set: what the method's parts are worth, how calibrated draws are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, ScalarFormatter

from notmiwae.plot_style import BLACK, GREY, SERIES, figure, label_lines, styled
from study.reporting.methods import in_order, method_name
from study.reporting.names import dataset_name

_POINT: dict[str, Any] = {"ls": "", "ms": 5, "mew": 0}
_MEAN: dict[str, Any] = {"ls": "", "marker": "|", "ms": 13, "mew": 2.2, "color": BLACK}
_LINE = 0.3
_SPREAD = 0.6
"""Share of a line's height over which its points are spread, so that none hides another."""
_MANY = 5.0
"""Ratios that span more get a logarithmic axis' own ticks."""


@styled
def ablation(results: pd.DataFrame, datasets: Sequence[str], variants: Sequence[str]) -> Figure:
    """RMSE of each variant as a ratio to the unchanged method's: a point a data set, and their mean.

    Arguments:
        results: Rows dataset, method (the variant), metric, mean.
        datasets: Data sets in the legend's order.
        variants: The unchanged method, then its variants in the lines' order.
    """
    rmse = results[results["metric"] == "rmse"].pivot(index="method", columns="dataset", values="mean")
    reference, *changed = variants
    ratios = rmse.loc[changed, list(datasets)] / rmse.loc[reference, list(datasets)]
    drawn = figure(height=_LINE * len(changed) + 1.15)
    axes = drawn.subplots()
    _points(axes, ratios)
    means = np.exp(np.log(ratios).mean(axis=1))
    axes.plot(means, range(len(changed)), zorder=1.5, **_MEAN)
    axes.axvline(1.0, color=GREY, lw=1.0, ls="--", zorder=1)
    _ratio_axis(axes, ratios.to_numpy())
    axes.set_xlabel(f"RMSE, as a ratio to “{reference}” (right of 1: worse)")
    label_lines(axes, changed)
    _legend(drawn, datasets, Line2D([], [], label="geometric mean", **_MEAN | {"ms": 10}))
    return drawn


@styled
def calibration(results: pd.DataFrame, datasets: Sequence[str], level: float = 0.9) -> Figure:
    """Coverage of the central interval of each method's draws beside its width, a point a data set.

    Arguments:
        results: Rows dataset, method, metric, mean; methods without `coverage90` aren't shown.
        datasets: Data sets in the legend's order.
        level: The level of the interval, at which coverage should be.
    """
    methods = in_order(list(dict.fromkeys(results.loc[results["metric"] == "coverage90", "method"])))
    drawn = figure(height=_LINE * len(methods) + 1.15)
    left, right = drawn.subplots(1, 2, sharey=True)
    for axes, metric in ((left, "coverage90"), (right, "width90")):
        table = results[results["metric"] == metric].pivot(index="method", columns="dataset", values="mean")
        _points(axes, table.reindex(index=methods, columns=list(datasets)))
    left.axvline(level, color=BLACK, lw=1.0, ls="--", zorder=1)
    left.set_xlim(right=1.02)
    left.set_xlabel(f"coverage of the {level:.0%} interval".replace("%", " %"))
    right.set_xlim(left=0.0)
    right.set_xlabel("its mean width, sd")
    for axes in (left, right):
        label_lines(axes, [method_name(method) for method in methods])
    _legend(
        drawn, datasets, Line2D([], [], label=f"{level:.0%}".replace("%", " %"), color=BLACK, lw=1.0, ls="--")
    )
    return drawn


def _points(axes: Axes, table: pd.DataFrame) -> None:
    """A line of points for each row of the table, a look for each column."""
    shifts = np.linspace(-_SPREAD / 2, _SPREAD / 2, len(table.columns))
    for shift, (_, values), look in zip(shifts, table.items(), SERIES, strict=False):
        axes.plot(values, np.arange(len(table)) + shift, **_POINT, **look)


def _ratio_axis(axes: Axes, ratios: np.ndarray[Any, Any]) -> None:
    axes.set_xscale("log")
    many = float(ratios.max() / ratios.min()) > _MANY
    axes.xaxis.set_major_locator(
        LogLocator(subs=(1, 2, 5)) if many else MaxNLocator(nbins=10, steps=[1, 2, 5, 10])
    )
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())


def _legend(drawn: Figure, datasets: Sequence[str], last: Line2D) -> None:
    handles = [
        Line2D([], [], label=dataset_name(dataset), **_POINT, **look)
        for dataset, look in zip(datasets, SERIES, strict=False)
    ]
    columns = math.ceil((len(handles) + 1) / (1 if len(handles) < 7 else 2))
    drawn.legend(
        handles=[*handles, last],
        loc="outside lower center",
        ncols=columns,
        handletextpad=0.3,
        columnspacing=1.2,
    )
