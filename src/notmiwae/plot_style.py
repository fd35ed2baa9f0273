"""How every figure looks, and how it is written: one place for fonts, colours, sizes and bytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from notmiwae.files import whole_file

# The palette of Okabe & Ito, told apart with any colour vision. What shares a panel differs in lightness and
# marker too, so that grey print and eyes that see no colour lose nothing.
BLACK, GREY, PALE, LIGHT = "#000000", "#8C8C8C", "#A9A9A9", "#D0D0D0"
BLUE, VERMILION, ORANGE = "#0072B2", "#D55E00", "#E69F00"
GREEN, PURPLE, SKY = "#009E73", "#CC79A7", "#56B4E9"

SERIES: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "marker": "o"},
    {"color": VERMILION, "marker": "s"},
    {"color": GREEN, "marker": "^"},
    {"color": ORANGE, "marker": "D"},
    {"color": PURPLE, "marker": "v"},
    {"color": SKY, "marker": "P"},
    {"color": BLACK, "marker": "X"},
    {"color": GREY, "marker": "h"},
)
"""Looks of series that share a panel, one after the other: each has a colour and a marker of its own."""

PROBABILITY = LinearSegmentedColormap.from_list("probability", ["#FFFFFF", "#4795C6"])
"""Colour map of 0 to 1, light enough at its dark end for black points and lines to lie over it."""

PAGE = 7.0
"""Width of a full figure, inches: a journal's two columns."""

DPI = 180

styled = style.context(
    [
        # Whatever a user's matplotlibrc says, the figures are the same.
        "default",
        {
            "font.family": "DejaVu Sans",
            "font.size": 8.0,
            "axes.titlesize": 9.0,
            "axes.titlepad": 5.0,
            "axes.labelsize": 8.5,
            "axes.linewidth": 0.6,
            "xtick.labelsize": 7.5,
            "ytick.labelsize": 7.5,
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "legend.fontsize": 8.0,
            "legend.frameon": False,
            "legend.borderaxespad": 0.0,
            "legend.borderpad": 0.2,
            "lines.linewidth": 1.2,
            "grid.linewidth": 0.5,
            "grid.color": LIGHT,
            "figure.facecolor": "white",
        },
    ]
)
"""Decorator of a function that builds a figure."""

Layout = Literal["constrained", "compressed"] | None


def figure(height: float, width: float = PAGE, layout: Layout = "constrained") -> Figure:
    """Make an empty figure; call inside a `styled` function.

    Arguments:
        height: Height in inches.
        width: Width in inches.
        layout: Placing of the axes: `compressed` where they have a fixed aspect, None where the caller places
            them.
    """
    return Figure(figsize=(width, height), layout=layout)


def square_limits(axes: Axes, lower: float, upper: float) -> None:
    """Give both axes the limits `[lower, upper]` and the same scale."""
    axes.set_xlim(lower, upper)
    axes.set_ylim(lower, upper)
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))


def label_lines(axes: Axes, labels: Sequence[str]) -> None:
    """Give the axes a line for each label, the first at the top, and thin rules between them."""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    for between in range(len(labels) - 1):
        axes.axhline(between + 0.5, color=GREY, lw=0.4, ls=":")
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)


@styled
def save(drawn: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all; the same figure gives the same bytes."""
    with whole_file(path) as temporary:
        # Matplotlib would enter its version.
        drawn.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
