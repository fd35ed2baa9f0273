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
from notmiwae.model.missing_process.by_column import ByColumnSpec
from notmiwae.model.missing_process.ignorable import IgnorableSpec
from notmiwae.plot_style import LIGHT, figure, styled
from notmiwae.training.fitted_model import FittedModel, missing_probability
from study.data.tables import ImputedCells
from study.reporting.methods import looks, method_name
from study.reporting.names import column_name

_ACROSS = 4
"""Columns side by side."""
_MOST = 100
"""So many columns fit into a picture, those that miss most."""
_BINS = 30
_POINTS = 201
_LONGEST = 14
"""Characters of a category's name."""
_CATEGORIES = 8
"""Categories that are shown, the commonest; the others are one."""


_OBSERVED: dict[str, Any] = {"fill": True, "color": LIGHT}
_AT_RANDOM = "taken as\nmissing at random"


@styled
def column_densities(
    masked: pd.DataFrame,
    imputed: Mapping[str, ImputedCells],
    fitted: Mapping[str, Sequence[FittedModel]],
    words: Mapping[str, Sequence[str]],
) -> Figure:
    """Plot every column with gaps: what was observed in grey, each model's draws, below p(missing | x).

    For the probability, the other values are held at their columns' means, categories at the commonest one.

    Arguments:
        masked: The table as numbers, NaN where missing.
        imputed: Imputed cells by the model's name.
        fitted: Members of each model by its name.
        words: Categories in the order of their codes, of the columns that hold any.
    """
    missing = masked.isna().sum().to_numpy()
    shown = [j for j in np.argsort(-missing, kind="stable")[:_MOST].tolist() if missing[j]]
    across = min(_ACROSS, max(len(shown), 2))
    down = -(-len(shown) // across)
    drawn = figure(height=2.9 * down + 0.5, width=1.75 * across + 0.5)
    grid = drawn.subplots(2 * down, across, squeeze=False, height_ratios=[2, 1] * down)
    lines = {
        m: {"color": look["color"], "ls": look["ls"], "lw": 1.3} for m, look in looks([*imputed]).items()
    }
    typical = np.array(
        [column.mode()[0] if name in words else column.mean() for name, column in masked.items()]
    )
    for axes in grid.flat:
        axes.set_axis_off()
    for place, column in enumerate(shown):
        upper, lower = (grid[2 * (place // across) + below, place % across] for below in (0, 1))
        lower.sharex(upper)
        observed = masked.iloc[:, column].dropna().to_numpy()
        draws = {model: _values(cells, column) for model, cells in imputed.items()}
        names = words.get(str(masked.columns[column]))
        if names:
            positions, x = _name(lower, observed, names)
            codes = {model: _places(sample, x) for model, sample in draws.items()}
            samples, edges = {"": _places(observed, x), **codes}, np.arange(len(x) + 1) - 0.5
        else:
            samples = {"": observed, **draws}
            edges = _edges([*samples.values()])
            positions = x = np.linspace(edges[0], edges[-1], _POINTS)
        for model, sample in samples.items():
            shares = np.histogram(sample, edges)[0] / max(len(sample), 1)
            upper.stairs(shares, edges, **(lines[model] if model else _OBSERVED))
        rows = np.tile(typical, (len(x), 1))
        rows[:, column] = x
        learnt = {
            model: missing_probability(explaining, rows)[:, column]
            for model, members in fitted.items()
            if (explaining := _explaining(members, column, names))
        }
        for model, probability in learnt.items():
            lower.plot(positions, probability, marker="o" if names else "", ms=3, **lines[model])
        upper.set_title(column_name(str(masked.columns[column])), fontsize=8, pad=3)
        _finish(upper, lower, first=place % across == 0, learnt=bool(learnt))
    handles = [
        Patch(color=LIGHT, label="observed"),
        *(Line2D([], [], label=f"missing, {method_name(model)}", **look) for model, look in lines.items()),
    ]
    drawn.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return drawn


def _finish(upper: Axes, lower: Axes, first: bool, learnt: bool) -> None:
    if not learnt:
        lower.text(0.5, 0.5, _AT_RANDOM, ha="center", va="center", fontsize=7, transform=lower.transAxes)
    for axes in (upper, lower):
        axes.set_axis_on()
        axes.spines[["top", "right"]].set_visible(False)
    upper.set(ylim=(0, None))
    upper.tick_params(labelbottom=False)
    lower.set(ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])
    if first:
        upper.set_ylabel("share of the values")
        lower.set_ylabel("p(missing)")


def _edges(samples: Sequence[Floats]) -> Floats:
    """Return the edges of a histogram over the range of all values; of whole numbers, between them."""
    values = np.concatenate(samples)
    low, high = np.quantile(values, [0.002, 0.998]).tolist()
    if (values == np.rint(values)).all():
        step = int((high - low) // _BINS) + 1
        return np.arange(low - 0.5, high + step, step)
    return np.linspace(low, high if high > low else low + 1.0, _BINS + 1)


def _name(axes: Axes, observed: Floats, names: Sequence[str]) -> tuple[Floats, Floats]:
    """Name the commonest categories below an axis; return where they stand, and their codes."""
    counts = np.bincount(observed.astype(int), minlength=len(names))
    codes = np.sort(np.argsort(-counts, kind="stable")[:_CATEGORIES])
    positions = np.arange(len(codes), dtype=np.float64)
    shown = [_shortened(names[code]).replace("$", r"\$") for code in codes]
    axes.set_xticks(positions, shown, rotation=35, ha="right", fontsize=7)
    return positions, codes.astype(np.float64)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _places(values: Floats, codes: Floats) -> Floats:
    """Return where the categories of values stand, -1 of those that aren't shown."""
    places = np.searchsorted(codes, values).clip(max=len(codes) - 1)
    return np.where(codes[places] == values, places, -1.0)


def _explaining(
    members: Sequence[FittedModel], column: int, names: Sequence[str] | None
) -> list[FittedModel]:
    """List the members that have a model of a column's gaps, and know its categories."""
    found = []
    for member in members:
        process = member.process
        if isinstance(process, ByColumnSpec):
            process = process.columns.get(member.columns[column], process.default)
        known = not names or member.codes[column] in (0, len(names))
        if known and not isinstance(process, IgnorableSpec):
            found.append(member)
    return found


def _values(cells: ImputedCells, column: int) -> Floats:
    """Return what a column's cells are imputed with: all draws where there are any."""
    chosen = cells.column == column
    values: Floats = cells.draws[chosen] if cells.draws.shape[1] else cells.mean[chosen]
    return values.ravel()
