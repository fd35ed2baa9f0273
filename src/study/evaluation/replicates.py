"""Values over replicates: mean, standard error and count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

RESULT_COLUMNS = ["dataset", "method", "metric", "mean", "se", "replicates"]
"""Columns of the tidy results."""


def mean_and_standard_error(values: Sequence[float]) -> tuple[float, float]:
    """Compute the mean and `sd / sqrt(n)` (divisor n − 1); a single value, not random, has the error 0."""
    array = np.asarray(values, dtype=np.float64)
    error = array.std(ddof=1) / np.sqrt(len(array)) if len(array) > 1 else 0.0
    return float(array.mean()), float(error)


def summarise(replicates: pd.DataFrame) -> pd.DataFrame:
    """Summarise rows of one replicate each (dataset, …, metric, replicate, value) as mean, se and replicates.

    All columns but replicate and value say what a value belongs to, and stay.
    """
    keys = [name for name in replicates.columns if name not in ("replicate", "value")]
    rows = []
    for key, group in replicates.groupby(keys, sort=False):
        mean, error = mean_and_standard_error(group["value"].tolist())
        rows.append((*key, mean, error, len(group)))
    return pd.DataFrame(rows, columns=[*keys, "mean", "se", "replicates"])


def metrics(replicates: pd.DataFrame) -> dict[str, float]:
    """Summarise one cell's metrics for `dvc metrics`: their means, and the standard error of the RMSE.

    Arguments:
        replicates: Rows metric, replicate, value.
    """
    results = summarise(replicates)
    means = {str(row.metric): float(f"{row.mean:.5g}") for row in results.itertuples()}
    for error in results.loc[results["metric"] == "rmse", "se"]:
        means["rmse_se"] = float(f"{error:.3g}")
    return means | {"replicates": int(results["replicates"].max())}
