"""Observed and imputed values column by column: the figure of a table of which nobody knows the truth."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from notmiwae.arrays import Floats
from notmiwae.plot_style import LIGHT, figure, styled
from notmiwae.training.fitted_model import FittedModel, missing_probability
from study.data.tables import ImputedCells
from study.reporting.methods import looks, method_name
from study.reporting.names import column_name

_FIRST = 4
"""So many columns are shown, those that miss most."""
_BINS = 30
_POINTS = 201


@styled
def column_densities(
    masked: pd.DataFrame,
    imputed: Mapping[str, ImputedCells],
    fitted: Mapping[str, Sequence[FittedModel]],
) -> Figure:
    """Plot each column: observed values in grey, each model's draws as a line, and below, p(missing | x).

    For the probability, the other values are held at their columns' means.

    Arguments:
        masked: The table with NaN where missing.
        imputed: Imputed cells by the model's name.
        fitted: Members of each model by its name.
    """
    missing = masked.isna().sum().to_numpy()
    shown = [j for j in np.argsort(-missing, kind="stable")[:_FIRST].tolist() if missing[j]]
    drawn = figure(height=3.4, width=1.75 * max(len(shown), 2) + 0.5)
    above, below = drawn.subplots(
        2, len(shown), sharex="col", sharey="row", squeeze=False, height_ratios=[2, 1]
    )
    lines = {
        model: {"color": look["color"], "ls": look["ls"], "lw": 1.3}
        for model, look in looks([*imputed]).items()
    }
    values = masked.to_numpy(dtype=np.float64)
    for upper, lower, column in zip(above, below, shown, strict=True):
        draws = {model: _values(cells, column) for model, cells in imputed.items()}
        observed = values[np.isfinite(values[:, column]), column]
        low, high = np.quantile(np.concatenate([observed, *draws.values()]), [0.002, 0.998]).tolist()
        edges = np.linspace(low, high, _BINS + 1)
        _outline(upper, observed, edges, fill=True, color=LIGHT)
        for model, sample in draws.items():
            _outline(upper, sample, edges, **lines[model])
        x = np.linspace(low, high, _POINTS)
        rows = np.tile(np.nanmean(values, axis=0), (_POINTS, 1))
        rows[:, column] = x
        for model, members in fitted.items():
            if not members[0].ignorable:
                lower.plot(x, missing_probability(members, rows)[:, column], **lines[model])
        upper.set_title(column_name(str(masked.columns[column])), fontsize=8, pad=3)
        for axes in (upper, lower):
            axes.spines[["top", "right"]].set_visible(False)
    above[0].set(ylabel="share of the values", ylim=(0, None))
    below[0].set(ylabel="p(missing)", ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])
    handles = [
        Patch(color=LIGHT, label="observed"),
        *(Line2D([], [], label=f"missing, {method_name(model)}", **look) for model, look in lines.items()),
    ]
    drawn.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return drawn


def _values(cells: ImputedCells, column: int) -> Floats:
    """Return what a column's cells are imputed with: all draws where there are any."""
    chosen = cells.column == column
    values: Floats = cells.draws[chosen] if cells.draws.shape[1] else cells.mean[chosen]
    return values.ravel()


def _outline(axes: Axes, values: Floats, edges: Floats, **look: Any) -> None:
    counts, _ = np.histogram(values, edges)
    axes.stairs(counts / max(len(values), 1), edges, **look)
