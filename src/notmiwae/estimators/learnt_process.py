"""What an imputer learnt of why values are missing, in the columns' own units: a table and a figure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.columns import Column
from notmiwae.estimators.evidence import unexplained
from notmiwae.specs import suggest
from notmiwae.training.fitted_model import FittedModel, missing_probability

_WIDTH = 2 * 1.2815515655446004
"""Width of a probit between probabilities of 0.1 and 0.9, in units of 1/slope."""
_POINTS = 200
_GIVEN = "given "
_MOST_DRIVERS = 6
"""Drivers of a column that are listed at most."""


def learnt_table(columns: Sequence[Column], members: Sequence[FittedModel]) -> pd.DataFrame:
    """List what was learnt, a row for each column with a missing process: the mean over members.

    Arguments:
        columns: Columns of the imputed table.
        members: Fitted models.

    Columns of what is returned:
        column: Name.
        direction: `high`, `low`, `outside` or `inside`: which values go missing; `any` where only a rate is
            learnt. Members that disagree are `high / low`.
        midpoint: Where a value is as likely seen as not, in the column's unit: the lower edge of two.
        upper_midpoint: The upper edge, NaN where there is one.
        width: Over which the probability goes from 0.1 to 0.9, in the column's unit: near 0, a clean cut.
        rate: The probability of being missing, where it depends on nothing, or at the drivers' means.
        at_random: The share π that is missing whatever the value; only where it was asked for.
        together: By how much the midpoint varies from row to row, one standard deviation, in the column's
            unit; only where gaps come together.
        members: Number of members that have it; only where some take a column as missing at random.
        given: By how much each driver moves the midpoint, per unit of the driver, in the column's unit (of
            one whose value plays no part, the probit of the rate of being seen); only where there are any.

    Raises:
        DataError: a process has more than two edges, which the table has no columns for.
    """
    rows = []
    for member in members:
        for found in member.model.missing_process.learnt():
            place = found["column"]
            edges, slopes = _unmapped(member, place, found.get("midpoints", []))
            if len(edges) > 2:
                given = f"column {member.columns[place]!r}: its process has {len(edges)} midpoints"
                raise DataError(f"{given}; the table has room for two")
            low, high = (*edges, np.nan, np.nan)[:2]
            # The edge is in the column's units only where it's one of values.
            unit = 1.0 / slopes[0] if edges else 1.0
            row = {
                "column": member.columns[place],
                "direction": found.get("direction", "any"),
                "midpoint": low,
                "upper_midpoint": high,
                "width": _WIDTH / slopes[0] / found["slope"] if edges else np.nan,
                "rate": found.get("rate"),
            }
            row |= {"at_random": found["at_random"]} if "at_random" in found else {}
            row |= {"together": found["together"] * unit} if "together" in found else {}
            rows.append(row | _by_driver(columns, member, found.get("given", []), unit))
    names = ["column", "direction", "midpoint", "upper_midpoint", "width", "rate"]
    shown = list(dict.fromkeys([*names, *(name for row in rows for name in row)]))
    table = pd.DataFrame(rows, columns=shown)
    numbers = shown[2:]
    table[numbers] = table[numbers].astype(float)
    counts = table["column"].value_counts()
    order = [name for name in (members[0].columns if members else ()) if name in counts]
    means = table.groupby("column")[numbers].mean()
    directions = table.groupby("column")["direction"].agg(lambda found: " / ".join(sorted(set(found))))
    means = means.assign(direction=directions).reindex(order).reset_index()
    if (counts < len(members)).any():
        means["members"] = [int(counts[name]) for name in order]
    drivers = [name for name in numbers if name.startswith(_GIVEN)]
    if drivers:
        sizes = means[[f"size of {name}" for name in drivers]].to_numpy()
        means["given"] = [
            _listed(row[drivers], own) for (_, row), own in zip(means.iterrows(), sizes, strict=True)
        ]
    further = ("at_random", "together", "members", "given")
    return means[[*names, *(name for name in further if name in means)]]


def _by_driver(
    columns: Sequence[Column], member: FittedModel, found: Sequence[tuple[int, str, float]], unit: float
) -> dict[str, float]:
    """Return by how much each driver moves a midpoint, in the units of both; of names, each by its name.

    Beside it, by how much a standard deviation of the driver does, in the column's standard deviations.
    """
    moved: dict[str, float] = {}
    for feature, code, coefficient in found:
        own = columns[feature]
        value = f"={own.values[int(code.removeprefix('='))]}" if code and own.values else code
        slope = 1.0 / member.scaling.scale[feature] if code else _unmapped(member, feature, [0.0])[1][0]
        name = f"{_GIVEN}{own.name}{value}"
        moved |= {name: coefficient * unit * slope, f"size of {name}": abs(coefficient)}
    return moved


@torch.no_grad()
def _unmapped(member: FittedModel, place: int, values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return values of a column as the model has them in the column's units, and the map's slopes there."""
    mean, scale = member.scaling.mean[place], member.scaling.scale[place]
    x, log_slope = torch.tensor(values), torch.zeros(len(values))
    if member.model.shapes is not None:
        shape = member.model.shapes().columns(torch.full((len(values),), place))
        x = shape.inverse(x)
        log_slope = shape.log_slope(x)
    order = x.argsort()
    return (mean + scale * x[order].double().numpy()).tolist(), (log_slope[order].exp() / scale).tolist()


@torch.no_grad()
def equal_steps(member: FittedModel, column: str) -> list[float]:
    """Return what lies a whole number of steps from a column's median on the scale that it learnt, 3 at most.

    `ξ + k` of T, k = −3 … 3, mapped back to the column's units: where its tail is long, steps are too.

    Arguments:
        member: Fitted model.
        column: Name of the column; one without a shape has no steps.
    """
    place = member.columns.index(column)
    if member.model.shapes is None or not member.model.shapes.shaped[place]:
        return []
    centre = float(member.model.shapes().centre[place])
    return _unmapped(member, place, [centre + step for step in range(-3, 4)])[0]


def _listed(coefficients: pd.Series, sizes: npt.NDArray[np.float64]) -> str:
    """Write the greatest of the coefficients that a column has in a line, by their sizes."""
    order = np.argsort(-np.nan_to_num(sizes), kind="stable")
    had = coefficients.iloc[order].dropna()
    listed = [
        f"{str(name).removeprefix(_GIVEN)} {value:+.3g}".replace("-", "−")
        for name, value in had.head(_MOST_DRIVERS).items()
    ]
    more = [f"{len(had) - _MOST_DRIVERS} more"] if len(had) > _MOST_DRIVERS else []
    return ", ".join(listed + more)


def plot(
    columns: Sequence[Column],
    members: Sequence[FittedModel],
    rows: npt.NDArray[np.float64],
    shown: Sequence[str] | None = None,
) -> Any:
    """Draw the learnt `p(s_j = 0 | x_j)`, a panel for each column that can be missing.

    A line is a member; the ticks below are observed values. Other columns stand at their means.

    Arguments:
        columns: Columns of the table.
        members: Fitted models.
        rows: Training rows as numbers, NaN where missing.
        shown: Names of columns; None: the first twelve.

    Raises:
        DataError: no column has a missing process, or one that is shown has no observed value.
        ParameterError: there is no such column.
    """
    from matplotlib.figure import Figure

    names = [column.name for column in columns]
    for name in shown or ():
        if str(name) not in names:
            raise ParameterError(f"columns: no column {name!r}{suggest(name, names)}")
    possible = sorted(
        {
            place
            for member in members
            for place in member.model.missing_process.columns.tolist()
            if place not in unexplained(member.model.missing_process)
        }
    )
    places = [names.index(str(name)) for name in shown] if shown else possible[:12]
    if not places or not possible:
        raise DataError("values were taken as missing at random: there is no missing process to be shown")
    for place in places:
        if np.isnan(rows[:, place]).all():
            raise DataError(f"column {names[place]!r} has no observed value in these rows")
    across = min(4, len(places))
    down = -(-len(places) // across)
    figure = Figure(figsize=(2.3 * across + 0.4, 1.9 * down + 0.4), layout="constrained")
    grid = figure.subplots(down, across, sharey=True, squeeze=False)
    for axes in grid.flat[len(places) :]:
        axes.set_axis_off()
    for axes, place in zip(grid.flat, places, strict=False):
        _panel(axes, columns[place], place, members, rows)
    figure.supylabel("probability that the value is missing", fontsize=9)
    return figure


def _panel(
    axes: Any, column: Column, place: int, members: Sequence[FittedModel], rows: npt.NDArray[np.float64]
) -> None:
    from notmiwae.plot_style import BLUE, GREY

    observed = rows[~np.isnan(rows[:, place]), place]
    # Missing values may lie beyond what was seen.
    reach = 0.0 if column.values else 0.5 * (observed.max() - observed.min())
    x = (
        np.arange(len(column.values), dtype=float)
        if column.values
        else np.linspace(observed.min() - reach, observed.max() + reach, _POINTS)
    )
    # Zero for a column that these rows don't have.
    observed_rows = ~np.isnan(rows)
    means = np.where(observed_rows, rows, 0.0).sum(axis=0) / observed_rows.sum(axis=0).clip(1)
    if column.lowest is not None or column.highest is not None:
        x = np.clip(x, column.lowest, column.highest)
    complete = np.tile(means, (len(x), 1))
    complete[:, place] = x
    explaining = [member for member in members if place not in unexplained(member.model.missing_process)]
    for member in explaining:
        probability = missing_probability([member], complete)[:, place]
        axes.plot(x, probability, "o-" if column.values else "-", color=BLUE, alpha=0.6, lw=1.2, ms=3)
    axes.plot(observed, np.full(len(observed), -0.08), "|", color=GREY, ms=6, mew=0.4)
    # The others take it as missing at random.
    share = "" if len(explaining) == len(members) else f"\n{len(explaining)} of {len(members)} models"
    axes.set_title(column.name + share, fontsize=9)
    axes.set(ylim=(-0.15, 1.05), yticks=[0, 0.5, 1])
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if column.values:
        axes.set_xticks(x, [str(value) for value in column.values], rotation=30, ha="right", fontsize=7)
