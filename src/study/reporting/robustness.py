"""What the side studies that take longer than the benchmark report: many seeds, and the published recipe."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
"""The benchmark's published values, as seen from the folder of the longer studies."""

_BOUND = Measure("bound", "Held-out bound, nats a row", lambda value: -value)
_SPREAD = 0.28
"""Half the width over which a method's points are spread."""
_LOWEST: dict[str, Any] = {"color": BLACK, "lw": 1.0, "ls": "--"}


@dataclass(frozen=True)
class Inputs:
    """What the side studies made.

    Attributes:
        seeds: Values of many seeds: rows dataset, setting, method, metric, replicate, value.
        recipes: Results of the published recipe and the default: rows dataset, setting, method, metric, mean,
            se, replicates.
        published: Rows dataset, method, metric, mean, se, source.
    """

    seeds: pd.DataFrame
    recipes: pd.DataFrame
    published: pd.DataFrame


def gather() -> Inputs:
    """Read everything to report on from the current folder.

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
    """Write the Markdown files of `reports/` by name, without their suffix."""
    ours, methods = inputs.recipes, inputs.recipes["method"].unique().tolist()
    datasets = datasets_in_order(ours["dataset"])
    rmse = headline(ours, with_recipes(inputs.published, methods), datasets, published_decimals=2)
    return {
        "robustness": robustness_table(inputs.seeds, DEFAULT, RIVAL),
        "published_recipe": f"{rmse}\n{headline(ours, None, datasets, _BOUND)}",
    }


def values_in_prose(inputs: Inputs) -> dict[str, str]:
    """Print the values that the page may name: how many `runs` of the default, and how many `worse` ones."""
    runs = by_seed(inputs.seeds)
    worse = (runs[DEFAULT] >= runs[RIVAL]).sum()
    return {"runs": str(len(runs)), "worse": str(worse)}


def by_seed(replicates: pd.DataFrame, metric: str = "rmse") -> pd.DataFrame:
    """Arrange a metric of each seed: a line for each data set and replicate, a column for each method.

    Arguments:
        replicates: Rows dataset, setting, method, metric, replicate, value.
        metric: Name of the metric.
    """
    rows = replicates[replicates["metric"] == metric]
    return rows.pivot(index=["dataset", "replicate"], columns="method", values="value")


def robustness_table(replicates: pd.DataFrame, default: str, rival: str) -> str:
    """Tabulate RMSE over each data set's seeds, and how many are worse than the rival's with the same seed.

    Arguments:
        replicates: Rows dataset, setting, method, metric, replicate, value.
        default: Name of the method in question.
        rival: Name of the method that none of its seeds should be worse than.
    """
    ours = f"RMSE of {method_name(default)}"
    headings = ["", "seeds", f"{ours}: lowest", "median", "highest"]
    lines = []
    for dataset, rmse in _by_dataset(replicates).items():
        own, others = rmse[default], rmse[rival]
        values = [own.min(), own.median(), own.max(), others.min()]
        worse = (own >= others).sum()
        lines.append([dataset_name(dataset), str(len(own)), *map("{:.3f}".format, values), str(worse)])
    return markdown([*headings, f"{method_name(rival)}: lowest", "worse runs"], lines)


@styled
def robustness(
    replicates: pd.DataFrame, published: pd.DataFrame, methods: Sequence[str] = (DEFAULT, RIVAL)
) -> Figure:
    """Plot every seed's RMSE: a panel for each data set, and the lowest published value.

    Arguments:
        replicates: Rows dataset, setting, method, metric, replicate, value.
        published: Rows dataset, method, metric, mean.
        methods: Methods in the columns' order.
    """
    rmse = _by_dataset(replicates)
    lowest = published[published["metric"] == "rmse"].groupby("dataset")["mean"].min()
    points = {method: look | {"ls": "", "mew": 0} for method, look in looks(methods).items()}
    drawn = figure(height=2.6)
    panels = drawn.subplots(1, len(rmse), squeeze=False)[0]
    for axes, (dataset, values) in zip(panels, rmse.items(), strict=True):
        for at, (method, look) in enumerate(points.items()):
            beside = at + np.linspace(-_SPREAD, _SPREAD, len(values)) if len(values) > 1 else [at]
            axes.plot(beside, values[method], ms=3, **look)
        if dataset in lowest:
            axes.axhline(lowest[dataset], zorder=1, **_LOWEST)
        axes.set_title(dataset_name(dataset))
        axes.set_xlim(-0.6, len(methods) - 0.4)
        axes.set_ylim(bottom=0.0)
        axes.set_xticks([])
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("RMSE of the missing values")
    handles = [
        *(Line2D([], [], ms=5, label=method_name(method), **look) for method, look in points.items()),
        Line2D([], [], label="lowest published value of any variant", **_LOWEST),
    ]
    drawn.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return drawn


def _by_dataset(replicates: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Arrange the RMSE of each seed by data set: a line for each replicate, a column for each method."""
    seeds = by_seed(replicates)
    return {dataset: seeds.loc[[dataset]] for dataset in datasets_in_order(seeds.index.unique("dataset"))}
