"""The results as Markdown tables, for the README."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from study.reporting.methods import in_order, method_name
from study.reporting.names import dataset_name
from study.run.grid import ORACLE

_ABSENT = "–"


@dataclass(frozen=True)
class Measure:
    """A metric as a table shows it.

    Attributes:
        metric: Its name in the results.
        title: Its name for a reader.
        loss: From a value to what the best method has least of; None: no method is best.
    """

    metric: str
    title: str
    loss: Callable[[float], float] | None = float


RMSE = Measure("rmse", "RMSE")
LEVEL = 0.9
"""Of the intervals that draws are judged by."""
CALIBRATION = (
    Measure("coverage90", "Coverage of the 90 % interval", lambda value: abs(value - LEVEL)),
    Measure("width90", "Width of the 90 % interval", None),
    Measure("crps", "CRPS"),
    Measure("energy", "Energy distance"),
)
"""How good draws are, where a method has them; the energy distance takes means where it hasn't."""
UNJUDGED = (
    Measure("shift", "missing − observed mean, in sd", None),
    Measure("bound", "held-out bound, nats a row", None),
)
"""What can be said without a truth. Bounds with and without a missing process are of different things."""


def headline(
    results: pd.DataFrame,
    published: pd.DataFrame | None,
    datasets: Sequence[str],
    measure: Measure = RMSE,
    published_decimals: int = 3,
) -> str:
    """A metric by method: for each data set ours, mean ± standard error, beside the published value.

    The best of ours is bold; the oracle, no method, stands below the others and is never bold.

    Arguments:
        results: Rows dataset, method, metric, mean, se, replicates.
        published: Rows with the same columns and perhaps more; None leaves out the columns beside ours.
        datasets: Data sets in the columns' order.
        measure: The metric.
        published_decimals: Digits that published values were printed with, errors of 0 left out.
    """
    ours = results[results["metric"] == measure.metric]
    contenders = ours[ours["method"] != ORACLE]
    bold = set()
    if measure.loss:
        losses = contenders["mean"].map(measure.loss)
        winners = contenders.loc[losses.groupby(contenders["dataset"]).idxmin()]
        bold = set(zip(winners["dataset"], winners["method"], strict=True))
    texts = {
        (dataset, method): _with_error(mean, error, replicates)
        for dataset, method, mean, error, replicates in zip(
            *(ours[name].tolist() for name in ("dataset", "method", "mean", "se", "replicates")), strict=True
        )
    }
    theirs = {} if published is None else _published(published, measure.metric, published_decimals)
    methods = in_order(list(dict.fromkeys(contenders["method"])))
    oracle = [ORACLE] if len(contenders) < len(ours) else []

    beside = [] if published is None else ["published"]
    headings = [measure.title, *(text for name in datasets for text in (dataset_name(name), *beside))]
    lines = [headings, [":--", *["--:"] * (len(headings) - 1)]]
    for method in methods + oracle:
        line = [method_name(method)]
        for key in ((dataset, method) for dataset in datasets):
            mark = "**" if key in bold else ""
            line.append(f"{mark}{texts.get(key, _ABSENT)}{mark}")
            line += [theirs.get(key, _ABSENT) for _ in beside]
        lines.append(line)
    return markdown(lines)


def by_truth(results: pd.DataFrame, datasets: Sequence[str]) -> tuple[list[str], list[str]]:
    """The data sets of which missing values are known, so that there is an error, and the others."""
    judged = set(results.loc[results["metric"] == RMSE.metric, "dataset"])
    return [name for name in datasets if name in judged], [name for name in datasets if name not in judged]


def calibration_tables(results: pd.DataFrame, datasets: Sequence[str]) -> str:
    """A table for each measure of `CALIBRATION`, of the data sets that have it."""
    return "\n".join(headline(results, None, datasets, each) for each in CALIBRATION)


def tables(results: pd.DataFrame, published: pd.DataFrame, datasets: Sequence[str]) -> str:
    """The headline of the data sets that have one, then what methods say of the others' missing values."""
    judged, unknown = by_truth(results, datasets)
    beside = None if published.empty else published
    parts = [headline(results, beside, judged)] if judged else []
    parts += [headline(results, None, unknown, each) for each in UNJUDGED if unknown]
    return "\n".join(parts)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table of its lines' cells, headings and alignment first."""
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _published(published: pd.DataFrame, metric: str, decimals: int) -> dict[tuple[str, str], str]:
    rows = published[published["metric"] == metric]
    columns = (rows[name].tolist() for name in ("dataset", "method", "mean", "se"))
    return {
        # Where no error was printed it's NaN, which isn't above 0 either.
        (dataset, method): f"{mean:.{decimals}f}"
        + (f" ± {error:.{decimals}f}" if round(error, decimals) > 0 else "")
        for dataset, method, mean, error in zip(*columns, strict=True)
    }


def agreement_table(replicates: pd.DataFrame, published: pd.DataFrame) -> str:
    """How far each published RMSE is from ours, where there is one, in standard deviations of one replicate.

    A published value is a single run, so the deviation to hold it against is a replicate's, not the mean's.

    Arguments:
        replicates: Rows dataset, method, metric, replicate, value.
        published: Rows dataset, method, metric, mean.
    """
    ours = replicates[replicates["metric"] == "rmse"].groupby(["dataset", "method"])["value"]
    lines = [
        ["Data set", "Method", "published", "ours", "sd of one run", "published − ours, in sd"],
        [":--", ":--", "--:", "--:", "--:", "--:"],
    ]
    theirs = published[published["metric"] == "rmse"]
    for dataset, method, value in zip(theirs["dataset"], theirs["method"], theirs["mean"], strict=True):
        if (dataset, method) not in ours.groups:
            continue
        values = ours.get_group((dataset, method))
        mean, deviation = values.mean(), values.std() if len(values) > 1 else 0.0
        difference = value - mean
        lines.append(
            [
                dataset_name(dataset),
                method_name(method),
                f"{value:.4g}",
                f"{mean:.4g}",
                f"{deviation:.2g}" if deviation else _ABSENT,
                f"{difference / deviation:+.1f}" if deviation else f"(difference {difference:+.4f})",
            ]
        )
    return markdown(lines)


def _with_error(mean: float, error: float, replicates: int) -> str:
    # A single deterministic imputation of fixed data has no spread.
    return f"{mean:.3f} ± {error:.3f}" if replicates > 1 else f"{mean:.3f}"
