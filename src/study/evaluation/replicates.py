"""Metrics over replicates: mean, standard error, count."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmiwae.arrays import Floats

REPLICATES, ROWS, METRICS = "replicates.csv", "rows.parquet", "metrics.json"
"""Files of an evaluated cell: its metrics by replicate, its errors by row, and what `dvc metrics` shows."""

REPLICATE_COLUMNS = ["dataset", "method", "metric", "replicate", "value"]
ERROR_COLUMNS = ["dataset", "method", "replicate", "row", "cells", "squared_error"]
RESULT_COLUMNS = ["dataset", "method", "metric", "mean", "se", "replicates"]


def mean_and_standard_error(values: Sequence[float]) -> tuple[float, float]:
    """Compute mean and `sd / sqrt(n)` (divisor n − 1); the error of one value is 0, since it isn't random."""
    array = np.asarray(values, dtype=np.float64)
    error = array.std(ddof=1) / np.sqrt(len(array)) if len(array) > 1 else 0.0
    return float(array.mean()), float(error)


def summarise(replicates: pd.DataFrame) -> pd.DataFrame:
    """Return the mean, se and replicates of each metric.

    Arguments:
        replicates: Rows dataset, …, metric, replicate, value, one a replicate. All columns but replicate and
            value say what a value is of, and stay.
    """
    keys = [name for name in replicates.columns if name not in ("replicate", "value")]
    rows = []
    for key, group in replicates.groupby(keys, sort=False):
        mean, error = mean_and_standard_error(group["value"].tolist())
        rows.append((*key, mean, error, len(group)))
    return pd.DataFrame(rows, columns=[*keys, "mean", "se", "replicates"])


def summed_by_row(row: npt.NDArray[np.int64], squared_error: Floats) -> pd.DataFrame:
    """Sum cells' squared errors by row: columns row, cells (their number) and squared_error.

    Arguments:
        row: Row of each cell, `[J]`.
        squared_error: Squared error of each cell, `[J]`.
    """
    return (
        pd.DataFrame({"row": row, "squared_error": squared_error})
        .groupby("row", as_index=False)
        .agg(cells=("squared_error", "size"), squared_error=("squared_error", "sum"))
    )


def metrics(replicates: pd.DataFrame) -> dict[str, float]:
    """Return the means of one cell's metrics, for `dvc metrics`, with the standard error of its RMSE.

    Arguments:
        replicates: Rows metric, replicate, value.
    """
    results = summarise(replicates)
    means = {str(row.metric): float(f"{row.mean:.5g}") for row in results.itertuples()}
    for error in results.loc[results["metric"] == "rmse", "se"]:
        means["rmse_se"] = float(f"{error:.3g}")
    return means | {"replicates": int(results["replicates"].max() if len(results) else 0)}
