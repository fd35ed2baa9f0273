"""Learnt missing processes over one column at a time, beside the mechanism that took the values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from notmiwae.arrays import Floats
from notmiwae.errors import DataError
from notmiwae.mechanisms.mechanism import Mechanism
from notmiwae.plot_style import BLACK, GREY, figure, styled
from notmiwae.training.fitted_model import FittedModel, missing_probability
from study.reporting.methods import NOT_MIWAE
from study.reporting.names import column_name, dataset_name
from study.reporting.process_heatmaps import mechanism_probability

_FIRST = 4
"""So many of a table's columns are shown."""
_POINTS = 401
_TAIL = 0.005
"""Values further out in the tails aren't shown."""

_TRUE: dict[str, Any] = {"color": BLACK, "lw": 1.0, "ls": "--"}
_VALUES: dict[str, Any] = {"color": GREY, "ls": "", "marker": "|", "ms": 4, "mew": 0.4}
_SAMPLE = 80
_BELOW = -0.13
"""Where the sample of values stands, below the probability 0."""
_LEARNT: dict[str, Any] = {"color": NOT_MIWAE, "lw": 0.8, "alpha": 0.7}


@dataclass(frozen=True)
class Learnt:
    """p(s_j = 0 | x_j) of one column; all others are held at their means.

    Attributes:
        dataset: Name of the data set.
        column: Name of the column.
        values: True values of the column, `[N]`.
        x: Points over the values' range, `[T]`.
        true: Probabilities of the mechanism at these points, `[T]`.
        curves: Probabilities that each replicate learnt, a row of `[T]` each.
    """

    dataset: str
    column: str
    values: Floats
    x: Floats
    true: Floats
    curves: Floats


def learnt_columns(
    dataset: str,
    complete: pd.DataFrame,
    masked: pd.DataFrame,
    mechanism: Mechanism,
    replicates: Sequence[Sequence[FittedModel]],
    columns: Sequence[int] | None = None,
) -> Iterator[Learnt]:
    """Evaluate what the replicates of a model learnt of columns that lost values.

    Arguments:
        dataset: Name of the data set.
        complete: The complete table.
        masked: The same table with NaN where missing.
        mechanism: The mechanism by which values went missing.
        replicates: Members of the model, replicate by replicate.
        columns: Indices of the columns to show; by default the first four that lost values.

    Raises:
        DataError: the model has no missing process.
    """
    if any(member.ignorable for members in replicates for member in members):
        raise DataError(f"{dataset}: the model has no missing process to be shown")
    values = complete.to_numpy(dtype=np.float64)
    truth = mechanism_probability(mechanism, complete)
    if columns is None:
        columns = np.flatnonzero(masked.isna().any().to_numpy())[:_FIRST].tolist()
    for column in columns:
        low, high = np.quantile(values[:, column], [_TAIL, 1 - _TAIL]).tolist()
        x = np.linspace(low, high, _POINTS)
        rows = np.tile(values.mean(axis=0), (_POINTS, 1))
        rows[:, column] = x
        curves = [missing_probability(members, rows)[:, column] for members in replicates]
        name = str(complete.columns[column])
        yield Learnt(dataset, name, values[:, column], x, truth(rows)[:, column], np.stack(curves))


@styled
def learnt_processes(columns: Sequence[Learnt]) -> Figure:
    """Plot what was learnt as lines, the truth dashed: a row a data set, a panel for each of its columns.

    Arguments:
        columns: Columns in the panels' order, those of a data set together.
    """
    by_dataset = {name: [*panels] for name, panels in groupby(columns, lambda panel: panel.dataset)}
    width = max(map(len, by_dataset.values()))
    drawn = figure(height=1.2 * len(by_dataset) + 0.6)
    grid = drawn.subplots(len(by_dataset), width, sharey=True, squeeze=False)
    for row, (dataset, panels) in zip(grid, by_dataset.items(), strict=True):
        for axes in row[len(panels) :]:
            axes.set_axis_off()
        for axes, panel in zip(row, panels, strict=False):
            _panel(axes, panel)
        row[0].set_ylabel(dataset_name(dataset), fontsize=9)
    grid[0, 0].set(ylim=(-0.22, 1.05), yticks=[0, 0.5, 1])
    # A single row is too low for it in one line.
    text = "probability that the value is missing"
    drawn.supylabel(text if len(by_dataset) > 1 else fill(text, 20), fontsize=8.5, ma="center")
    handles = [
        Line2D([], [], label="learnt, one replicate", **_LEARNT),
        Line2D([], [], label="true mechanism", **_TRUE),
        Line2D([], [], label="true values, a sample", **_VALUES),
    ]
    drawn.legend(handles=handles, loc="outside lower center", ncols=3)
    return drawn


def _panel(axes: Axes, panel: Learnt) -> None:
    for curve in panel.curves:
        axes.plot(panel.x, curve, **_LEARNT)
    axes.plot(panel.x, panel.true, **_TRUE)
    inside = panel.values[(panel.values >= panel.x[0]) & (panel.values <= panel.x[-1])]
    sample = np.quantile(inside, np.linspace(0, 1, _SAMPLE), method="nearest")
    axes.plot(sample, np.full(_SAMPLE, _BELOW), **_VALUES)
    axes.set_title(column_name(panel.column), fontsize=8, pad=3)
    axes.margins(x=0.02)
    axes.spines[["top", "right"]].set_visible(False)
