"""Every metric of an imputed table, by the table's missing cells."""

from collections.abc import Callable, Collection, Sequence
from functools import cache

import numpy as np
import pandas as pd

from notmiwae.arrays import Floats
from notmiwae.metrics import mask_accuracy
from notmiwae.training.fitted_model import FittedModel, missing_probability
from study.data.tables import ImputedCells
from study.evaluation.imputed_table import ImputedTable
from study.evaluation.metrics.metric import Metric, metrics
from study.evaluation.replicates import summed_by_row

_FIRST = ("shift", "rmse", "crps", "coverage90", "width90", "energy")
"""Metrics that results list first, in this order; any others follow by name."""


def evaluate(
    imputed: ImputedCells,
    masked: pd.DataFrame,
    complete: pd.DataFrame,
    diagnostics: Callable[[Floats], dict[str, float]],
) -> dict[str, float]:
    """Compute every metric of one imputed table, by name.

    Cells of which nobody knows the true value enter `shift` alone.

    Arguments:
        imputed: Imputed cells of the table.
        masked: Table that they complete.
        complete: True table, NaN where nobody knows it.
        diagnostics: Function from completed rows, of draws where there are any, to the source's own metrics.

    Raises:
        DataError: the imputed cells aren't the missing ones.
    """
    table = ImputedTable(imputed, masked, complete)
    values = {metric.kind: metric.value(table) for metric in _metrics() if table.has(metric.needs)}
    return values | (diagnostics(np.concatenate(table.completed_rows)) if table.has("rows") else {})


@cache
def _metrics() -> list[Metric]:
    """List all metrics, in the order of the results."""
    names = sorted(metrics.names(), key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    return [metrics.parse({"kind": name}) for name in names]


def category_metrics(
    imputed: ImputedCells, complete: pd.DataFrame, categories: Collection[str]
) -> dict[str, float]:
    """Compute the `error_rate` of imputed categories whose truth is known; left out where there are none.

    Arguments:
        imputed: Imputed cells of the table.
        complete: True table as numbers, NaN where nobody knows it.
        categories: Names of the columns that hold categories.
    """
    truth = complete.to_numpy(dtype=np.float64)[imputed.row, imputed.column]
    judged = complete.columns.isin(list(categories))[imputed.column] & np.isfinite(truth)
    return {"error_rate": float((imputed.mean != truth)[judged].mean())} if judged.any() else {}


def process_metrics(
    members: Sequence[FittedModel], masked: pd.DataFrame, complete: pd.DataFrame
) -> dict[str, float]:
    """Compute the `mask_accuracy` of models that impute together.

    It's left out where they have no missing process, or values of the truth are unknown.
    """
    if members[0].ignorable or complete.isna().to_numpy().any():
        return {}
    learnt = missing_probability(members, complete.to_numpy(dtype=np.float64))
    return {"mask_accuracy": mask_accuracy(learnt, masked.notna().to_numpy())}


def row_errors(imputed: ImputedCells, complete: pd.DataFrame) -> pd.DataFrame:
    """Compute squared errors by row: columns row, cells and squared_error (the sum over its missing cells).

    Cells of which the truth is unknown are left out.

    Rows that are equal when complete share a number, the first one's: they're one observation (`paired.py`).

    Arguments:
        imputed: Imputed cells of the table.
        complete: True table.
    """
    values = complete.to_numpy(dtype=np.float64)
    _, first, inverse = np.unique(values, axis=0, return_index=True, return_inverse=True)
    error = np.square(imputed.mean - values[imputed.row, imputed.column])
    known = np.isfinite(error)
    return summed_by_row(first[inverse.ravel()][imputed.row][known], error[known])
