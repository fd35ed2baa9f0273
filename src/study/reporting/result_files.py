"""The tidy results: gathered from the experiment's cells, beside what was published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from notmiwae.errors import DataError
from notmiwae.specs import Spec
from study.evaluation.replicates import RESULT_COLUMNS
from study.reporting.methods import ORACLE
from study.reporting.names import EVERY_DATASET

REPLICATE_COLUMNS = ["dataset", "method", "metric", "replicate", "value"]
CURVE_COLUMNS = ["replicate", "member", "start", "step", "training_bound", "validation_bound", "kept"]
STUDY_COLUMNS = ["dataset", "setting", *RESULT_COLUMNS[1:]]
PUBLISHED_COLUMNS = [*RESULT_COLUMNS, "source"]


class GridSpec(Spec):
    """The section `run` of params.yaml: the experiment's data sets and methods, by name.

    Attributes:
        datasets: The data sets.
        models: Methods that are trained.
        baselines: Methods that aren't.
        methods: All of them, as the results list them.
        oracles: Data sets whose Bayes-optimal imputation is known.
    """

    datasets: tuple[str, ...]
    models: tuple[str, ...]
    baselines: tuple[str, ...]
    methods: tuple[str, ...]
    oracles: tuple[str, ...]

    def groups(self) -> list[tuple[str, str]]:
        """What is evaluated together: each data set's methods, then its oracle if it has one."""
        return [
            (dataset, group)
            for dataset in self.datasets
            for group in ("methods", *([ORACLE] if dataset in self.oracles else []))
        ]


def averaged(results: pd.DataFrame, datasets: Sequence[str]) -> pd.DataFrame:
    """Means over data sets of each method and metric that all of them have, as of `EVERY_DATASET`.

    The error is that of the mean of independent figures.

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
    """A table of figures, CSV or Parquet, with just these columns.

    Arguments:
        path: The file.
        columns: The columns it has to have.
        stage: The stage that writes it, for the message if it's absent.

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
