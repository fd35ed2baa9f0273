"""Figures over replicates: mean, standard error, count, and the seconds that things took."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from notmiwae.files import whole_file

RESULT_COLUMNS = ["dataset", "method", "metric", "mean", "se", "replicates"]


def mean_and_standard_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean and `sd / sqrt(n)` (divisor n − 1); the error of a single value is 0, since it isn't random."""
    array = np.asarray(values, dtype=np.float64)
    error = array.std(ddof=1) / np.sqrt(len(array)) if len(array) > 1 else 0.0
    return float(array.mean()), float(error)


def summarise(replicates: pd.DataFrame) -> pd.DataFrame:
    """From one row a replicate (dataset, …, metric, replicate, value) to mean, se and replicates.

    All columns but replicate and value say what a figure is of, and stay.
    """
    keys = [name for name in replicates.columns if name not in ("replicate", "value")]
    rows = []
    for key, group in replicates.groupby(keys, sort=False):
        mean, error = mean_and_standard_error(group["value"].tolist())
        rows.append((*key, mean, error, len(group)))
    return pd.DataFrame(rows, columns=[*keys, "mean", "se", "replicates"])


def metrics(replicates: pd.DataFrame) -> dict[str, float]:
    """The means of one cell's metrics, for `dvc metrics`, with the standard error of its RMSE.

    Arguments:
        replicates: Rows metric, replicate, value.
    """
    results = summarise(replicates)
    found = {str(row.metric): float(f"{row.mean:.5g}") for row in results.itertuples()}
    for error in results.loc[results["metric"] == "rmse", "se"]:
        found["rmse_se"] = float(f"{error:.3g}")
    return found | {"replicates": int(results["replicates"].max())}


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write figures with six significant digits, fewer than any of them means."""
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def record_seconds(path: Path, dataset: str, method: str, metric: str, seconds: Sequence[float]) -> None:
    """Enter a cell's seconds a replicate in the table of timings, in place of what stood there.

    Timings are no output of the pipeline: they differ from run to run, and nothing depends on them.
    """
    mean, error = mean_and_standard_error(seconds)
    row = pd.DataFrame([(dataset, method, metric, mean, error, len(seconds))], columns=RESULT_COLUMNS)
    if path.is_file():
        old = pd.read_csv(path)
        keys = ["dataset", "method", "metric"]
        same = (old[keys] == [dataset, method, metric]).all(axis=1)
        row = pd.concat([old[~same], row]).sort_values(keys)
    with whole_file(path) as temporary:
        row.to_csv(temporary, index=False, float_format="%.3g", lineterminator="\n")
