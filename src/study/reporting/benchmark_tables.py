"""The benchmark's two tables of RMSE with a column for each data set and one for their mean.

`summary_table` is the benchmark in six lines; `protocol_table` says what its protocol alone tells of the
missing values, by the error of constants.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.reporting.headline_tables import markdown
from study.reporting.methods import DEFAULT, RIVAL, method_name
from study.reporting.names import EVERY_DATASET, dataset_name

HALF_NORMAL = math.sqrt(2.0 / math.pi)
"""The mean of a standard normal variable given that it's above its mean."""
_UNKNOWN = "notmiwae_selfmasking"


@dataclass(frozen=True)
class Constants:
    """RMSE where every missing cell is imputed by a constant.

    Attributes:
        half_normal: RMSE of `HALF_NORMAL`, in standardised units: it needs the scale of the complete columns,
            that they are Gaussian, and that what is above the mean goes missing.
        column_mean: RMSE of each column's true mean of its missing values: no constant for each column does
            better.
    """

    half_normal: float
    column_mean: float


def constants(complete: pd.DataFrame, masked: pd.DataFrame) -> Constants:
    """Compute the errors of constants on one table, in units of the complete columns' standard deviations."""
    missing = masked.isna().to_numpy()
    truth = np.where(missing, complete.to_numpy(dtype=np.float64), np.nan)[:, missing.any(axis=0)]
    return Constants(
        half_normal=_root_mean(np.square(truth - HALF_NORMAL)),
        column_mean=_root_mean(np.square(truth - np.nanmean(truth, axis=0))),
    )


def summary_table(
    results: pd.DataFrame, published: pd.DataFrame, datasets: Sequence[str], baselines: Sequence[str]
) -> str:
    """Tabulate the RMSE of the default, of what it's compared with, and in print.

    Arguments:
        results: Rows dataset, method, metric, mean.
        published: Rows with the same columns, as printed in the paper.
        datasets: Data sets in the columns' order.
        baselines: Methods that aren't models.
    """
    ours, theirs = (
        rows[rows["metric"] == "rmse"]
        .pivot(index="dataset", columns="method", values="mean")
        .loc[[*datasets]]
        for rows in (results, published)
    )
    best = ours[ours.columns.intersection(list(baselines))].min(axis=1)
    return _with_mean(
        datasets,
        (f"**{method_name(DEFAULT)}** (the default)", ours[DEFAULT], 3),
        (f"{method_name(_UNKNOWN)}, direction unknown", ours[_UNKNOWN], 3),
        (method_name(RIVAL), ours[RIVAL], 3),
        ("the best baseline of each table", best, 3),
        (f"published: {method_name(DEFAULT)}", theirs[DEFAULT], 2),
        ("published: the best of all variants on each table", theirs.min(axis=1), 2),
    )


def protocol_table(
    results: pd.DataFrame, constant_errors: Mapping[str, Constants], datasets: Sequence[str]
) -> str:
    """Tabulate the default's RMSE beside that of constants.

    Arguments:
        results: Rows dataset, method, metric, mean.
        constant_errors: Errors of constants by data set.
        datasets: Data sets in the columns' order.
    """
    chosen = results[(results["metric"] == "rmse") & (results["method"] == DEFAULT)]
    ours = chosen.set_index("dataset")["mean"]
    errors = [constant_errors[name] for name in datasets]
    return _with_mean(
        datasets,
        (method_name(DEFAULT), ours[[*datasets]], 3),
        (f"{HALF_NORMAL:.2f} everywhere", [error.half_normal for error in errors], 3),
        ("each column's true mean of its missing values", [error.column_mean for error in errors], 3),
    )


def _with_mean(datasets: Sequence[str], *lines: tuple[str, Iterable[float], int]) -> str:
    """Write lines of a label, values and their decimals, with the values' mean to three."""
    rows = []
    for label, values, decimals in lines:
        row = pd.Series(values)
        rows.append([label, *(f"{value:.{decimals}f}" for value in row), f"{row.mean():.3f}"])
    return markdown(["RMSE", *map(dataset_name, [*datasets, EVERY_DATASET])], rows)


def _root_mean(values: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.nanmean(values)))
