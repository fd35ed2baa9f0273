"""The results as Markdown tables, for the README."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from study.reporting.methods import in_order, method_name
from study.reporting.names import dataset_name
from study.run.grid import ORACLE

ABSENT = "–"


@dataclass(frozen=True)
class Measure:
    """A metric as a table shows it.

    Attributes:
        metric: Name of the metric in the results.
        title: Name of the metric for a reader.
        loss: Function of a value that the best method has the lowest of; None: no method is best.
    """

    metric: str
    title: str
    loss: Callable[[float], float] | None = float


RMSE = Measure("rmse", "RMSE")
LEVEL = 0.9
"""Level of the intervals that draws are judged by."""
CALIBRATION = (
    Measure("coverage90", "Coverage of the 90 % interval", lambda value: abs(value - LEVEL)),
    Measure("width90", "Width of the 90 % interval", None),
    Measure("crps", "CRPS"),
    Measure("energy", "Energy distance"),
)
"""How good draws are, where a method has them; the energy distance takes means where it hasn't."""
ERROR_RATE = Measure("error_rate", "Share of imputed categories that are wrong")
NO_TRUTH = "Nobody knows the missing values of these data sets, so there are no errors to show."
"""In place of what would show errors, where no data set has any."""
UNJUDGED = (
    Measure("shift", "missing − observed mean, in sd", None),
    Measure("bound", "held-out bound, nats a row", None),
)
"""What can be said without a truth. Bounds with and without a missing process are on different things."""


def headline(
    results: pd.DataFrame,
    published: pd.DataFrame | None,
    datasets: Sequence[str],
    measure: Measure = RMSE,
    published_decimals: int = 3,
    named: Callable[[str], str] = method_name,
) -> str:
    """Tabulate a metric by method: for each data set ours, mean ± standard error, beside the published value.

    The best of ours is bold; the oracle, no method, stands below the others and is never bold.

    Arguments:
        results: Rows dataset, method, metric, mean, se, replicates.
        published: Rows with the same columns and perhaps more; None leaves out the columns beside ours.
        datasets: Data sets in the columns' order.
        measure: The metric.
        published_decimals: Digits that published values were printed with, errors of 0 left out.
        named: Function from a method to its name in the table.
    """
    ours = results[results["metric"] == measure.metric]
    contenders = ours[ours["method"] != ORACLE]
    bold = set()
    if measure.loss:
        losses = contenders["mean"].map(measure.loss)
        winners = contenders.loc[losses.groupby(contenders["dataset"]).idxmin()]
        bold = set(zip(winners["dataset"], winners["method"], strict=True))
    texts = {
        # A single deterministic imputation of fixed data has no spread.
        (row["dataset"], row["method"]): f"{row['mean']:.3f}"
        + (f" ± {row['se']:.3f}" if row["replicates"] > 1 else "")
        for row in ours.to_dict("records")
    }
    theirs = {} if published is None else _published(published, measure.metric, published_decimals)
    oracle = [ORACLE] if len(contenders) < len(ours) else []
    beside = [] if published is None else ["published"]
    lines = []
    for method in in_order(contenders["method"]) + oracle:
        line = [named(method)]
        for key in ((dataset, method) for dataset in datasets):
            mark = "**" if key in bold else ""
            line.append(f"{mark}{texts.get(key, ABSENT)}{mark}")
            line += [theirs.get(key, ABSENT) for _ in beside]
        lines.append(line)
    columns = (text for dataset in datasets for text in (dataset_name(dataset), *beside))
    return markdown([measure.title, *columns], lines)


def by_truth(results: pd.DataFrame, datasets: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split data sets into those whose missing values are known, so that errors are, and the others."""
    judged = set(results.loc[results["metric"] == RMSE.metric, "dataset"])
    return [name for name in datasets if name in judged], [name for name in datasets if name not in judged]


def calibration_tables(results: pd.DataFrame, datasets: Sequence[str]) -> str:
    """Write a table for each measure of `CALIBRATION`, of the data sets that have it, or a sentence."""
    if not datasets:
        return f"{NO_TRUTH}\n"
    return "\n".join(headline(results, None, datasets, measure) for measure in CALIBRATION)


def tables(results: pd.DataFrame, published: pd.DataFrame, datasets: Sequence[str]) -> str:
    """Write the headline of data sets with errors, then what methods say of the others' missing values."""
    judged, unknown = by_truth(results, datasets)
    beside = published if published["dataset"].isin(judged).any() else None
    parts = [headline(results, beside, judged)] if judged else []
    coded = results.loc[results["metric"] == ERROR_RATE.metric, "dataset"]
    if len(coded):
        named = [name for name in datasets if name in set(coded)]
        parts.append(headline(results, None, named, ERROR_RATE))
    parts += [headline(results, None, unknown, measure) for measure in UNJUDGED if unknown]
    return "\n".join(parts)


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]], names: int = 1) -> str:
    """Write a Markdown table whose first columns, `names` of them, are texts and the others numbers."""
    alignment = [*[":--"] * names, *["--:"] * (len(headings) - names)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (headings, alignment, *rows))


def agreement_table(replicates: pd.DataFrame, published: pd.DataFrame) -> str:
    """Tabulate how far each published RMSE is from ours, in standard deviations of one replicate.

    A published value is a single run, so the deviation to compare it with is a replicate's, not the mean's.
    Where nothing was published of these data sets, a sentence says so.

    Arguments:
        replicates: Rows dataset, method, metric, replicate, value.
        published: Rows dataset, method, metric, mean.
    """
    ours = replicates[replicates["metric"] == "rmse"].groupby(["dataset", "method"])["value"]
    lines = []
    for row in published[published["metric"] == "rmse"].to_dict("records"):
        if (row["dataset"], row["method"]) not in ours.groups:
            continue
        values = ours.get_group((row["dataset"], row["method"]))
        mean, deviation = values.mean(), values.std() if len(values) > 1 else 0.0
        difference = row["mean"] - mean
        away = f"{difference / deviation:+.1f}" if deviation else f"(difference {difference:+.4f})"
        spread = f"{deviation:.2g}" if deviation else ABSENT
        names = [dataset_name(row["dataset"]), method_name(row["method"])]
        lines.append([*names, f"{row['mean']:.4g}", f"{mean:.4g}", spread, away])
    if not lines:
        return "Nothing was published of these data sets and methods.\n"
    headings = ["Data set", "Method", "published", "ours", "sd of one run", "published − ours, in sd"]
    return markdown(headings, lines, names=2)


def _published(published: pd.DataFrame, metric: str, decimals: int) -> dict[tuple[str, str], str]:
    """Print a metric's published values by data set and method."""
    return {
        # Where no error was printed it's NaN, which isn't above 0 either.
        (row["dataset"], row["method"]): f"{row['mean']:.{decimals}f}"
        + (f" ± {row['se']:.{decimals}f}" if round(row["se"], decimals) > 0 else "")
        for row in published[published["metric"] == metric].to_dict("records")
    }
