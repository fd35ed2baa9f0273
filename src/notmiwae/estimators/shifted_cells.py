"""Which missing cells a δ moves, and by how much: those of a column, or of a column in a group of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.arrived import as_pandas, is_frame
from notmiwae.estimators.columns import SHOWN, Column, check_names, numbers
from notmiwae.specs import suggest

Key = str | tuple[str, Any]
"""A column, or a column and the group whose rows are meant: a value of the column `by`."""
UNITS = ("sd", "own")
"""Units of a number's δ: standard deviations of what was observed, or the column's own unit."""


@dataclass(frozen=True)
class ShiftedCells:
    """Missing cells that one δ moves.

    Attributes:
        column: Column of the cells.
        place: Its number in the table.
        rows: Which rows' cells they are, `[N]`.
        group: Value of the column `by` that the rows share; None: all rows with a gap.
        unit: Unit of δ: `sd`, `own`, or `log-odds` of a binary column.
        step: By how much δ = 1 moves a number, in the column's own unit, or a binary column's log-odds.
    """

    column: Column
    place: int
    rows: npt.NDArray[np.bool_]
    group: Any
    unit: str
    step: float

    @property
    def name(self) -> str:
        """Name of the cells, as `pain` or `pain, drug`."""
        return self.column.name if self.group is None else f"{self.column.name}, {self.group}"

    @property
    def measure(self) -> str:
        """Unit of δ behind a number: ` sd`, ` log-odds`, or nothing for the column's own."""
        return "" if self.unit == "own" else f" {self.unit}"


def find_cells(
    X: pd.DataFrame, columns: Sequence[Column], keys: Sequence[Key], by: str | None, unit: str
) -> list[ShiftedCells]:
    """Find the missing cells that each key names.

    Arguments:
        X: Table.
        columns: Description of its columns.
        keys: Columns; or pairs of a column and a value of the column `by`.
        by: Column of the groups, without a gap.
        unit: Unit of the δ of numbers, of `UNITS`.

    Raises:
        ParameterError: a column, group or unit isn't there, or a column can't be shifted.
        DataError: nothing is missing there, or a row belongs to no group.
    """
    if unit not in UNITS:
        raise ParameterError(f"unit: found {unit!r}{suggest(unit, UNITS)}")
    names = [column.name for column in columns]
    groups = None
    if by is not None:
        if str(by) not in names:
            raise ParameterError(f"by: no column {by!r}{suggest(by, names)}")
        groups = X.iloc[:, names.index(str(by))].rename(str(by))
        if groups.isna().any():
            found = f"has {groups.isna().sum()} missing values"
            raise DataError(f"by: column {by!r} {found}; accepted: a column without a gap")
    return [_cells(X, columns, key, groups, unit) for key in keys]


def check_frame(X: Any) -> None:
    """Raise a `DataError` unless a table's columns have names that can be used."""
    if not is_frame(X):
        raise DataError(f"X: found a {type(X).__name__}; accepted: a DataFrame, whose columns have names")
    check_names(as_pandas(X))


def _cells(
    X: pd.DataFrame, columns: Sequence[Column], key: Key, groups: pd.Series | None, unit: str
) -> ShiftedCells:
    if isinstance(key, tuple) and len(key) != 2:
        raise ParameterError(f"deltas: found {key!r}; accepted: a column, or a column and a group")
    name, group = key if isinstance(key, tuple) else (key, None)
    names = [column.name for column in columns]
    if str(name) not in names:
        raise ParameterError(f"deltas: no column {name!r}{suggest(name, names)}")
    place = names.index(str(name))
    column = columns[place]
    if len(column.values) > 2:
        accepted = "accepted: columns of numbers, and binary ones"
        raise ParameterError(f"deltas: {name}: has {len(column.values)} categories; {accepted}")
    rows = X.iloc[:, place].isna().to_numpy()
    if isinstance(key, tuple):
        rows = rows & _rows_of_group(groups, group)
    if not rows.any():
        where = "" if groups is None or group is None else f" where {groups.name} is {group!r}"
        raise DataError(f"deltas: column {name!r} has no missing value{where}; there is nothing to shift")
    if column.values:
        return ShiftedCells(column, place, rows, group, "log-odds", 1.0)
    step = float(np.nanstd(numbers(X.iloc[:, place]), ddof=1)) if unit == "sd" else 1.0
    return ShiftedCells(column, place, rows, group, unit, step)


def _rows_of_group(groups: pd.Series | None, group: Any) -> npt.NDArray[np.bool_]:
    """Tell which rows are of a group, `[N]`."""
    if groups is None:
        raise ParameterError(f"by: found None beside the group {group!r}; accepted: the column of the groups")
    found: npt.NDArray[np.bool_] = (groups == group).to_numpy(dtype=bool)
    if not found.any():
        there = sorted(map(repr, groups.unique()))
        shown = ", ".join(there[:SHOWN]) + (", …" if len(there) > SHOWN else "")
        raise ParameterError(f"deltas: no row has {group!r} in column {groups.name!r}; accepted: {shown}")
    return found


def checked_deltas(deltas: Any, least: int = 1) -> dict[Key, tuple[float, ...]]:
    """Return δ's by key, as they were given.

    Arguments:
        deltas: Mapping from keys to finite numbers, none of them twice.
        least: Number of δ's that each key needs at least.

    Raises:
        ParameterError: it's anything else.
    """
    if not isinstance(deltas, Mapping) or not deltas:
        raise ParameterError(
            f"deltas: found {deltas!r}; accepted: a mapping from columns to lists of numbers"
        )
    for key, values in deltas.items():
        listed = list(values) if isinstance(values, Sequence | np.ndarray) else None
        if listed is None or isinstance(values, str) or not all(map(_is_number, listed)):
            raise ParameterError(f"deltas: {key}: found {values!r}; accepted: a list of finite numbers")
        if len(set(listed)) < max(least, len(listed)):
            accepted = f"accepted: {least} different numbers or more, none of them twice"
            raise ParameterError(f"deltas: {key}: found {values!r}; {accepted}")
    return {key: tuple(map(float, values)) for key, values in deltas.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and bool(np.isfinite(float(value)))
