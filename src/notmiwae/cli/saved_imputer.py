"""New rows for a saved imputer: the columns it knows, with the types it was trained on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from notmiwae.cli import options
from notmiwae.cli.table_input import Table, read
from notmiwae.errors import DataError

if TYPE_CHECKING:
    from notmiwae.estimators.columns import Column
    from notmiwae.estimators.miwae_imputer import MIWAEImputer


def load(folder: Path) -> MIWAEImputer:
    """Read the imputer in a folder; raise `DataError` if there is none."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; accepted: what --model-out wrote")
    from notmiwae.estimators.markers import beyond_usual
    from notmiwae.estimators.miwae_imputer import MIWAEImputer

    imputer = MIWAEImputer.load(folder)
    if (
        imputer.n_features_in_ > len(imputer.columns_)
        or imputer.indicator_
        or beyond_usual(imputer.missing_values)
    ):
        raise DataError(
            f"{folder}: was fitted by a program with an empty column, add_indicator or missing_values, which "
            "this command doesn't have; accepted: what --model-out wrote"
        )
    return imputer


def read_rows(
    typed: argparse.Namespace, columns: Sequence[Column], rows: Sequence[int] | None = None
) -> Table:
    """Read the rows that are to be imputed; columns may stand in another order than in training.

    Arguments:
        typed: Options of the command.
        columns: Columns that the imputer knows.
        rows: Numbers of the rows in the file that this one is a piece of; None: it's none.

    Raises:
        DataError: a column is absent, unknown, or has a value that the model can't know.
    """
    # A category that looks like a number is one if the model was trained on numbers.
    kinds = {column.name: _read_as(column) for column in columns}
    table = read(typed.input, typed, kinds, typed.ignore, rows)
    options.check_columns("--ignore", typed.ignore, table.path, table.frame.columns)
    there = set(table.modelled.columns)
    for column in columns:
        if column.name not in there:
            raise DataError(f"{table.path}: column {column.name!r} of {typed.model} is absent")
    for name in there - set(kinds):
        raise DataError(
            f"{table.path}: column {name!r} isn't one of {typed.model}; accepted: --ignore {name}"
        )
    try:
        for column in columns:
            table.frame[column.name] = _as_trained(column, table.frame[column.name])
    except DataError as error:
        raise DataError(f"{table.path}: {error}") from None
    return table


def _read_as(column: Column) -> str:
    if column.values and isinstance(column.values[0], str):
        return "categorical"
    return "continuous"


def _as_trained(column: Column, found: pd.Series) -> pd.Series:
    """Give the column a type that has room for what is imputed."""
    if column.values and isinstance(column.values[0], str) and found.dtype != "category":
        found = found.astype(object).where(found.notna(), None).map(str, na_action="ignore")
    if found.isna().all():
        found = pd.Series(np.nan, index=found.index, name=found.name, dtype=object)
    column.encode(found)
    if column.values:
        if isinstance(column.values[0], str):
            return found.astype(pd.CategoricalDtype(list(column.values)))
        return found.astype("boolean" if isinstance(column.values[0], bool) else "Float64").convert_dtypes()
    numbers = found.astype(float)
    # New rows may have fractions where those of the training had none.
    whole = column.kind == "count" and bool((numbers.dropna() % 1 == 0).all())
    return numbers.astype("Int64") if whole else numbers
