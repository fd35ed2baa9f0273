"""Gather what the report opens with: the numbers and the chart of what came out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from study.reporting.methods import DEFAULT, RIVAL, in_order, method_name
from study.reporting.names import dataset_name
from study.run.grid import ORACLE
from study.run.params_file import PARAMS_FILE, read_params
from study.site.chapters import IMAGES, PAPER, STUDY
from study.site.site_inputs import read_published, read_results

_CHARTED = ("gaussian", "mnist")
"""The data sets of the study on which RMSE tells good imputations from bad ones; on its ring it can't."""
_STEP = 0.5
"""RMSE between two ticks of the chart."""

Place = tuple[float, float]
"""A value, and where on the chart's axis it stands, in per cent."""


@dataclass(frozen=True)
class Mark:
    """A method's line in a panel of the chart.

    Attributes:
        method: Name of the method.
        ours: RMSE that came out.
        published: RMSE that was published, if one was.
    """

    method: str
    ours: Place | None
    published: Place | None


@dataclass(frozen=True)
class Panel:
    """A data set's part of the chart.

    Attributes:
        name: Name of the data set.
        marks: Lines of its methods.
        limit: RMSE of the Bayes-optimal imputation, if it's known.
    """

    name: str
    marks: Sequence[Mark]
    limit: Place | None


@dataclass(frozen=True)
class Chart:
    """RMSE by method: ours, published, and the limit.

    Attributes:
        panels: Data sets; all have the same methods in the same order.
        ticks: Values on the axis.
    """

    panels: Sequence[Panel]
    ticks: Sequence[Place]


class Errors:
    """RMSE by data set and method; None of what a run has no results of.

    Arguments:
        results: Rows dataset, method, metric, mean.
    """

    def __init__(self, results: pd.DataFrame) -> None:
        rows = results.loc[results["metric"] == "rmse", ["dataset", "method", "mean"]]
        self._errors = {(data, method): float(mean) for data, method, mean in rows.itertuples(index=False)}

    def of(self, dataset: str, method: str) -> float | None:
        """Return a method's error on a data set."""
        return self._errors.get((dataset, method))

    def methods(self, datasets: Sequence[str]) -> list[str]:
        """Return the methods that have an error on each of the data sets, without the limit."""
        names = dict.fromkeys(method for _, method in self._errors if method != ORACLE)
        return in_order([name for name in names if all((data, name) in self._errors for data in datasets)])

    def mean(self, datasets: Sequence[str], methods: Sequence[str]) -> float | None:
        """Return the mean over data sets of the lowest error on each, among these methods."""
        known = [
            [error for name in methods if (error := self.of(dataset, name)) is not None]
            for dataset in datasets
        ]
        return sum(map(min, known)) / len(known) if all(known) else None


def findings(root: Path) -> dict[str, str]:
    """Return the numbers of the opening by name, as they are printed; empty where a run has no results.

    Raises:
        DataError: a file of results is absent, or has other columns.
    """
    ours, theirs = Errors(read_results(root, STUDY)), Errors(read_published(root, STUDY))
    images = Errors(read_results(root, IMAGES))
    tables, printed = Errors(read_results(root, PAPER)), Errors(read_published(root, PAPER))
    baselines = read_params(root / PAPER.folder / PARAMS_FILE).get("run", {}).get("baselines", [])
    values = {
        "gaussian": ours.of("gaussian", "notmiwae"),
        "gaussian_published": theirs.of("gaussian", "notmiwae"),
        "gaussian_limit": ours.of("gaussian", ORACLE),
        "mnist": ours.of("mnist", "notmiwae"),
        "mnist_published": theirs.of("mnist", "notmiwae"),
        "tables": tables.mean(PAPER.datasets, [DEFAULT]),
        "tables_published": printed.mean(PAPER.datasets, [DEFAULT]),
        "tables_rival": tables.mean(PAPER.datasets, [RIVAL]),
        "tables_baseline": tables.mean(PAPER.datasets, baselines),
        "block": images.of("block", "notmiwae"),
        "block_rival": images.of("block", "miwae"),
    }
    return {name: "" if value is None else f"{value:.3f}" for name, value in values.items()}


def chart(root: Path) -> Chart | None:
    """Return RMSE by method on the data sets where it tells them apart; None without results of these.

    Raises:
        DataError: a file of results is absent, or has other columns.
    """
    ours, theirs = Errors(read_results(root, STUDY)), Errors(read_published(root, STUDY))
    methods = ours.methods(_CHARTED)
    if not methods:
        return None
    end = 1.04 * max(
        errors.of(dataset, name) or 0.0
        for errors in (ours, theirs)
        for dataset in _CHARTED
        for name in [*methods, ORACLE]
    )

    def place(error: float) -> Place:
        return error, round(100 * error / end, 2)

    def mark(errors: Errors, dataset: str, name: str) -> Place | None:
        error = errors.of(dataset, name)
        return None if error is None else place(error)

    panels = [
        Panel(
            dataset_name(dataset),
            [
                Mark(method_name(name), mark(ours, dataset, name), mark(theirs, dataset, name))
                for name in methods
            ],
            mark(ours, dataset, ORACLE),
        )
        for dataset in _CHARTED
    ]
    return Chart(panels, [place(step * _STEP) for step in range(int(end / _STEP) + 1)])
