"""Draw where a search's trials lay: parallel coordinates, and each dial by itself."""

from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from notmiwae.plot_style import BLACK, GREY, figure, styled
from study.search.search_plot_style import BEST, DEFAULT, LABELS, WORTH, limits, mark_legend, stars
from study.search.search_results import TARGETS, title
from study.search.search_space import Choice, Dial, Span
from study.search.sweep_spec import Sweep

_WIDE = 30.0
"""Ratio of a logarithmic axis' limits from which powers of ten are ticks enough."""


@styled
def parallel(sweep: Sweep, rows: pd.DataFrame) -> Figure:
    """Draw parallel coordinates: a line for each complete trial through its dials, its bound and its RMSE."""
    complete = rows[rows["state"] == "complete"].sort_values("bound")
    drawn = figure(height=3.4)
    axes = drawn.subplots()
    axes.set_axis_off()
    names = [*sweep.space, "bound", "rmse"]
    heights, ticks = {}, {}
    for name in names:
        heights[name], ticks[name] = _heights(sweep.space.get(name), complete[name], name)
    # By rank: bounds of poor trials are so far off that all others would look alike.
    shades = np.linspace(0.0, 1.0, len(complete))
    at = np.arange(len(names))
    for shade, (_, row) in zip(shades, pd.DataFrame(heights).iterrows(), strict=True):
        axes.plot(at, row[names], color=WORTH(shade), lw=0.9, alpha=0.9, zorder=2 + shade)
    for number, look, dashes in ((int(complete.index[-1]), BEST, "-"), (0, DEFAULT, "--")):
        if number in complete.index:
            line = [heights[name][number] for name in names]
            axes.plot(at, line, color=BLACK, lw=1.6, ls=dashes, zorder=3.5)
            axes.plot(at, line, **look | {"ms": look["ms"] * 0.7})
    for place, name in enumerate(names):
        axes.plot([place, place], [0, 1], color=BLACK, lw=0.6, zorder=1)
        for height, text in ticks[name]:
            axes.annotate(
                text, (place, height), xytext=(3, 0), textcoords="offset points", fontsize=6.5, va="center",
                zorder=6, bbox={"fc": "white", "ec": "none", "alpha": 0.75, "pad": 0.4},
            )  # fmt: skip
        label = {"bound": "held-out\nbound", "rmse": "RMSE"}.get(name, _broken(title(name), 10))
        axes.annotate(label, (place, 1.06), ha="center", va="bottom", fontsize=7.5, annotation_clip=False)
    axes.set_xlim(-0.2, len(names) - 0.55)
    axes.set_ylim(-0.04, 1.2)
    colours = ScalarMappable(Normalize(1, len(complete)), WORTH.reversed())
    bar = drawn.colorbar(colours, ax=axes, aspect=30, pad=0.01, shrink=0.8)
    bar.set_label("rank by held-out bound (1: best)")
    bar.ax.invert_yaxis()
    mark_legend(drawn, line=True)
    return drawn


@styled
def slices(sweep: Sweep, rows: pd.DataFrame) -> Figure:
    """Draw bound and RMSE against each dial, a point a complete trial, darker the later it was tried.

    Triangles at the edge lie beyond it.
    """
    complete = rows[rows["state"] == "complete"]
    across = min(4, len(sweep.space))
    blocks = -(-len(sweep.space) // across)
    drawn = figure(height=2 * blocks * 1.65 + 0.6)
    grid = drawn.subplots(2 * blocks, across, squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    for number, (name, dial) in enumerate(sweep.space.items()):
        block, place = divmod(number, across)
        for axes, target in zip(grid[2 * block : 2 * block + 2, place], TARGETS, strict=True):
            axes.set_axis_on()
            _slice(axes, dial, complete, name, target)
            if place == 0:
                axes.set_ylabel(LABELS[target].replace(", ", ",\n"))
            else:
                axes.set_yticklabels([])
        grid[2 * block, place].set_xticklabels([])
        grid[2 * block + 1, place].set_xlabel(_broken(title(name), 18))
    colours = ScalarMappable(Normalize(0, max(rows["trial"].max(), 1)), WORTH)
    bar = drawn.colorbar(colours, ax=list(grid.ravel()), aspect=45, pad=0.01)
    bar.set_label("trial")
    mark_legend(drawn)
    return drawn


def _slice(axes: Axes, dial: Dial, complete: pd.DataFrame, name: str, target: str) -> None:
    at = _at(dial, complete[name])
    colours = WORTH(complete["trial"] / max(complete["trial"].max(), 1))
    # A few hopeless trials would press all others into a line: they stand at the edge.
    lower, upper = limits(complete[target], target)
    shown = complete[target].clip(lower, upper)
    beyond = (complete[target] != shown).to_numpy()
    for chosen, marker in ((~beyond, "o"), (beyond, "v" if target == "bound" else "^")):
        axes.scatter(
            at[chosen], shown[chosen], s=13, c=colours[chosen], marker=marker, linewidths=0.4,
            edgecolors=GREY, clip_on=False,
        )  # fmt: skip
    stars(axes, complete, at, shown, 0.75)
    if isinstance(dial, Choice):
        axes.set_xticks(range(len(dial.options)), list(dial.options), rotation=40, ha="right", fontsize=6.5)
        axes.set_xlim(-0.6, len(dial.options) - 0.4)
    elif isinstance(dial, Span) and dial.log:
        axes.set_xscale("log")
        subs = (1.0,) if dial.high / dial.low > _WIDE else (1.0, 3.0)
        axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlim(dial.low / 1.15, dial.high * 1.15)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.set_ylim(lower, upper)
    axes.spines[["top", "right"]].set_visible(False)


def _heights(dial: Dial | None, values: pd.Series, name: str) -> tuple[pd.Series, list[tuple[float, str]]]:
    """Return where values stand on their axis, 0 to 1, and the axis' ticks; `dial` is None for a metric's."""
    if isinstance(dial, Choice):
        places = dict(zip(dial.options, np.linspace(0, 1, len(dial.options)), strict=True))
        return values.map(places).astype(float), [(float(at), text) for text, at in places.items()]
    if not isinstance(dial, Span):
        low, high = limits(values, name)
        beyond = ("≤ ", "") if name == "bound" else ("", "≥ ")
        ends = [f"{mark}{end:.3g}".replace("-", "−") for mark, end in zip(beyond, (low, high), strict=True)]
        return (values.clip(low, high) - low) / (high - low), [(0.0, ends[0]), (1.0, ends[1])]
    low, high, numbers = float(dial.low), float(dial.high), values.astype(float)
    scaled = (numbers - low) / (high - low)
    if dial.log:
        scaled = pd.Series(np.log(numbers / low) / np.log(high / low), index=values.index)
    return scaled, [(0.0, f"{low:g}"), (1.0, f"{high:g}")]


def _at(dial: Dial, values: pd.Series) -> pd.Series:
    """Return where values stand on a slice's axis: options side by side, numbers as they are."""
    if not isinstance(dial, Choice):
        return values.astype(float)
    return values.map({name: number for number, name in enumerate(dial.options)}).astype(float)


def _broken(text: str, width: int) -> str:
    """Break a label into lines short enough to stand beside others."""
    return "\n".join(wrap(text, width))
