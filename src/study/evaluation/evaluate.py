"""Every metric of an imputed table, by the table's missing cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from notmiwae.arrays import Floats, Mask
from notmiwae.errors import DataError
from notmiwae.metrics import coverage, crps, energy_distance, mask_accuracy, rmse, width
from notmiwae.training.fitted_model import FittedModel, missing_probability
from study.run.tables import ImputedCells, missing_cells

_COMPLETED_DRAWS = 5
"""Draws of the whole table that enter the metrics of rows."""


def evaluate(
    imputed: ImputedCells,
    masked: pd.DataFrame,
    complete: pd.DataFrame,
    diagnostics: Callable[[Floats], dict[str, float]],
) -> dict[str, float]:
    """Every metric of one imputed table.

    Cells of which nobody knows the true value enter `shift` alone.

    Arguments:
        imputed: The imputed cells.
        masked: The table they complete.
        complete: The truth, NaN where it's unknown.
        diagnostics: What the data set says of completed rows; it's told of draws where there are any.

    Raises:
        DataError: the imputed cells aren't the missing ones.
    """
    row, column = missing_cells(masked)
    if not (np.array_equal(imputed.row, row) and np.array_equal(imputed.column, column)):
        raise DataError(f"{len(imputed.row)} imputed cells aren't the table's {len(row)} missing ones")
    values = complete.to_numpy(dtype=np.float64)
    truth = values[row, column]
    known = np.isfinite(truth)
    figures = {} if known.all() else {"shift": shift(imputed, masked, ~known)}
    if not known.any():
        return figures
    truth, draws = truth[known], imputed.draws[known]
    figures["rmse"] = rmse(imputed.mean[known], truth)
    if draws.shape[1] > 1:
        figures |= {
            "crps": crps(draws, truth),
            "coverage90": coverage(draws, truth),
            "width90": width(draws),
        }
    # Rows as a whole: those of which all is known.
    incomplete = np.setdiff1d(row, row[~known])
    if not len(incomplete):
        return figures
    fillings = imputed.draws[:, :_COMPLETED_DRAWS].T if draws.shape[1] > 1 else [imputed.mean]
    completed = [imputed.fill(masked, filling)[incomplete] for filling in fillings]
    figures["energy"] = float(np.mean([energy_distance(each, values[incomplete]) for each in completed]))
    return figures | diagnostics(np.concatenate(completed))


def shift(imputed: ImputedCells, masked: pd.DataFrame, chosen: Mask) -> float:
    """How much higher the `chosen` cells are imputed than what is observed in their columns.

    The mean of `(x̂ − mean_j) / sd_j`: what a method says of values of which nobody knows the truth.
    """
    observed = masked.to_numpy(dtype=np.float64)
    column = imputed.column[chosen]
    deviation = np.nanstd(observed, axis=0)[column]
    difference = imputed.mean[chosen] - np.nanmean(observed, axis=0)[column]
    return float(np.mean(difference / np.where(deviation > 0, deviation, 1.0)))


def process_metrics(
    members: Sequence[FittedModel], masked: pd.DataFrame, complete: pd.DataFrame
) -> dict[str, float]:
    """The `mask_accuracy` of models that impute together; nothing where they have no missing process.

    Nor where values of the truth are unknown.
    """
    if members[0].ignorable or complete.isna().to_numpy().any():
        return {}
    learnt = missing_probability(members, complete.to_numpy(dtype=np.float64))
    return {"mask_accuracy": mask_accuracy(learnt, masked.notna().to_numpy())}


def row_errors(imputed: ImputedCells, complete: pd.DataFrame) -> pd.DataFrame:
    """Squared errors by row, columns row, cells and squared_error (the sum over the row's missing cells).

    Cells of which the truth is unknown are left out.

    Rows that are equal when complete share a number, the first one's: they're one observation (`paired.py`).

    Arguments:
        imputed: The imputed cells.
        complete: The truth.
    """
    values = complete.to_numpy(dtype=np.float64)
    _, first, inverse = np.unique(values, axis=0, return_index=True, return_inverse=True)
    error = np.square(imputed.mean - values[imputed.row, imputed.column])
    cells = pd.DataFrame({"row": first[inverse.ravel()][imputed.row], "squared_error": error})
    return (
        cells[cells["squared_error"].notna()]
        .groupby("row", as_index=False)
        .agg(cells=("squared_error", "size"), squared_error=("squared_error", "sum"))
    )
