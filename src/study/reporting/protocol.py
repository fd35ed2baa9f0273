"""What the benchmark's protocol alone says of the missing values: the error of constants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.reporting.headline_tables import markdown
from study.reporting.methods import DEFAULT, method_name
from study.reporting.names import EVERY_DATASET, dataset_name

HALF_NORMAL = math.sqrt(2.0 / math.pi)
"""The mean of a standard normal variable given that it's above its mean."""


@dataclass(frozen=True)
class Constants:
    """RMSE where every missing cell is imputed by a constant.

    Attributes:
        half_normal: `HALF_NORMAL`, in standardised units: it needs the scale of the complete columns, that
            they are Gaussian, and that what is above the mean goes missing.
        column_mean: Each column's true mean of its missing values: no constant for each column does better.
    """

    half_normal: float
    column_mean: float


def constants(complete: pd.DataFrame, masked: pd.DataFrame) -> Constants:
    """The errors of constants on one table, in units of the complete columns' standard deviations."""
    missing = masked.isna().to_numpy()
    truth = np.where(missing, complete.to_numpy(dtype=np.float64), np.nan)[:, missing.any(axis=0)]
    return Constants(
        half_normal=_root_mean(np.square(truth - HALF_NORMAL)),
        column_mean=_root_mean(np.square(truth - np.nanmean(truth, axis=0))),
    )


def _root_mean(values: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.nanmean(values)))


def protocol_table(results: pd.DataFrame, found: Mapping[str, Constants], datasets: Sequence[str]) -> str:
    """The default's RMSE beside that of constants; a column a data set, and their mean.

    Arguments:
        results: Rows dataset, method, metric, mean.
        found: The constants' errors of each data set.
        datasets: Data sets in the columns' order.
    """
    chosen = results[(results["metric"] == "rmse") & (results["method"] == DEFAULT)]
    ours = chosen.set_index("dataset")["mean"]
    lines = {
        method_name(DEFAULT): [float(ours[name]) for name in datasets],
        f"{HALF_NORMAL:.2f} everywhere": [found[name].half_normal for name in datasets],
        "each column's true mean of its missing values": [found[name].column_mean for name in datasets],
    }
    headings = ["RMSE", *map(dataset_name, [*datasets, EVERY_DATASET])]
    rows = [
        [label, *(f"{value:.3f}" for value in (*values, sum(values) / len(values)))]
        for label, values in lines.items()
    ]
    return markdown([headings, [":--", *["--:"] * (len(headings) - 1)], *rows])
