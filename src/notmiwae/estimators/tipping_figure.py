"""Figures of a tipping-point analysis: an estimate and p over one δ, p's contours over two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

from notmiwae.plot_style import BLACK, BLUE, GREY, VERMILION, figure, styled

if TYPE_CHECKING:
    from notmiwae.estimators.tipping_point import TippingPoint

_SHORT = 0.3
"""Length of a contour, in widths of the axes, below which it has no label, which would be cut off."""
_LEVELS = (0.001, 0.01, 0.05, 0.2, 0.5)
"""p-values whose contours are drawn, beside that of the test's own level."""
_LOWER = ("#E8A07C", "#F2C4AD", "#FAE4D9")
_UPPER = ("#D6E8F3", "#A9CEE5", "#79B1D6")
"""Colours of significant estimates below and above the null hypothesis, light enough for lines over them."""


@styled
def line(result: TippingPoint) -> Figure:
    """Draw the estimate with its interval over δ, and p below it."""
    (axis,) = result.axes
    rows = result.table.sort_values(axis)
    drawn = figure(height=3.6, width=3.9)
    upper, lower = drawn.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    upper.fill_between(rows[axis], rows["lower"], rows["upper"], color=BLUE, alpha=0.18, lw=0)
    upper.plot(rows[axis], rows["estimate"], color=BLUE, marker="o", ms=3)
    upper.axhline(result.null, color=GREY, lw=0.8, ls=":")
    upper.set_ylabel(f"estimate, {1 - result.level:.0%} interval")
    upper.set_title(_wrapped(result.question))
    lower.plot(rows[axis], rows["p_value"], color=BLUE, marker="o", ms=3)
    lower.axhline(result.level, color=GREY, lw=0.8, ls=":")
    lower.set_yscale("log")
    lower.set_ylim(max(1e-6, 0.5 * float(rows["p_value"].min())), 1.5)
    lower.set_ylabel("p")
    lower.set_xlabel(_label(axis, result.measures[0]))
    for point in result.points[axis]:
        for axes in (upper, lower):
            axes.axvline(point, color=VERMILION, lw=1.0, ls="--")
        said = f" {point:+.2g}".replace("-", "−")
        place = (point, 0.98)
        upper.annotate(said, place, xycoords=upper.get_xaxis_transform(), color=VERMILION, va="top")
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    return drawn


@styled
def grid(result: TippingPoint) -> Figure:
    """Draw contours of p over two δ's; shaded where it's below the level, by the estimate's side."""
    first, second = result.axes
    rows = result.table.assign(z=result.signed())
    surface = rows.pivot(index=second, columns=first, values="z")
    x, y, z = surface.columns.to_numpy(), surface.index.to_numpy(), surface.to_numpy()
    drawn = figure(height=3.6, width=4.4)
    axes = drawn.subplots()
    edge = float(norm.isf(result.level / 2.0))
    steps = sorted({edge, *(float(norm.isf(p / 2.0)) for p in (0.001, 0.01) if p < result.level)})
    bands = [-np.inf, *[-step for step in reversed(steps)], *steps, np.inf]
    colours = [*_LOWER[3 - len(steps) :], "white", *_UPPER[: len(steps)]]
    axes.contourf(x, y, z, levels=_finite(bands, z), colors=colours)
    thin = sorted({norm.isf(p / 2.0) for p in _LEVELS if not np.isclose(p, result.level)})
    _contours(axes, (x, y, z), [*[-step for step in reversed(thin)], *thin], GREY, 0.7)
    _contours(axes, (x, y, z), [-edge, edge], BLACK, 1.6)
    axes.plot(*np.meshgrid(x, y), ".", color=GREY, ms=2.5, clip_on=False)
    if x[0] <= 0 <= x[-1] and y[0] <= 0 <= y[-1]:
        axes.plot(0, 0, "o", color=BLACK, ms=4, clip_on=False, zorder=5)
        behind = {"facecolor": "white", "alpha": 0.7, "lw": 0, "pad": 0.5}
        side, align = (-6, "right") if 2 * x[-1] < x[-1] - x[0] else (6, "left")
        axes.annotate(
            "at random", (0, 0), (side, 5), textcoords="offset points", ha=align, fontsize=7.5, bbox=behind
        )
    axes.set_xlabel(_label(first, result.measures[0]))
    axes.set_ylabel(_label(second, result.measures[1]))
    axes.set_title(f"p of the {_wrapped(result.question)}")
    return drawn


def _contours(
    axes: Any, surface: tuple[Any, Any, Any], levels: list[float], color: str, width: float
) -> None:
    """Draw contours of signed quantiles, labelled with the p-values that they stand for."""
    x, y, z = surface
    there = [level for level in levels if z.min() < level < z.max()]
    if not there:
        return
    lines = axes.contour(x, y, z, levels=there, colors=color, linewidths=width, linestyles="solid")
    size = np.array([np.ptp(x), np.ptp(y)])
    middles = [middle for paths in lines.allsegs if (middle := _middle(paths, size)) is not None]
    said = {level: f"{2.0 * norm.sf(abs(level)):.3g}" for level in there}
    if middles:
        axes.clabel(lines, colors=BLACK, fmt=said, fontsize=7, manual=middles)


def _middle(paths: list[Any], size: Any) -> tuple[float, float] | None:
    """Find the middle of a contour's longest path; None where all are too short for a label.

    Arguments:
        paths: Points of each path, `[P, 2]`.
        size: Width and height of the axes, in the units of the points.
    """
    lengths = [np.linalg.norm(np.diff(path, axis=0) / size, axis=1) for path in paths]
    longest = max(range(len(paths)), key=lambda each: lengths[each].sum(), default=None)
    if longest is None or lengths[longest].sum() < _SHORT:
        return None
    along = np.concatenate([[0.0], lengths[longest].cumsum()])
    across = (np.interp(along[-1] / 2.0, along, paths[longest][:, place]) for place in (0, 1))
    x, y = map(float, across)
    return x, y


def _finite(bands: list[float], z: Any) -> list[float]:
    """Return the edges of bands with finite ends beyond every value."""
    reach = 1.0 + max(float(np.abs(z).max()), *(abs(band) for band in bands[1:-1]))
    return [-reach, *bands[1:-1], reach]


def _label(axis: str, measure: str) -> str:
    unit = f" ({measure.strip()})" if measure else ""
    return f"δ of {axis}{unit}"


def _wrapped(text: str) -> str:
    """Break a long title in two lines."""
    from textwrap import fill

    return fill(text, 52)
