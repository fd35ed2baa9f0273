"""The missing process over the plane: how values went missing, and what a model learnt of it."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from scipy.interpolate import NearestNDInterpolator

from notmiwae.arrays import Floats
from notmiwae.mechanisms.mechanism import CalibratedMechanism, Mechanism
from notmiwae.plot_style import BLACK, PROBABILITY, figure, square_limits, styled
from study.reporting.names import column_name
from study.reporting.plane_scatter import limits, require_plane

Probability = Callable[[Floats], Floats]
"""Function of rows `[T, D]`: each value's probability to go missing, `[T, D]`."""

_CELLS = 240
"""Cells of a map in each direction."""


def mechanism_probability(mechanism: Mechanism, complete: pd.DataFrame) -> Probability:
    """Extend a mechanism's p(s = 0 | x) to any rows; its constants (a mean, a rate) are those of `complete`.

    A mechanism that can't be told its constants is taken at the nearest row of `complete`.

    Arguments:
        mechanism: The mechanism.
        complete: The complete table that the mechanism was applied to, N × D.
    """
    if mechanism.rowwise or isinstance(mechanism, CalibratedMechanism):
        rule = mechanism.rule(complete)
        return lambda rows: rule(pd.DataFrame(rows, columns=complete.columns))
    values = complete.to_numpy(dtype=np.float64)
    nearest = NearestNDInterpolator(values, mechanism.probability(complete), rescale=True)
    return lambda rows: np.asarray(nearest(rows), dtype=np.float64)


@styled
def missing_process(
    complete: pd.DataFrame, masked: pd.DataFrame, maps: Sequence[tuple[str, Probability]]
) -> Figure:
    """Plot heat maps of p(s_j = 0 | x) side by side, a row for each column that lost values.

    Arguments:
        complete: The complete table, N × 2; its points lie over the maps.
        masked: The same table with NaN where missing.
        maps: Titles and probabilities: those of the mechanism, then those that the models learnt.

    Raises:
        DataError: the tables don't have two columns.
    """
    require_plane(complete)
    points = complete.to_numpy(dtype=np.float64)
    lost = np.flatnonzero(masked.isna().any().to_numpy())
    lower, upper = limits(points)
    # The middles of the image's cells, so that a probability stands where it was computed.
    edges = np.linspace(lower, upper, _CELLS + 1)
    middle = (edges[:-1] + edges[1:]) / 2
    plane = np.stack(np.meshgrid(middle, middle), axis=-1)
    surfaces = [(title, probability(plane.reshape(-1, 2))) for title, probability in maps]

    width = 2.55 * len(maps) + 0.75
    drawn = figure(height=2.65 * len(lost) + 0.1, width=width, layout="compressed")
    grid = drawn.subplots(len(lost), len(maps), sharex=True, sharey=True, squeeze=False)
    first, second = (column_name(str(name)) for name in complete.columns)
    for row, column in zip(grid, lost, strict=True):
        for axes, (title, surface) in zip(row, surfaces, strict=True):
            image = _heat(axes, middle, surface[:, column].reshape(_CELLS, _CELLS), (lower, upper))
            axes.scatter(points[:, 0], points[:, 1], s=3, color=BLACK, alpha=0.3, linewidths=0)
            square_limits(axes, lower, upper)
            axes.set_title(title)
            axes.set_xlabel(first)
            axes.set_ylabel(second)
            axes.label_outer()
        name = column_name(str(complete.columns[int(column)]))
        bar = drawn.colorbar(image, ax=list(row), ticks=[0, 0.25, 0.5, 0.75, 1], aspect=18, pad=0.02)
        bar.set_label(f"probability that {name} is missing")
        bar.ax.axhline(0.5, color=BLACK, lw=1.2, ls="--")
    return drawn


def _heat(axes: Axes, middle: Floats, surface: Floats, ends: tuple[float, float]) -> AxesImage:
    image = axes.imshow(
        surface, PROBABILITY, vmin=0, vmax=1, origin="lower", extent=(*ends, *ends), interpolation="nearest"
    )
    # Matplotlib warns of a contour that isn't there.
    if surface.min() < 0.5 < surface.max():
        axes.contour(middle, middle, surface, levels=[0.5], colors=BLACK, linewidths=1.2, linestyles="--")
    return image
