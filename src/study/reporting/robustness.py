"""The studies that take longer than the benchmark: many seeds of a model, and the published recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from notmiwae.plot_style import BLACK, figure, styled
from study.reporting.headline_tables import Measure, headline, markdown
from study.reporting.methods import DEFAULT, RIVAL, looks, method_name
from study.reporting.names import dataset_name, datasets_in_order
from study.reporting.published_verdicts import with_recipes
from study.reporting.result_files import PUBLISHED_COLUMNS, STUDY_COLUMNS, read_rows
from study.run.pipeline import REPORTS

PUBLISHED = Path("../paper") / REPORTS / "published.csv"
"""The benchmark's, as seen from the folder of the longer studies."""

_BOUND = Measure("bound", "Held-out bound, nats a row", lambda value: -value)
_SPREAD = 0.28
"""Half the width over which a method's points are spread."""


@dataclass(frozen=True)
class Inputs:
    """What the studies made.

    Attributes:
        seeds: Of many seeds: rows dataset, setting, method, metric, replicate, value.
        recipes: Of the published recipe and the default: rows dataset, setting, method, metric, mean, se,
            replicates.
        published: Rows dataset, method, metric, mean, se, source.
    """

    seeds: pd.DataFrame
    recipes: pd.DataFrame
    published: pd.DataFrame


def gather() -> Inputs:
    """Everything to report on, from the current folder.

    Raises:
        DataError: a file is absent or isn't what its stage writes.
    """
    seeds = [*STUDY_COLUMNS[:4], "replicate", "value"]
    return Inputs(
        read_rows(REPORTS / "robustness-replicates.csv", seeds, "study robustness"),
        read_rows(REPORTS / "published_recipe.csv", STUDY_COLUMNS, "study published_recipe"),
        read_rows(PUBLISHED, PUBLISHED_COLUMNS, "that writes it: none, it's in git"),
    )


def texts(inputs: Inputs) -> dict[str, str]:
    """The Markdown files of `reports/` by name, without their suffix."""
    ours, methods = inputs.recipes, inputs.recipes["method"].unique().tolist()
    datasets = datasets_in_order(ours["dataset"].unique().tolist())
    rmse = headline(ours, with_recipes(inputs.published, methods), datasets, published_decimals=2)
    return {
        "robustness": robustness_table(inputs.seeds, DEFAULT, RIVAL),
        "published_recipe": f"{rmse}\n{headline(ours, None, datasets, _BOUND)}",
    }


def prose(inputs: Inputs) -> dict[str, str]:
    """Single figures that the page may name: how many `runs` of the default, and how many `worse` ones."""
    runs = by_seed(inputs.seeds)
    worse = (runs[DEFAULT] >= runs[RIVAL]).sum()
    return {"runs": str(len(runs)), "worse": str(worse)}


def picture(inputs: Inputs) -> Figure:
    """The figure of the seeds."""
    return robustness(inputs.seeds, inputs.published, [DEFAULT, RIVAL])


def by_seed(replicates: pd.DataFrame, metric: str = "rmse") -> pd.DataFrame:
    """A metric of each run: a line for each data set and replicate, a column for each method.

    Arguments:
        replicates: Rows dataset, setting, method, metric, replicate, value.
        metric: Which metric.
    """
    rows = replicates[replicates["metric"] == metric]
    return rows.pivot(index=["dataset", "replicate"], columns="method", values="value")


def robustness_table(replicates: pd.DataFrame, default: str, rival: str) -> str:
    """RMSE over the seeds of each data set, and how many runs are worse than the rival's with the same seed.

    Arguments:
        replicates: Rows dataset, setting, method, metric, replicate, value.
        default: The method in question.
        rival: The method that none of its runs should be worse than.
    """
    ours = f"RMSE of {method_name(default)}"
    lines = [
        ["", "seeds", f"{ours}: lowest", "median", "highest", f"{method_name(rival)}: lowest", "worse runs"],
        [":--", *["--:"] * 6],
    ]
    runs = by_seed(replicates)
    for dataset in _datasets(runs):
        own, others = runs.loc[dataset][default], runs.loc[dataset][rival]
        figures = [own.min(), own.median(), own.max(), others.min()]
        worse = int((own >= others).sum())
        lines.append([dataset_name(dataset), str(len(own)), *map("{:.3f}".format, figures), str(worse)])
    return markdown(lines)


@styled
def robustness(replicates: pd.DataFrame, published: pd.DataFrame, methods: Sequence[str]) -> Figure:
    """RMSE of every run: a panel for each data set, a point a seed, and the lowest published value.

    Arguments:
        replicates: Rows dataset, setting, method, metric, replicate, value.
        published: Rows dataset, method, metric, mean.
        methods: Methods in the columns' order.
    """
    runs = by_seed(replicates)
    datasets = _datasets(runs)
    lowest = published[published["metric"] == "rmse"].groupby("dataset")["mean"].min()
    drawn = figure(height=2.6)
    panels = drawn.subplots(1, len(datasets), squeeze=False)[0]
    for axes, dataset in zip(panels, datasets, strict=True):
        for at, (method, look) in enumerate(looks(methods).items()):
            values = runs.loc[dataset][method]
            beside = at + np.linspace(-_SPREAD, _SPREAD, len(values)) if len(values) > 1 else [at]
            axes.plot(beside, values, ls="", ms=3, mew=0, **look)
        if dataset in lowest:
            axes.axhline(lowest[dataset], color=BLACK, lw=1.0, ls="--", zorder=1)
        axes.set_title(dataset_name(dataset))
        axes.set_xlim(-0.6, len(methods) - 0.4)
        axes.set_ylim(bottom=0.0)
        axes.set_xticks([])
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("RMSE of the missing values")
    handles = [
        Line2D([], [], ls="", ms=5, mew=0, label=method_name(method), **look)
        for method, look in looks(methods).items()
    ]
    handles.append(
        Line2D([], [], color=BLACK, lw=1.0, ls="--", label="lowest published value of any variant")
    )
    drawn.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return drawn


def _datasets(runs: pd.DataFrame) -> list[str]:
    return datasets_in_order(runs.index.unique("dataset").tolist())
