"""What the report opens with: what was asked, and the numbers and the chart of what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from study.reporting.methods import DEFAULT, ORACLE, RIVAL, in_order, method_name
from study.reporting.names import dataset_name
from study.site.chapters import IMAGES, PAPER, STUDY
from study.site.site_inputs import read_params, read_published, read_results

_CHARTED = ("gaussian", "mnist")
"""The data sets of the study on which RMSE tells good imputations from bad ones; on its ring it can't."""
_STEP = 0.5
"""Between two ticks of the chart."""


Place = tuple[float, float]
"""A value, and where on the chart's axis it stands, in per cent."""


@dataclass(frozen=True)
class Mark:
    """A method's line in a panel of the chart.

    Attributes:
        method: Its name.
        ours: The error that came out.
        published: The error that was published, if one was.
    """

    method: str
    ours: Place | None
    published: Place | None


@dataclass(frozen=True)
class Panel:
    """A data set's part of the chart.

    Attributes:
        name: The data set's name.
        marks: Its methods.
        limit: The error of the Bayes-optimal imputation, if it's known.
    """

    name: str
    marks: Sequence[Mark]
    limit: Place | None


@dataclass(frozen=True)
class Chart:
    """RMSE by method: ours, published, and the limit.

    Attributes:
        panels: A panel a data set; all have the same methods in the same order.
        ticks: Values on the axis.
    """

    panels: Sequence[Panel]
    ticks: Sequence[Place]


class Errors:
    """RMSE by data set and method; None of what a run has no results of."""

    def __init__(self, results: pd.DataFrame) -> None:
        rows = results[results["metric"] == "rmse"]
        self._held: dict[tuple[str, str], float] = {
            (dataset, method): float(mean)
            for dataset, method, mean in rows[["dataset", "method", "mean"]].itertuples(index=False)
        }

    def of(self, dataset: str, method: str) -> float | None:
        """A method's error on a data set."""
        return self._held.get((dataset, method))

    def methods(self, datasets: Sequence[str]) -> list[str]:
        """The methods that have an error on each of the data sets, without the limit."""
        names = dict.fromkeys(method for _, method in self._held if method != ORACLE)
        return in_order(
            [name for name in names if all((dataset, name) in self._held for dataset in datasets)]
        )

    def mean(self, datasets: Sequence[str], methods: Sequence[str]) -> float | None:
        """The mean over data sets of the lowest error on each, among these methods."""
        lowest = [
            min(
                (self._held[dataset, name] for name in methods if (dataset, name) in self._held), default=None
            )
            for dataset in datasets
        ]
        known = [error for error in lowest if error is not None]
        return sum(known) / len(known) if known and len(known) == len(lowest) else None


def findings(root: Path) -> dict[str, str]:
    """The numbers of the opening by name, as they are printed; empty where a run has no results.

    Raises:
        DataError: a file of results is absent, or has other columns.
    """
    ours, theirs = Errors(read_results(root, STUDY)), Errors(read_published(root, STUDY))
    images = Errors(read_results(root, IMAGES))
    tables, printed = Errors(read_results(root, PAPER)), Errors(read_published(root, PAPER))
    baselines = [str(name) for name in read_params(root, PAPER).get("run", {}).get("baselines", [])]
    found = {
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
    return {name: "" if value is None else f"{value:.3f}" for name, value in found.items()}


def chart(root: Path) -> Chart | None:
    """RMSE by method on the data sets where it tells them apart; None if a run has no results of these.

    Raises:
        DataError: as `findings`.
    """
    ours, theirs = Errors(read_results(root, STUDY)), Errors(read_published(root, STUDY))
    methods = ours.methods(_CHARTED)
    if not methods:
        return None
    held = {
        (errors, dataset, name): error
        for errors in (ours, theirs)
        for dataset in _CHARTED
        for name in [*methods, ORACLE]
        if (error := errors.of(dataset, name)) is not None
    }
    end = 1.04 * max(held.values())

    def place(errors: Errors, dataset: str, name: str) -> Place | None:
        error = held.get((errors, dataset, name))
        return None if error is None else (error, round(100 * error / end, 2))

    panels = [
        Panel(
            dataset_name(dataset),
            [
                Mark(method_name(name), place(ours, dataset, name), place(theirs, dataset, name))
                for name in methods
            ],
            place(ours, dataset, ORACLE),
        )
        for dataset in _CHARTED
    ]
    ticks = [(step * _STEP, round(100 * step * _STEP / end, 2)) for step in range(int(end / _STEP) + 1)]
    return Chart(panels, ticks)
