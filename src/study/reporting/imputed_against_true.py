"""Imputed against true values: the figure of a table that is neither a plane nor images."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from notmiwae.arrays import Floats
from notmiwae.plot_style import BLACK, VERMILION, figure, square_limits, styled
from study.reporting.plane_scatter import limits


@styled
def imputed_against_true(truth: Floats, imputed: Sequence[tuple[str, Floats]], unit: str = "value") -> Figure:
    """Plot imputed means over true values, a panel for each method, and the line where they agree.

    Arguments:
        truth: True values of the J missing cells, `[J]`.
        imputed: Titles and imputed values, `[J]` each.
        unit: What the axes are called after "true" and "imputed".
    """
    drawn = figure(height=2.7, width=2.4 * len(imputed) + 0.4, layout="compressed")
    grid = drawn.subplots(1, len(imputed), sharex=True, sharey=True, squeeze=False)[0]
    range_ = limits(truth, *(values for _, values in imputed))
    for axes, (title, values) in zip(grid, imputed, strict=True):
        axes.scatter(truth, values, s=6, marker="^", color=VERMILION, alpha=0.4, linewidths=0)
        axes.axline((0, 0), slope=1, color=BLACK, lw=0.8, ls="--")
        square_limits(axes, *range_)
        axes.set(title=title, xlabel=f"true {unit}", ylabel=f"imputed {unit}")
        axes.label_outer()
    return drawn
