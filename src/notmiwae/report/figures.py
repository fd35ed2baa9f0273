"""The figures of a report, as SVG that takes the page's colours."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from notmiwae.arrays import Floats, Mask
from notmiwae.estimators.columns import Column
from notmiwae.plot_style import BLACK, BLUE, GREY, VERMILION, figure, styled

_PATTERNS, _COLUMNS = 15, 20
"""Patterns and columns that are shown, the commonest and the emptiest."""
_PANEL = 2.6
_COLOURS = {BLACK: "currentColor", BLUE: "var(--blue)", VERMILION: "var(--vermilion)", GREY: "var(--grey)"}
"""What a colour is on the page, which has two themes."""
_BARS = 12
_BINS = 24
_TICKS = 150


@styled
def svg(drawn: Figure, words: str) -> str:
    """Write a figure as an SVG element: black is the colour of the page's text, and there is no ground.

    Arguments:
        drawn: The figure.
        words: What is to be seen on it, for those who don't see it; it names the figure's parts, too, so that
            two figures of a page need different words.
    """
    drawn.patch.set_alpha(0.0)
    for axes in drawn.axes:
        axes.patch.set_alpha(0.0)
    stream = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with mpl.rc_context({"svg.hashsalt": words, "svg.fonttype": "path"}):
        drawn.savefig(stream, format="svg", metadata=nothing)
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    width = drawn.get_size_inches()[0]
    opening = (
        f'<svg class="plot" role="img" aria-label="{html.escape(words, quote=True)}" '
        f'style="width: {width:.2f}in" viewBox='
    )
    text = re.sub(r"<svg [^>]*?viewBox=", lambda _: opening, text, count=1)
    # Matplotlib numbers its groups alike in each figure.
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    # A hundredth of a point, and of a glyph's thousand units, is finer than anyone sees.
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), text)
    text = re.sub(r"<!--.*?-->|\n\s*", " ", text, flags=re.DOTALL)
    for colour, name in _COLOURS.items():
        text = text.replace(colour.lower(), name)
    return text


def thinned(drawn: Figure) -> Figure:
    """Leave so many of the ticks that stand for values that was seen as can be told apart."""
    for axes in drawn.axes:
        for line in axes.lines:
            if line.get_marker() == "|":
                values = np.sort(np.asarray(line.get_xdata()))
                kept = values[np.linspace(0, len(values) - 1, min(len(values), _TICKS)).round().astype(int)]
                line.set_data(kept, np.asarray(line.get_ydata())[: len(kept)])
    return drawn


@styled
def patterns(missing: Mask, names: Sequence[str]) -> Figure:
    """Draw which columns are missing together: a column of dots a pattern, and how many rows have it.

    Arguments:
        missing: Which cells are missing, `[N, D]`.
        names: Names of the columns.
    """
    order = np.argsort(-missing.sum(axis=0), kind="stable")
    order = order[missing[:, order].any(axis=0)][:_COLUMNS]
    found, counts = np.unique(missing[:, order], axis=0, return_counts=True)
    common = np.argsort(-counts, kind="stable")[:_PATTERNS]
    found, counts = found[common], counts[common]
    drawn = figure(1.7 + 0.22 * len(order), min(7.0, 2.6 + 0.3 * len(counts)))
    grid = drawn.add_gridspec(
        2, 2, height_ratios=[1.3, 0.22 * len(order)], width_ratios=[1.0, 0.3 * len(counts)]
    )
    bars, dots, sizes = (drawn.add_subplot(place) for place in (grid[0, 1], grid[1, 1], grid[1, 0]))
    places = np.arange(len(counts))
    bars.bar(places, counts, color=BLUE, width=0.65)
    for place, count in enumerate(counts.tolist()):
        bars.annotate(f"{count}", (place, count), ha="center", va="bottom", fontsize=6.5)
    bars.set(ylabel="rows", xlim=(-0.6, len(counts) - 0.4), xticks=[], ylim=(0, 1.15 * counts.max()))
    bars.spines[["top", "right"]].set_visible(False)
    for place, pattern in enumerate(found):
        rows = np.flatnonzero(pattern)
        dots.plot(np.full(len(order), place), np.arange(len(order)), "o", color=GREY, alpha=0.25, ms=5)
        dots.plot(np.full(len(rows), place), rows, "o-", color=BLUE, ms=5, lw=1.5)
    dots.set(xlim=bars.get_xlim(), ylim=(len(order) - 0.5, -0.5), xticks=[], yticks=[])
    dots.spines[:].set_visible(False)
    _sizes(sizes, missing[:, order], [names[place] for place in order])
    return drawn


def _sizes(axes: Axes, missing: Mask, names: Sequence[str]) -> None:
    """Draw the share of each column that is missing, to the left."""
    axes.barh(np.arange(len(names)), 100 * missing.mean(axis=0), color=GREY, height=0.6)
    axes.set_yticks(np.arange(len(names)), [_short(name) for name in names])
    axes.yaxis.tick_right()
    axes.tick_params(axis="y", length=0)
    axes.set(ylim=(len(names) - 0.5, -0.5), xlabel="% missing")
    axes.invert_xaxis()
    axes.spines[["top", "left"]].set_visible(False)


@styled
def distribution(
    column: Column, rows: pd.DataFrame, draws: Sequence[pd.DataFrame], steps: Sequence[Sequence[float]] = ()
) -> Figure:
    """Draw what was seen of a column beside what was imputed, over all draws.

    Arguments:
        column: The column.
        rows: Table with missing cells.
        draws: Completed tables.
        steps: For each model, values at equal steps on the scale that the column learnt; ticks above.
    """
    gaps = rows[column.name].isna().to_numpy()
    seen = rows.loc[~gaps, column.name]
    imputed = pd.concat([draw.loc[gaps, column.name] for draw in draws])
    drawn = figure(1.9, _PANEL)
    axes = drawn.subplots()
    if column.values:
        _bars(axes, column, seen, imputed)
    else:
        _histograms(axes, _floats(seen), _floats(imputed))
        _ticks(axes, np.concatenate([np.zeros(0), *steps]))
    axes.set_title(_short(column.name), pad=12.0 if any(steps) else None)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(bottom=0)
    return drawn


def _floats(values: pd.Series) -> Floats:
    return np.asarray(values.to_numpy(dtype=np.float64))


def _histograms(axes: Axes, seen: Floats, imputed: Floats) -> None:
    # A few far draws aren't to squeeze all others.
    low, high = np.quantile(imputed, [0.005, 0.995])
    first, last = min(seen.min(), low), max(seen.max(), high)
    if first == last or (seen % 1 == 0).all():
        # Bars about whole numbers, each about as many.
        width = max(1.0, np.ceil((last - first + 1) / _BINS))
        first = np.floor(first) - 0.5
        last = first + width * np.ceil((last + 0.5 - first) / width)
        edges = np.arange(first, last + width / 2, width).tolist()
    else:
        edges = np.linspace(first, last, _BINS + 1).tolist()
    axes.hist(seen, edges, density=True, color=GREY, alpha=0.55)
    axes.hist(imputed.clip(first, last), edges, density=True, histtype="step", color=VERMILION, lw=1.4)
    axes.set(yticks=[])


def _ticks(axes: Axes, values: Floats) -> None:
    """Draw ticks above a panel, at those values that it reaches to."""
    first, last = axes.get_xlim()
    values = values[(first <= values) & (values <= last)]
    above = axes.get_xaxis_transform()
    axes.vlines(values, 1.0, 1.07, BLUE, alpha=0.6, lw=1.0, transform=above, clip_on=False)


def _bars(axes: Axes, column: Column, seen: pd.Series, imputed: pd.Series) -> None:
    names = [*seen.value_counts().index[:_BARS]] if len(column.values) > _BARS else [*column.values]
    places: npt.NDArray[np.float64] = np.arange(len(names)).astype(np.float64)
    looks: tuple[tuple[pd.Series, float, dict[str, Any]], ...] = (
        (seen, -0.2, {"color": GREY, "alpha": 0.55}),
        (imputed, 0.2, {"fill": False, "edgecolor": VERMILION, "lw": 1.4}),
    )
    for values, shift, look in looks:
        shares = [100 * float((values == name).mean()) for name in names]
        axes.bar(places + shift, shares, 0.38, **look)
    axes.set_xticks(places, [_short(str(name), 12) for name in names], rotation=30, ha="right")
    axes.set_ylabel("%")


def _short(name: str, most: int = 22) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
