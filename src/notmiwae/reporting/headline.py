"""The results as Markdown tables, for the README."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from notmiwae.reporting.names import ORACLE, dataset_name, in_order, method_name

_ABSENT = "–"


def headline(results: pd.DataFrame, published: pd.DataFrame, datasets: Sequence[str]) -> str:
    """RMSE by method: for each data set ours, mean ± standard error, beside the published value.

    The lowest of ours is bold; the oracle, no method, stands below the others and is never bold.

    Arguments:
        results: Rows dataset, method, metric, mean, se, replicates.
        published: Rows with the same columns and perhaps more.
        datasets: Data sets in the columns' order.
    """
    ours = results[results["metric"] == "rmse"]
    contenders = ours[ours["method"] != ORACLE]
    winners = contenders.loc[contenders.groupby("dataset")["mean"].idxmin()]
    bold = set(zip(winners["dataset"], winners["method"], strict=True))
    texts = {
        (dataset, method): _with_error(mean, error, replicates)
        for dataset, method, mean, error, replicates in zip(
            *(ours[name].tolist() for name in ("dataset", "method", "mean", "se", "replicates")), strict=True
        )
    }
    theirs = {
        (row.dataset, row.method): f"{row.mean:.3f}"
        for row in published[published["metric"] == "rmse"].itertuples()
    }
    methods = in_order(list(dict.fromkeys(contenders["method"])))
    oracle = [ORACLE] if len(contenders) < len(ours) else []

    headings = ["RMSE", *(text for name in datasets for text in (dataset_name(name), "published"))]
    lines = [headings, [":--", *["--:"] * (len(headings) - 1)]]
    for method in methods + oracle:
        line = [method_name(method)]
        for key in ((dataset, method) for dataset in datasets):
            mark = "**" if key in bold else ""
            line += [f"{mark}{texts.get(key, _ABSENT)}{mark}", theirs.get(key, _ABSENT)]
        lines.append(line)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def agreement_table(replicates: pd.DataFrame, published: pd.DataFrame) -> str:
    """How far each published RMSE is from ours, in standard deviations of one replicate.

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
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _with_error(mean: float, error: float, replicates: int) -> str:
    # A single deterministic imputation of fixed data has no spread.
    return f"{mean:.3f} ± {error:.3f}" if replicates > 1 else f"{mean:.3f}"
