"""Draw the figures of a search: which dials matter and how, where trials lay and how they came out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from optuna.trial import FrozenTrial

from notmiwae.plot_style import BLACK, BLUE, GREY, LIGHT, SERIES, VERMILION, figure, label_lines, styled
from study.reporting.names import dataset_name
from study.search.parallel_coordinates import parallel, slices
from study.search.search_plot_style import LABELS, limits, mark_handles, short_label, stars
from study.search.search_results import TARGETS, correlation, correlations, importances, table, title
from study.search.search_space import Choice
from study.search.sweep_spec import Sweep

_LINE = 0.27
"""Height of a line of a figure with one line for each dial, inches."""
Looks = dict[str, dict[str, Any]]
"""Arguments of matplotlib by what is drawn with them."""


def figures(sweep: Sweep, trials: Sequence[FrozenTrial]) -> dict[str, Figure]:
    """Draw all figures of a search; returned by name."""
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
def correlation_figure(correlations: pd.DataFrame) -> Figure:
    """Draw Pearson's and Spearman's correlation of each dial with the bound and with RMSE, side by side.

    Arguments:
        correlations: Rows dial, target, pearson, spearman (`search_results.correlations`).
    """
    names = list(dict.fromkeys(correlations["dial"]))
    drawn = figure(height=_LINE * len(names) + 1.0)
    panels = drawn.subplots(1, 2, sharey=True)
    looks: Looks = {
        "spearman": {"marker": "o", "mfc": BLUE, "mec": BLUE},
        "pearson": {"marker": "s", "mfc": "white", "mec": BLACK, "mew": 1.0},
    }
    for axes, target, better in zip(panels, TARGETS, ("right", "left"), strict=True):
        rows = correlations[correlations["target"] == target].set_index("dial").loc[names]
        for shift, (kind, look) in zip((-0.15, 0.15), looks.items(), strict=True):
            axes.plot(rows[kind], np.arange(len(names)) + shift, ls="", ms=5, **look)
        axes.axvline(0.0, color=BLACK, lw=0.8)
        axes.set_xlim(-1.04, 1.04)
        axes.set_xlabel(f"correlation with {short_label(target)} ({better}: better)")
        label_lines(axes, [title(name) for name in names])
    handles = [Line2D([], [], ls="", ms=5, label=kind.capitalize(), **look) for kind, look in looks.items()]
    drawn.legend(handles=handles, loc="outside lower center", ncols=2, handletextpad=0.3)
    return drawn


@styled
def importance_figure(importances: pd.DataFrame) -> Figure:
    """Draw each dial's importance for the bound and for RMSE by both evaluators, side by side.

    Arguments:
        importances: Rows dial, target, evaluator, importance (`search_results.importances`).
    """
    names = list(dict.fromkeys(importances["dial"]))
    drawn = figure(height=1.35 * _LINE * len(names) + 1.0)
    panels = drawn.subplots(1, 2, sharey=True)
    looks: Looks = {
        "fANOVA": {"color": BLUE},
        "PED-ANOVA": {"color": "white", "edgecolor": BLACK, "hatch": "//////", "lw": 0.7},
    }
    for axes, target in zip(panels, TARGETS, strict=True):
        for shift, (evaluator, look) in zip((-0.19, 0.19), looks.items(), strict=True):
            drawn_here = (importances["target"] == target) & (importances["evaluator"] == evaluator)
            shares = importances.loc[drawn_here, "importance"]
            axes.barh(np.arange(len(shares)) + shift, shares, height=0.36, label=evaluator, **look)
        axes.set_xlim(0.0, 1.0)
        axes.set_xlabel(f"importance for {short_label(target)}, of 1 in all")
        label_lines(axes, [title(name) for name in names])
    handles, labels = panels[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside lower center", ncols=2)
    return drawn


@styled
def history(sweep: Sweep, rows: pd.DataFrame) -> Figure:
    """Draw the bound of each trial in the order of the search, and the best so far."""
    drawn = figure(height=3.0)
    axes = drawn.subplots()
    lower, upper = limits(rows.loc[rows["state"] == "complete", "bound"], "bound")
    looks: Looks = {
        "complete": {"marker": "o", "mfc": BLUE, "mec": BLUE, "ms": 4},
        "stopped": {"marker": "x", "mec": GREY, "ms": 4.5, "mew": 1.2},
        "diverged": {"marker": "v", "mfc": "white", "mec": BLACK, "ms": 5},
    }
    for state, look in looks.items():
        ended = rows[rows["state"] == state]
        if len(ended):
            # What lies below the picture stands at its foot.
            bounds = ended["bound"].fillna(lower).clip(lower=lower)
            axes.plot(ended["trial"], bounds, ls="", label=state, **look)
    complete = rows[rows["state"] == "complete"]
    so_far = complete["bound"].cummax().reindex(rows.index).ffill()
    axes.step(rows["trial"], so_far, where="post", color=BLACK, lw=1.4, label="best so far")
    if rows.loc[0, "state"] == "complete":
        default = float(rows["bound"].iloc[0])
        axes.axhline(default, color=VERMILION, ls="--", lw=1.2, label="default (trial 0)")
    axes.axvline(sweep.startup - 0.5, color=GREY, lw=0.8, ls=":")
    for text, side, shift in (("random", "right", -4), ("chosen", "left", 4)):
        axes.annotate(
            text, (sweep.startup - 0.5, 1.0), xycoords=("data", "axes fraction"), xytext=(shift, 3),
            textcoords="offset points", ha=side, fontsize=7.5,
        )  # fmt: skip
    axes.set_ylim(lower - 0.03 * (upper - lower), upper)
    axes.set_xlabel("trial (at the foot: lower still)")
    axes.set_ylabel(LABELS["bound"])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    drawn.legend(loc="outside lower center", ncols=5, handletextpad=0.4, columnspacing=1.4)
    return drawn


@styled
def bound_and_rmse(sweep: Sweep, rows: pd.DataFrame) -> Figure:
    """Draw bound against RMSE, of all complete trials and of the good ones: how far one tells the other."""
    complete = rows[rows["state"] == "complete"]
    bounds, errors = (complete[target].between(*limits(complete[target], target)) for target in TARGETS)
    good = complete[bounds & errors]
    choices = [name for name, dial in sweep.space.items() if isinstance(dial, Choice)]
    kinds = complete[choices[0]] if choices else pd.Series("trial", index=complete.index)
    looks = dict(zip(sorted(kinds.unique()), SERIES, strict=False))
    drawn = figure(height=3.3)
    panels = drawn.subplots(1, 2)
    for axes, shown, which in zip(
        panels, (complete, good), ("all complete trials", "the good ones"), strict=True
    ):
        for kind, look in looks.items():
            of_kind = shown[kinds[shown.index] == kind]
            axes.plot(of_kind["bound"], of_kind["rmse"], ls="", ms=4.5, alpha=0.85, label=kind, **look)
        stars(axes, shown, shown["bound"], shown["rmse"])
        pearson, spearman = correlation(shown["bound"], shown["rmse"])
        numbers = f"Pearson {pearson:.2f}, Spearman {spearman:.2f}".replace("-", "−")
        axes.set_title(f"{dataset_name(sweep.dataset)}, {which} ({len(shown)})\n{numbers}", fontsize=8)
        axes.set_xlabel(LABELS["bound"])
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.grid(color=LIGHT, lw=0.4)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel(LABELS["rmse"])
    handles, _ = panels[0].get_legend_handles_labels()
    shown_kinds = handles[: len(looks)] if choices else []
    drawn.legend(
        handles=[*shown_kinds, *mark_handles()], loc="outside lower center", ncols=7, handletextpad=0.2,
        columnspacing=1.0,
    )  # fmt: skip
    return drawn
