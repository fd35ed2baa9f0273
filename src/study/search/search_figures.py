"""Figures of a search: what goes with what, which dials matter, where trials lay and how they came out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from optuna.trial import FrozenTrial

from notmiwae.plot_style import (  # fmt: skip
    BLACK,
    BLUE,
    GREY,
    LIGHT,
    SERIES,
    VERMILION,
    figure,
    label_lines,
    styled,
)
from study.reporting.names import dataset_name
from study.search.parallel_coordinates import parallel, slices
from study.search.search_results import TARGETS, correlation, correlations, importances, table, title
from study.search.search_space import Choice
from study.search.sweep_spec import Sweep
from study.search.trial_marks import LABELS, mark_handles, stars, view

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
    looks: dict[str, dict[str, Any]] = {
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
        label_lines(axes, [title(name) for name in names])
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
    looks: dict[str, dict[str, Any]] = {
        "fANOVA": {"color": BLUE},
        "PED-ANOVA": {"color": "white", "edgecolor": BLACK, "hatch": "//////", "lw": 0.7},
    }
    for axes, target in zip(panels, TARGETS, strict=True):
        for shift, (evaluator, look) in zip((-0.19, 0.19), looks.items(), strict=True):
            own = found[(found["target"] == target) & (found["evaluator"] == evaluator)]
            axes.barh(np.arange(len(own)) + shift, own["importance"], height=0.36, label=evaluator, **look)
        axes.set_xlim(0.0, 1.0)
        axes.set_xlabel(f"importance for {_short(target)}, of 1 in all")
        label_lines(axes, [title(name) for name in names])
    handles, labels = panels[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside lower center", ncols=2)
    return drawn


@styled
def history(sweep: Sweep, rows: pd.DataFrame) -> Figure:
    """The bound of each trial in the order of the search, and the best so far."""
    drawn = figure(height=3.0)
    axes = drawn.subplots()
    lower, upper = view(rows.loc[rows["state"] == "complete", "bound"], "bound")
    looks: dict[str, dict[str, Any]] = {
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
        axes.axhline(
            float(rows["bound"].iloc[0]), color=VERMILION, ls="--", lw=1.2, label="default (trial 0)"
        )
    axes.axvline(sweep.startup - 0.5, color=GREY, lw=0.8, ls=":")
    for text, side in (("random", "right"), ("chosen", "left")):
        shift = -4 if side == "right" else 4
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
    """Bound against RMSE, of all complete trials and of the good ones: how far one tells the other."""
    complete = rows[rows["state"] == "complete"]
    (low, high), (least, most) = (view(complete[target], target) for target in TARGETS)
    near = complete[complete["bound"].between(low, high) & complete["rmse"].between(least, most)]
    choices = [name for name, dial in sweep.space.items() if isinstance(dial, Choice)]
    kinds = complete[choices[0]] if choices else pd.Series("trial", index=complete.index)
    looks = dict(zip(sorted(kinds.unique()), SERIES, strict=False))
    drawn = figure(height=3.3)
    panels = drawn.subplots(1, 2)
    for axes, shown, which in zip(
        panels, (complete, near), ("all complete trials", "the good ones"), strict=True
    ):
        for kind, look in looks.items():
            own = shown[kinds[shown.index] == kind]
            axes.plot(own["bound"], own["rmse"], ls="", ms=4.5, alpha=0.85, label=kind, **look)
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


def _short(target: str) -> str:
    return LABELS[target].split(",")[0]
