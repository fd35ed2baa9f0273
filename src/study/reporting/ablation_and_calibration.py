"""Figures with a point for each data set: what the method's parts are worth, how calibrated draws are."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, ScalarFormatter

from notmiwae.arrays import Floats
from notmiwae.plot_style import BLACK, GREY, SERIES, figure, label_lines, styled
from study.reporting.methods import in_order, method_name
from study.reporting.names import dataset_name

_POINT: dict[str, Any] = {"ls": "", "ms": 5, "mew": 0}
_MEAN: dict[str, Any] = {"ls": "", "marker": "|", "ms": 13, "mew": 2.2, "color": BLACK}
_LEVEL: dict[str, Any] = {"color": BLACK, "lw": 1.0, "ls": "--"}
_LINE = 0.3
"""Height of a line, inches."""
_SPREAD = 0.6
"""Share of a line's height over which its points are spread, so that none hides another."""
_MANY = 5.0
"""Ratios that span more get a logarithmic axis' own ticks."""


@styled
def ablation(results: pd.DataFrame, datasets: Sequence[str], variants: Sequence[str]) -> Figure:
    """Plot each variant's RMSE as a ratio to the unchanged method's: a point a data set, and their mean.

    Arguments:
        results: Rows dataset, method (the variant), metric, mean.
        datasets: Data sets in the legend's order.
        variants: Names of the unchanged method, then of its variants in the lines' order.
    """
    reference, *changed = variants
    rmse = _table(results, "rmse", datasets)
    ratios = rmse.loc[changed] / rmse.loc[reference]
    drawn = figure(height=_LINE * len(changed) + 1.15)
    axes = drawn.subplots()
    _points(axes, ratios)
    axes.plot(np.exp(np.log(ratios).mean(axis=1)), range(len(changed)), zorder=1.5, **_MEAN)
    axes.axvline(1.0, color=GREY, lw=1.0, ls="--", zorder=1)
    _ratio_axis(axes, ratios.to_numpy())
    axes.set_xlabel(f"RMSE, as a ratio to “{reference}” (right of 1: worse)")
    label_lines(axes, changed)
    _legend(drawn, datasets, Line2D([], [], label="geometric mean", **_MEAN | {"ms": 10}))
    return drawn


@styled
def calibration(results: pd.DataFrame, datasets: Sequence[str], level: float = 0.9) -> Figure:
    """Plot coverage of the central interval of each method's draws beside its width, a point a data set.

    Arguments:
        results: Rows dataset, method, metric, mean; methods without `coverage90` aren't shown.
        datasets: Data sets in the legend's order.
        level: Level of the interval, at which coverage should be.
    """
    methods = in_order(results.loc[results["metric"] == "coverage90", "method"])
    percent = f"{level:.0%}".replace("%", " %")
    drawn = figure(height=_LINE * len(methods) + 1.15)
    left, right = drawn.subplots(1, 2, sharey=True)
    for axes, metric in ((left, "coverage90"), (right, "width90")):
        _points(axes, _table(results, metric, datasets).reindex(methods))
        label_lines(axes, [method_name(method) for method in methods])
    left.axvline(level, zorder=1, **_LEVEL)
    left.set_xlim(right=1.02)
    left.set_xlabel(f"coverage of the {percent} interval")
    right.set_xlim(left=0.0)
    right.set_xlabel("its mean width, sd")
    _legend(drawn, datasets, Line2D([], [], label=percent, **_LEVEL))
    return drawn


def _table(results: pd.DataFrame, metric: str, datasets: Sequence[str]) -> pd.DataFrame:
    """Arrange a metric's means: a line for each method, a column for each data set."""
    rows = results[results["metric"] == metric]
    return rows.pivot(index="method", columns="dataset", values="mean").reindex(columns=list(datasets))


def _points(axes: Axes, table: pd.DataFrame) -> None:
    """Plot a line of points for each row of the table, with a look for each column."""
    shifts = np.linspace(-_SPREAD / 2, _SPREAD / 2, len(table.columns))
    for shift, (_, values), look in zip(shifts, table.items(), SERIES, strict=False):
        axes.plot(values, np.arange(len(table)) + shift, **_POINT, **look)


def _ratio_axis(axes: Axes, ratios: Floats) -> None:
    axes.set_xscale("log")
    many = ratios.max() / ratios.min() > _MANY
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
    handles.append(last)
    columns = math.ceil(len(handles) / (1 if len(handles) < 8 else 2))
    apart = {"handletextpad": 0.3, "columnspacing": 1.2}
    drawn.legend(handles=handles, loc="outside lower center", ncols=columns, **apart)
