"""Figures of a search: what goes with what, which dials matter, where trials were tried and how they came out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from optuna.trial import FrozenTrial

from notmiwae.reporting.names import dataset_name
from notmiwae.reporting.style import BLACK, BLUE, GREY, LIGHT, PAGE, SERIES, VERMILION, figure, styled
from notmiwae.search.results import TARGETS, correlation, correlations, importances, table, title
from notmiwae.search.space import Choice, Dial
from notmiwae.search.sweep import Sweep

LABELS = {"bound": "held-out bound, nats a row", "rmse": "RMSE"}
_WORTH = LinearSegmentedColormap.from_list("worth", ["#E4E4E4", "#56B4E9", "#003A5C"])
"""From poor (pale) to good (dark): a scale of lightness, which grey print keeps."""
_BEST: dict[str, Any] = {
    "marker": "*",
    "ms": 13,
    "mfc": VERMILION,
    "mec": BLACK,
    "mew": 0.8,
    "ls": "",
    "zorder": 5,
}
_DEFAULT: dict[str, Any] = {
    "marker": "D",
    "ms": 6.5,
    "mfc": "white",
    "mec": BLACK,
    "mew": 1.4,
    "ls": "",
    "zorder": 4,
}
_LINE = 0.27
"""Height of a line of a figure with one line for each dial, inches."""


def figures(sweep: Sweep, trials: Sequence[FrozenTrial]) -> dict[str, Figure]:
    """All figures of a search by name."""
    rows = table(sweep, trials)
    return {
        "correlation": correlation_figure(correlations(sweep, rows)),
        "importance": importance_figure(importances(sweep, trials)),
        "parallel": parallel(sweep, rows),
        "slices": slices(sweep, rows),
        "history": history(sweep, rows),
        "bound_and_rmse": bound_and_rmse(sweep, rows),
    }


@styled
def correlation_figure(found: pd.DataFrame) -> Figure:
    """Pearson's and Spearman's correlation of each dial with the bound and with RMSE, side by side.

    Arguments:
        found: As `results.correlations` has it.
    """
    names = list(dict.fromkeys(found["dial"]))
    drawn = figure(height=_LINE * len(names) + 1.0)
    panels = drawn.subplots(1, 2, sharey=True)
    looks = {
        "spearman": {"marker": "o", "mfc": BLUE, "mec": BLUE},
        "pearson": {"marker": "s", "mfc": "white", "mec": BLACK, "mew": 1.0},
    }
    for axes, target, better in zip(panels, TARGETS, ("right", "left"), strict=True):
        own = found[found["target"] == target].set_index("dial").loc[names]
        for shift, (kind, look) in zip((-0.15, 0.15), looks.items(), strict=True):
            axes.plot(own[kind], np.arange(len(names)) + shift, ls="", ms=5, **look)
        axes.axvline(0.0, color=BLACK, lw=0.8)
        axes.set_xlim(-1.04, 1.04)
        axes.set_xlabel(f"correlation with {_short(target)} ({better}: better)")
        _lines(axes, [_dial_label(name) for name in names])
    handles = [Line2D([], [], ls="", ms=5, label=kind.capitalize(), **look) for kind, look in looks.items()]
    drawn.legend(handles=handles, loc="outside lower center", ncols=2, handletextpad=0.3)
    return drawn


@styled
def importance_figure(found: pd.DataFrame) -> Figure:
    """Each dial's importance for the bound and for RMSE by both evaluators, side by side.

    Arguments:
        found: As `results.importances` has it.
    """
    names = list(dict.fromkeys(found["dial"]))
    drawn = figure(height=1.35 * _LINE * len(names) + 1.0)
    panels = drawn.subplots(1, 2, sharey=True)
    looks = {
        "fANOVA": {"color": BLUE},
        "PED-ANOVA": {"color": "white", "edgecolor": BLACK, "hatch": "//////", "lw": 0.7},
    }
    for axes, target in zip(panels, TARGETS, strict=True):
        for shift, (evaluator, look) in zip((-0.19, 0.19), looks.items(), strict=True):
            own = found[(found["target"] == target) & (found["evaluator"] == evaluator)]
            axes.barh(np.arange(len(own)) + shift, own["importance"], height=0.36, label=evaluator, **look)
        axes.set_xlim(0.0, 1.0)
        axes.set_xlabel(f"importance for {_short(target)}, of 1 in all")
        _lines(axes, [title(name) for name in names])
    handles, labels = panels[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside lower center", ncols=2)
    return drawn


@styled
def parallel(sweep: Sweep, rows: pd.DataFrame) -> Figure:
    """Parallel coordinates: a line for each complete trial through its dials, its bound and its RMSE."""
    complete = rows[rows["state"] == "complete"].sort_values("bound")
    drawn = figure(height=3.4)
    axes = drawn.subplots()
    axes.set_axis_off()
    names = [*sweep.space, "bound", "rmse"]
    heights, ticks = {}, {}
    for name in names:
        heights[name], ticks[name] = _height(sweep.space.get(name), complete[name])
    # By rank: bounds of poor trials are so far off that all others would look alike.
    shades = np.linspace(0.0, 1.0, len(complete))
    at = np.arange(len(names))
    for shade, (_, row) in zip(shades, pd.DataFrame(heights).iterrows(), strict=True):
        axes.plot(at, row[names], color=_WORTH(shade), lw=0.9, alpha=0.9, zorder=2 + shade)
    for number, look in ((complete.index[-1], _BEST), (0, _DEFAULT)):
        if number in complete.index:
            line = [heights[name][number] for name in names]
            axes.plot(at, line, color=BLACK, lw=1.6, zorder=3.5, **{"ls": "-" if look is _BEST else "--"})
            axes.plot(at, line, **look | {"ms": look["ms"] * 0.7})
    for place, name in enumerate(names):
        axes.axvline(place, color=BLACK, lw=0.6, zorder=1)
        for height, text in ticks[name]:
            axes.annotate(
                text, (place, height), xytext=(3, 0), textcoords="offset points", fontsize=6.5, va="center",
                zorder=6, bbox={"fc": "white", "ec": "none", "alpha": 0.75, "pad": 0.4},
            )  # fmt: skip
        label = {"bound": "held-out\nbound", "rmse": "RMSE"}.get(name, _broken(title(name)))
        axes.annotate(label, (place, 1.06), ha="center", va="bottom", fontsize=7.5, annotation_clip=False)
    axes.set_xlim(-0.2, len(names) - 0.55)
    axes.set_ylim(-0.04, 1.2)
    colours = ScalarMappable(Normalize(1, len(complete)), _WORTH.reversed())
    bar = drawn.colorbar(colours, ax=axes, aspect=30, pad=0.01, shrink=0.8)
    bar.set_label("rank by held-out bound (1: best)")
    bar.ax.invert_yaxis()
    _marks(drawn, line=True)
    return drawn


@styled
def slices(sweep: Sweep, rows: pd.DataFrame) -> Figure:
    """Each dial against bound and RMSE, a point a complete trial, darker the later it was tried."""
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
        grid[2 * block + 1, place].set_xlabel(title(name))
    colours = ScalarMappable(Normalize(0, max(rows["trial"].max(), 1)), _WORTH)
    bar = drawn.colorbar(colours, ax=list(grid.ravel()), aspect=45, pad=0.01)
    bar.set_label("trial")
    _marks(drawn)
    return drawn


def _slice(axes: Axes, dial: Dial, complete: pd.DataFrame, name: str, target: str) -> None:
    at = _at(dial, complete[name])
    colours = _WORTH(complete["trial"] / max(complete["trial"].max(), 1))
    axes.scatter(at, complete[target], s=13, c=colours, linewidths=0.3, edgecolors=GREY)
    for number, look in ((complete["bound"].idxmax(), _BEST), (0, _DEFAULT)):
        if number in complete.index:
            axes.plot(at[number], complete.loc[number, target], **look | {"ms": look["ms"] * 0.75})
    if isinstance(dial, Choice):
        axes.set_xticks(range(len(dial.options)), list(dial.options), rotation=40, ha="right", fontsize=6.5)
        axes.set_xlim(-0.6, len(dial.options) - 0.4)
    elif getattr(dial, "log", False):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0,), numticks=6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    # A few hopeless trials would press all others into a line.
    axes.set_ylim(*_view(complete[target], target))
    axes.spines[["top", "right"]].set_visible(False)


@styled
def history(sweep: Sweep, rows: pd.DataFrame) -> Figure:
    """The bound of each trial in the order of the search, and the best so far."""
    drawn = figure(height=3.0)
    axes = drawn.subplots()
    lower, upper = _view(rows.loc[rows["state"] == "complete", "bound"], "bound")
    looks = {
        "complete": {"marker": "o", "mfc": BLUE, "mec": BLUE, "ms": 4},
        "stopped": {"marker": "x", "mec": GREY, "ms": 4.5, "mew": 1.2},
        "diverged": {"marker": "v", "mfc": "white", "mec": BLACK, "ms": 5},
    }
    for state, look in looks.items():
        own = rows[rows["state"] == state]
        if len(own):
            # What lies below the picture stands at its foot.
            axes.plot(own["trial"], own["bound"].fillna(lower).clip(lower=lower), ls="", label=state, **look)
    complete = rows[rows["state"] == "complete"]
    so_far = complete["bound"].cummax().reindex(rows.index).ffill()
    axes.step(rows["trial"], so_far, where="post", color=BLACK, lw=1.4, label="best so far")
    if rows.loc[0, "state"] == "complete":
        axes.axhline(rows.loc[0, "bound"], color=VERMILION, ls="--", lw=1.2, label="default (trial 0)")
    axes.axvline(sweep.startup - 0.5, color=GREY, lw=0.8, ls=":")
    axes.annotate(
        "random before",
        (sweep.startup - 0.8, 0.02),
        xycoords=("data", "axes fraction"),
        ha="right",
        color="#555555",
        fontsize=7,
    )
    axes.set_ylim(lower - 0.03 * (upper - lower), upper)
    axes.set_xlabel("trial")
    axes.set_ylabel(LABELS["bound"])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    drawn.legend(loc="outside lower center", ncols=5, handletextpad=0.4, columnspacing=1.4)
    return drawn


@styled
def bound_and_rmse(sweep: Sweep, rows: pd.DataFrame) -> Figure:
    """Bound against RMSE of the complete trials: how far the one tells the other."""
    complete = rows[rows["state"] == "complete"]
    drawn = figure(height=3.4)
    axes = drawn.subplots()
    choices = [name for name, dial in sweep.space.items() if isinstance(dial, Choice)]
    groups = complete.groupby(choices[0], sort=True) if choices else [("trial", complete)]
    for (name, own), look in zip(groups, SERIES, strict=False):
        axes.plot(own["bound"], own["rmse"], ls="", ms=4.5, alpha=0.85, label=str(name), **look)
    for number, look in ((complete["bound"].idxmax(), _BEST), (0, _DEFAULT)):
        if number in complete.index:
            axes.plot(complete.loc[number, "bound"], complete.loc[number, "rmse"], **look)
    pearson, spearman = correlation(complete["bound"], complete["rmse"])
    axes.set_title(f"{dataset_name(sweep.dataset)}: Pearson {pearson:.2f}, Spearman {spearman:.2f}")
    axes.set_xlabel(LABELS["bound"])
    axes.set_ylabel(LABELS["rmse"])
    axes.grid(color=LIGHT, lw=0.4)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    marks = _mark_handles()
    drawn.legend([*handles, *marks], [*labels, *(str(mark.get_label()) for mark in marks)],
                 title=title(choices[0]) if choices else None, loc="outside right center")  # fmt: skip
    return drawn


def _height(dial: Dial | None, values: pd.Series) -> tuple[pd.Series, list[tuple[float, str]]]:
    """Where values stand on their axis, 0 to 1, and the axis' ticks; None is the axis of a figure."""
    if isinstance(dial, Choice):
        places = dict(zip(dial.options, np.linspace(0, 1, len(dial.options)), strict=True))
        return values.map(places).astype(float), [(float(at), name) for name, at in places.items()]
    if dial is None:
        low, high = (float(values.min()), float(values.max()))
        scaled = (values - low) / max(high - low, 1e-12)
        return scaled, [(0.0, f"{low:.2f}"), (1.0, f"{high:.2f}")]
    low, high = (float(dial.low), float(dial.high))  # type: ignore[attr-defined]
    between = np.geomspace(low, high, 3)[1] if dial.log else (low + high) / 2  # type: ignore[attr-defined]
    scale = np.log if dial.log else np.asarray  # type: ignore[attr-defined]

    def place(value: Any) -> Any:
        return (scale(value) - scale(low)) / (scale(high) - scale(low))

    ticks = [(float(place(value)), f"{value:.2g}") for value in (low, between, high)]
    return pd.Series(place(values.astype(float)), index=values.index), ticks


def _at(dial: Dial, values: pd.Series) -> pd.Series:
    """Where values stand on a slice's axis: options side by side, numbers as they are."""
    if not isinstance(dial, Choice):
        return values.astype(float)
    return values.map({name: number for number, name in enumerate(dial.options)}).astype(float)


def _view(values: pd.Series, target: str) -> tuple[float, float]:
    """The range that is shown: all good values, and poor ones as far as they don't crush the good ones."""
    good, poor = (values.max(), values.min()) if target == "bound" else (values.min(), values.max())
    reach = 4 * abs(float(values.median()) - good)
    worst = max(poor, good - reach) if target == "bound" else min(poor, good + reach)
    margin = 0.06 * max(abs(good - worst), 1e-6)
    return float(min(good, worst) - margin), float(max(good, worst) + margin)


def _lines(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    for between in np.arange(len(labels) - 1) + 0.5:
        axes.axhline(between, color=GREY, lw=0.4, ls=":")
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)


def _mark_handles() -> list[Line2D]:
    return [
        Line2D([], [], label="best by bound", **_BEST | {"ms": 10}),
        Line2D([], [], label="default", **_DEFAULT | {"ms": 5.5}),
    ]


def _marks(drawn: Figure, line: bool = False) -> None:
    """The legend of the best trial and the default."""
    handles = _mark_handles()
    for handle, dashes in zip(handles, ("-", "--"), strict=True):
        handle.set_linestyle(dashes if line else "")
        handle.set_color(BLACK)
    drawn.legend(handles=handles, loc="outside lower center", ncols=2, handlelength=3.0 if line else None)


def _short(target: str) -> str:
    return LABELS[target].split(",")[0]


def _dial_label(name: str) -> str:
    return title(name)


def _broken(text: str) -> str:
    """A label in lines short enough to stand beside others."""
    return text.replace(" ", "\n")
