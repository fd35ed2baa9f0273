"""The tidy results: read from the experiment's cells, and averaged over data sets."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from notmiwae.errors import DataError
from study.evaluation.replicates import (
    ERROR_COLUMNS,
    REPLICATE_COLUMNS,
    REPLICATES,
    RESULT_COLUMNS,
    ROWS,
)
from study.reporting.names import EVERY_DATASET
from study.run.pipeline import EVALUATED, cell_folder

CURVE_COLUMNS = ["replicate", "member", "start", "step", "training_bound", "validation_bound", "kept"]
STUDY_COLUMNS = ["dataset", "setting", *RESULT_COLUMNS[1:]]
PUBLISHED_COLUMNS = [*RESULT_COLUMNS, "source"]


def read_replicates(cells: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Read the metrics by replicate of (data set, method) cells, rows in the cells' order.

    Raises:
        DataError: a cell's file is absent or isn't what the stage `evaluate` writes.
    """
    return _read_cells(cells, REPLICATES, REPLICATE_COLUMNS)


def read_row_errors(cells: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Read the squared errors by row of (data set, method) cells; raises as `read_replicates` does."""
    return _read_cells(cells, ROWS, ERROR_COLUMNS)


def _read_cells(cells: Iterable[tuple[str, str]], file: str, columns: Sequence[str]) -> pd.DataFrame:
    paths = [cell_folder(EVALUATED, dataset, method) / file for dataset, method in cells]
    return pd.concat([read_rows(path, columns, "evaluate") for path in paths], ignore_index=True)


def averaged(results: pd.DataFrame, datasets: Sequence[str]) -> pd.DataFrame:
    """Return means over data sets of each method and metric that all of them have, as of `EVERY_DATASET`.

    The error is that of the mean of independent values.

    Arguments:
        results: Rows dataset, method, metric, mean, se, replicates.
        datasets: Data sets to average over.
    """
    rows = []
    chosen = results[results["dataset"].isin(datasets)]
    for (method, metric), group in chosen.groupby(["method", "metric"], sort=False):
        if len(group) == len(datasets):
            error = np.sqrt(np.square(group["se"]).sum()) / len(group)
            rows.append(
                (EVERY_DATASET, method, metric, group["mean"].mean(), error, group["replicates"].max())
            )
    return pd.DataFrame(rows, columns=RESULT_COLUMNS)


def read_rows(path: Path, columns: Sequence[str], stage: str = "that writes it") -> pd.DataFrame:
    """Read a table of results, CSV or Parquet, with just these columns.

    Arguments:
        path: The file.
        columns: Names of all columns, in their order.
        stage: Name of the stage that writes it, for the message if it's absent.

    Raises:
        DataError: the file is absent, is no such table, or has other columns.
    """
    parquet = path.suffix == ".parquet"
    try:
        table = pd.read_parquet(path) if parquet else pd.read_csv(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run the stage {stage}") from None
    # Parquet's own errors are values that don't fit.
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{path}: not a {'Parquet' if parquet else 'CSV'} table: {error}") from None
    if list(table.columns) != list(columns):
        raise DataError(f"{path}: columns {', '.join(table.columns)}; expected {', '.join(columns)}")
    return table
