"""The ladder in pictures: where each assumption helps and harms, and whether intervals hold."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure

from notmiwae.plot_style import BLACK, BLUE, GREY, VERMILION, figure, label_lines, styled
from study.reporting.ladder_results import (
    AUTO,
    DESCRIBED,
    MIWAE,
    ORACLE,
    TOLD,
    UNKNOWN,
    LadderResults,
    geometric_mean,
    ratio,
)
from study.reporting.methods import in_order, looks, method_name
from study.reporting.names import dataset_name, listed_first

RUNGS = {
    "mcar": "at random",
    "mar": "at random given a column",
    "muzellec": "Muzellec's masks",
    "self_masking": "by the value, softly",
    "threshold": "above a threshold",
    "low": "below a limit",
    "extreme": "at both ends",
    "directions": "high in one, low in the next",
    "value_and_context": "by value and context",
    "row_limit": "below a row's own limit",
    "random_and_limit": "at random and below a limit",
    "joint_dropout": "low, and together",
    "hidden_category": "a category hides",
}
"""Rungs in the order in which ever more has to be known, as figures and tables name them."""
_HARM = LinearSegmentedColormap.from_list("harm", [BLUE, "#FFFFFF", VERMILION])
_HELD = LinearSegmentedColormap.from_list("held", [VERMILION, "#FFFFFF"])
_WORST = 4.0
"""Ratio beyond which the colour doesn't change."""
_LEVEL = 0.9


def rungs_with(values: pd.DataFrame) -> list[str]:
    """List the rungs that have any value, in the order of `RUNGS`."""
    return listed_first(RUNGS, values.index[values.notna().any(axis=1)])


def rung_name(rung: str) -> str:
    """Name a rung as people write it; one that isn't listed has the name it was given."""
    return RUNGS.get(rung, rung)


@styled
def harm(found: LadderResults) -> Figure:
    """Map RMSE ratios: of `auto` and `unknown` to MIWAE, of `auto` to the right word."""
    maps = [(AUTO, MIWAE), (UNKNOWN, MIWAE), (AUTO, TOLD)]
    rungs = rungs_with(found.values("rmse", AUTO))
    drawn = figure(height=0.23 * len(rungs) * len(maps) + 1.9)
    panels = drawn.subplots(len(maps), 1, sharex=True)
    for axes, (method, reference) in zip(panels, maps, strict=True):
        ratios = ratio(found, method, reference).loc[rungs]
        _map(axes, ratios, _HARM, LogNorm(1 / _WORST, _WORST, clip=True))
        axes.set_title(f"RMSE: {method_name(method)}, over {method_name(reference)}")
    return drawn


@styled
def coverage(found: LadderResults) -> Figure:
    """Map the coverage of 90 % intervals: of `auto`, and of the right word told."""
    rungs = rungs_with(found.values("coverage90", AUTO))
    drawn = figure(height=0.23 * len(rungs) * 2 + 1.6)
    panels = drawn.subplots(2, 1, sharex=True)
    for axes, method in zip(panels, (AUTO, TOLD), strict=True):
        _map(axes, found.values("coverage90", method).loc[rungs], _HELD, Normalize(0, _LEVEL))
        axes.set_title(f"Coverage of 90 % intervals: {method_name(method)}")
    return drawn


@styled
def price(found: LadderResults) -> Figure:
    """Plot the price of an assumption: RMSE over the Bayes-optimal one, a line a rung, a marker a method.

    Ratios are averaged over the tables whose limit is known (geometric mean).
    """
    methods = [AUTO, UNKNOWN, TOLD, DESCRIBED, MIWAE, "mice"]
    limit = found.values("rmse", ORACLE)
    rungs = rungs_with(limit)
    drawn = figure(height=0.27 * len(rungs) + 1.1)
    axes = drawn.subplots()
    offsets = np.linspace(-0.3, 0.3, len(methods))
    for method, offset, look in zip(methods, offsets, looks(methods).values(), strict=True):
        ratios = geometric_mean(found.values("rmse", method) / limit).loc[rungs]
        places = np.arange(len(rungs)) + offset
        axes.plot(ratios, places, **{**look, "ls": ""}, ms=5, label=method_name(method))
    label_lines(axes, [rung_name(name) for name in rungs])
    axes.axvline(1.0, color=BLACK, lw=0.8)
    axes.set_xscale("log")
    ticks = [1, 1.5, 2, 3, 5]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("RMSE over that of the best possible imputation")
    drawn.legend(loc="outside lower center", ncols=3)
    return drawn


@styled
def spike_ins(found: LadderResults) -> Figure:
    """Plot bias, RMSE and coverage on cells that are really missing, a line a method."""
    metrics = {
        "bias": ("bias, doublings", 0.0),
        "rmse": ("RMSE, doublings", 0.0),
        "coverage90": ("coverage of 90 % intervals", _LEVEL),
    }
    methods = in_order(found.spike_ins("rmse").index)
    drawn = figure(height=0.26 * len(methods) + 1.0)
    panels = drawn.subplots(1, len(metrics), sharey=True)
    kinds = {
        "natural_spiked": ("o", BLUE, "spiked peptides"),
        "natural_background": ("s", GREY, "background"),
    }
    for axes, (metric, (label, ideal)) in zip(panels, metrics.items(), strict=True):
        values = found.spike_ins(metric).reindex(methods)
        for mechanism, (marker, color, name) in kinds.items():
            places = range(len(methods))
            axes.plot(values[mechanism], places, ls="", marker=marker, color=color, ms=4.5, label=name)
        axes.axvline(ideal, color=BLACK, lw=0.8)
        axes.set_xlabel(label)
        label_lines(axes, [method_name(name) for name in methods])
    handles, labels = panels[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside lower center", ncols=2)
    return drawn


def _map(axes: Axes, values: pd.DataFrame, colours: LinearSegmentedColormap, norm: Normalize) -> None:
    """Draw a table of numbers, a row a rung and a column a table, as a map with the numbers in it."""
    axes.imshow(np.ma.masked_invalid(values.to_numpy()), cmap=colours, norm=norm, aspect="auto")
    for (row, column), value in np.ndenumerate(values.to_numpy()):
        if np.isfinite(value):
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=6.5)
    axes.set_yticks(range(len(values)), [rung_name(name) for name in values.index])
    axes.set_xticks(range(values.shape[1]), _names(values.columns), rotation=35, ha="right")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _names(tables: Sequence[str] | pd.Index) -> list[str]:
    return [dataset_name(name) for name in tables]
