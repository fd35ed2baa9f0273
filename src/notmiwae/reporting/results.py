"""The tidy results: gathered from the experiment's cells, beside what was published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from notmiwae.errors import DataError
from notmiwae.evaluation.replicates import RESULT_COLUMNS
from notmiwae.params import Spec
from notmiwae.reporting.names import ORACLE

REPLICATE_COLUMNS = ["dataset", "method", "metric", "replicate", "value"]
CURVE_COLUMNS = ["replicate", "member", "start", "step", "training_bound", "validation_bound", "kept"]
PUBLISHED_COLUMNS = [*RESULT_COLUMNS, "source"]


class Grid(Spec):
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


def read_rows(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A table of figures with just these columns.

    Raises:
        DataError: the file is absent, is no CSV, or has other columns.
    """
    try:
        table = pd.read_csv(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run the stage that writes it") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a CSV table: {error}") from None
    if list(table.columns) != list(columns):
        raise DataError(f"{path}: columns {', '.join(table.columns)}; expected {', '.join(columns)}")
    return table
