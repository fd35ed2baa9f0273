"""The held-out bound, the ELBO (IWAE bound) of held-out rows, during training."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from notmiwae.plot_style import BLUE, GREY, figure, styled
from study.reporting.methods import METHODS, in_order, method_name
from study.reporting.names import dataset_name

NO_CURVES = "No models of the section `models` were trained; the package's own imputers keep no curves."
"""In place of the figure, where there is nothing to plot."""
_FIT = ["replicate", "member"]
_SETTLED = 0.1
"""Share of the steps after which a bound decides an axis' range: the first ones are far below."""
_BOUND: dict[bool | None, str] = {
    True: "held-out bound on\n$\\log\\,p(x_o, s)$, nats a row",
    False: "held-out bound on\n$\\log\\,p(x_o)$, nats a row",
    None: "held-out bound,\nnats a row",
}
"""Label of the axis of models with a missing process, without one, and of those that aren't listed."""
_TITLE = 42
"""Characters in a line of a panel's title."""
_MEAN: dict[str, Any] = {"color": BLUE, "lw": 1.8}
_THIN: dict[str, Any] = {"color": GREY, "lw": 0.6, "alpha": 0.7}


@styled
def bounds(curves: Mapping[tuple[str, str], pd.DataFrame], datasets: Sequence[str]) -> Figure:
    """Plot the held-out bound over training's steps: a panel for each model (row) and data set (column).

    Panels don't share an axis: not-MIWAE's bound is on values and mask, MIWAE's on values alone.

    Arguments:
        curves: Rows with the columns `CURVE_COLUMNS`, by data set and model.
        datasets: Data sets in the panels' order.
    """
    models = in_order(model for _, model in curves)
    drawn = figure(height=1.75 * len(models) + 0.25)
    grid = drawn.subplots(len(models), len(datasets), squeeze=False)
    for row, model in zip(grid, models, strict=True):
        for axes, dataset in zip(row, datasets, strict=True):
            _curves(axes, best_runs(curves[dataset, model]))
            title = f"{dataset_name(dataset)}, {method_name(model)}"
            axes.set_title(fill(title, _TITLE, break_on_hyphens=False))
            axes.spines[["top", "right"]].set_visible(False)
        row[0].set_ylabel(_BOUND[METHODS[model].has_process if model in METHODS else None])
    for axes in grid[-1]:
        axes.set_xlabel("training step")
    handles = [Line2D([], [], label="mean over fits", **_MEAN), Line2D([], [], label="one fit", **_THIN)]
    drawn.legend(handles=handles, loc="outside lower center", ncols=2)
    return drawn


def best_runs(curve: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows of the run that each fit (a replicate's member) kept: of the highest held-out bound."""
    kept = curve[curve["kept"]].groupby([*_FIT, "start"])["validation_bound"].last()
    best = kept.groupby(_FIT).idxmax()
    return curve.set_index([*_FIT, "start"], drop=False).loc[best.tolist()].reset_index(drop=True)


def _curves(axes: Axes, curve: pd.DataFrame) -> None:
    for _, fit in curve.groupby(_FIT):
        axes.plot(fit["step"], fit["validation_bound"], **_THIN)
    steps = curve.groupby("step")["validation_bound"]
    # Where training can stop early, later steps would average another set of replicates.
    mean = steps.mean()[steps.count() == curve.groupby(_FIT).ngroups]
    axes.plot(mean.index, mean, **_MEAN)
    axes.set_xlim(0, curve["step"].max())
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    settled = curve.loc[curve["step"] >= _SETTLED * curve["step"].max(), "validation_bound"]
    margin = 0.08 * (settled.max() - settled.min()) or 1.0
    axes.set_ylim(settled.min() - margin, settled.max() + margin)
