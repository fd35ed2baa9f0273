"""The critical-difference diagram (Demšar, JMLR 2006): average ranks, and what they can't tell apart."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from notmiwae.plot_style import BLACK, GREY, PAGE, figure, styled
from study.reporting.methods import method_name

_BAR = 0.5
"""Height of a method's label in the diagram's units; a group's bar takes half of it."""
_LABEL = 2.4
"""Room for the labels on a side, inches."""
_TICKS = 10
"""With more ranks than these every other has a number."""


def groups(ranks: Sequence[float], distance: float) -> list[tuple[int, int]]:
    """Find the first and last of each longest row of ranks within the critical difference, if it has several.

    Arguments:
        ranks: Average ranks, ascending.
        distance: The critical difference.
    """
    ends: list[tuple[int, int]] = []
    for first, rank in enumerate(ranks):
        last = max(at for at, other in enumerate(ranks) if other - rank <= distance)
        # A group that ends where the one before ended is part of it.
        if last > first and (not ends or last > ends[-1][1]):
            ends.append((first, last))
    return ends


@styled
def critical_differences(ranking: pd.DataFrame) -> Figure:
    """Plot methods along the axis of average ranks, best on the left; a bar joins those that don't differ.

    Arguments:
        ranking: Rows as `significance.ranking` returns them.
    """
    rows = ranking[ranking["metric"] == "rank"]
    methods, ranks = rows["method"].tolist(), rows["mean"].tolist()
    distance = float(ranking.set_index("metric")["mean"]["critical_difference"])
    bars = groups(ranks, distance)
    half = -(-len(methods) // 2)
    depth = _BAR * (half + 0.5 + 0.5 * len(bars))
    drawn = figure(height=0.4 * depth + 0.85, layout=None)
    axes = drawn.add_axes((0.0, 0.0, 1.0, 1.0))
    inch = (len(methods) - 1) / (PAGE - 2 * _LABEL)
    gap = 0.04 * inch
    axes.set_xlim(1 - _LABEL * inch, len(methods) + _LABEL * inch)
    axes.set_ylim(-depth - 0.25, 1.6)
    axes.set_axis_off()

    axes.plot([1, len(methods)], [0, 0], color=BLACK, lw=1.0)
    for tick in range(1, len(methods) + 1):
        axes.plot([tick, tick], [0, 0.12], color=BLACK, lw=0.8)
        if len(methods) <= _TICKS or tick % 2:
            axes.text(tick, 0.2, str(tick), ha="center", va="bottom", fontsize=7.5)
    axes.text(1 - 0.1 * inch, 0.2, "average rank (1: lowest RMSE)", ha="right", va="bottom")
    _ruler(axes, distance)
    for at, (first, last) in enumerate(bars):
        height = -_BAR / 2 * (at + 1)
        axes.plot([ranks[first], ranks[last]], [height, height], color=BLACK, lw=3.2, solid_capstyle="butt")
    top = _BAR / 2 * (len(bars) + 1)
    for at, (method, rank) in enumerate(zip(methods, ranks, strict=True)):
        left = at < half
        height = -top - _BAR * (at if left else len(methods) - 1 - at) - _BAR / 4
        end, away = (1 - 0.05 * inch, -gap) if left else (len(methods) + 0.05 * inch, gap)
        axes.plot([rank, rank, end], [0, height, height], color=GREY, lw=0.8, zorder=1)
        label = "  ".join([method_name(method), f"{rank:.1f}"][:: 1 if left else -1])
        axes.text(end + away, height, label, ha="right" if left else "left", va="center", fontsize=7.5)
    return drawn


def _ruler(axes: Axes, distance: float) -> None:
    """Draw the critical difference to scale, above the axis."""
    axes.plot([1, 1 + distance], [0.95, 0.95], color=BLACK, lw=1.0)
    for end in (1, 1 + distance):
        axes.plot([end, end], [0.88, 1.02], color=BLACK, lw=1.0)
    axes.text(1 + distance / 2, 1.05, f"critical difference {distance:.1f}", ha="center", va="bottom")
