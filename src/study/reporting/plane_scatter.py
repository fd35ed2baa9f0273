"""Figures of two-dimensional tables: the points, and what the methods make of those that lost a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from notmiwae.arrays import Floats, Mask
from notmiwae.errors import DataError
from notmiwae.plot_style import BLUE, PAGE, PALE, VERMILION, figure, square_limits, styled
from study.reporting.names import column_name

_COLUMNS = 4
_LOOKS: dict[str, dict[str, Any]] = {
    "observed": {"marker": "o", "s": 5, "color": PALE, "alpha": 0.6, "linewidths": 0},
    "hidden": {"marker": "s", "s": 6, "color": BLUE, "alpha": 0.8, "linewidths": 0},
    "imputed": {"marker": "^", "s": 9, "color": VERMILION, "alpha": 0.8, "linewidths": 0},
}


@dataclass(frozen=True)
class Panel:
    """A completed table.

    Attributes:
        title: Text above the panel.
        values: Values of the table, `[N, 2]`.
    """

    title: str
    values: Floats


def require_plane(table: pd.DataFrame) -> None:
    """Check that a table has two columns.

    Raises:
        DataError: it has another number of them.
    """
    if len(table.columns) != 2:
        raise DataError(f"a figure of the plane needs 2 columns, found {len(table.columns)}")


def limits(*tables: Floats) -> tuple[float, float]:
    """Compute one pair of limits for both axes that holds all points of `tables`, with a margin of 5 %."""
    lower = min(float(np.nanmin(table)) for table in tables)
    upper = max(float(np.nanmax(table)) for table in tables)
    margin = 0.05 * (upper - lower)
    return lower - margin, upper + margin


@styled
def reconstruction(
    complete: pd.DataFrame, masked: pd.DataFrame, limit: Panel | None, imputed: Sequence[Panel]
) -> Figure:
    """Plot true and observed points above, the methods' completions below.

    Arguments:
        complete: The complete table, N × 2.
        masked: The same table with NaN where missing.
        limit: The Bayes-optimal completion, if known; it joins the upper row.
        imputed: Completions by the methods.

    Raises:
        DataError: the tables don't have two columns.
    """
    require_plane(complete)
    truth, observed = (table.to_numpy(dtype=np.float64) for table in (complete, masked))
    missing = np.isnan(observed)
    incomplete = missing.any(axis=1)
    rows = 1 + -(-len(imputed) // _COLUMNS)
    drawn = figure(height=rows * PAGE / _COLUMNS * 1.08, layout="compressed")
    grid = drawn.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()

    names = first, second = [column_name(str(name)) for name in complete.columns]
    panels: list[tuple[Axes, Panel, str | None]] = [
        (grid[0, 0], Panel("True data", truth), "hidden"),
        (grid[0, 1], Panel("Observed", truth), None),
        *((grid[0, 2], panel, "imputed") for panel in [limit] if panel),
        *((axes, panel, "imputed") for axes, panel in zip(grid[1:].ravel(), imputed, strict=False)),
    ]
    ends = limits(*(panel.values for _, panel, _ in panels))
    for axes, panel, role in panels:
        axes.set_axis_on()
        axes.scatter(*panel.values[~incomplete].T, **_LOOKS["observed"])
        if role:
            axes.scatter(*panel.values[incomplete].T, **_LOOKS[role])
        axes.set_title(panel.title)
        square_limits(axes, *ends)
        axes.set_xlabel(first)
        axes.set_ylabel(second)
        axes.label_outer()
    rugs = _rugs(grid[0, 1], observed, missing, names)
    lost = " or ".join(name for name, any_ in zip(names, missing.any(axis=0), strict=True) if any_)
    _legend(grid[0, -1], lost, rugs)
    return drawn


def _rugs(axes: Axes, observed: Floats, missing: Mask, names: Sequence[str]) -> dict[str, str]:
    """Draw ticks along an axis for rows that kept only its value; return their markers and meanings."""
    meanings = {}
    for column, marker in ((0, "|"), (1, "_")):
        kept = observed[missing[:, 1 - column] & ~missing[:, column], column]
        if not len(kept):
            continue
        edge = np.full(len(kept), 0.03)
        at = (kept, edge) if column == 0 else (edge, kept)
        transform = axes.get_yaxis_transform() if column else axes.get_xaxis_transform()
        axes.plot(*at, transform=transform, ls="", marker=marker, ms=5, mew=0.5, color=BLUE, alpha=0.4)
        meanings[marker] = f"{names[column]} of a row\nwithout {names[1 - column]}"
    return meanings


def _legend(axes: Axes, lost: str, rugs: dict[str, str]) -> None:
    """Explain the markers in a panel that holds nothing else, each larger than in the panels."""
    meanings = {"observed": "complete row", "hidden": f"row that loses {lost}", "imputed": "imputed"}
    for role, text in meanings.items():
        axes.scatter([], [], label=text, **_LOOKS[role] | {"s": 26, "alpha": 0.95})
    for marker, text in rugs.items():
        axes.plot([], [], ls="", marker=marker, ms=8, mew=1.4, color=BLUE, label=text)
    axes.legend(loc="center left", bbox_to_anchor=(-0.05, 0.5), handletextpad=0.3, labelspacing=1.0)
