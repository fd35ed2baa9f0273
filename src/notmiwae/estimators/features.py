"""What a table has beside the columns that are modelled: empty ones, and indicators of what was missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types
from sklearn.impute import MissingIndicator

from notmiwae.errors import DataError

_PREFIX = "missingindicator_"


@dataclass(frozen=True)
class Features:
    """Which columns of a table are modelled and returned.

    Attributes:
        size: Number of columns of the table.
        empty: Places of those that had no value when the imputer was fitted, and aren't modelled.
        kept: Whether these are returned, 0 where they are missing.
        indicated: Places of those that have an indicator; None: no indicator is asked for.
    """

    size: int
    empty: tuple[int, ...] = ()
    kept: bool = False
    indicated: tuple[int, ...] | None = None

    @property
    def modelled(self) -> list[int]:
        """Places of the columns that are modelled."""
        return [place for place in range(self.size) if place not in self.empty]

    @property
    def returned(self) -> list[int]:
        """Places of the columns that are returned."""
        return list(range(self.size)) if self.kept else self.modelled

    @property
    def indicator(self) -> MissingIndicator | None:
        """scikit-learn's indicator of those columns; None: none is asked for."""
        if self.indicated is None:
            return None
        row = np.zeros((1, self.size))
        row[:, list(self.indicated)] = np.nan
        return MissingIndicator(error_on_new=False).fit(row)

    def to_model(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of a table that are modelled."""
        return table.iloc[:, self.modelled] if self.empty else table

    def completed(self, table: pd.DataFrame, filled: pd.DataFrame) -> pd.DataFrame:
        """Return the completed table with empty columns at their places and indicators behind.

        Arguments:
            table: Table as it came.
            filled: Its modelled columns, completed.
        """
        if self.kept and self.empty:
            parts = {place: filled.iloc[:, number] for number, place in enumerate(self.modelled)}
            parts |= {place: _zeros(table.iloc[:, place]) for place in self.empty}
            filled = pd.concat([parts[place] for place in range(self.size)], axis=1)
        if self.indicated:
            missing = table.iloc[:, list(self.indicated)].isna().add_prefix(_PREFIX)
            filled = pd.concat([filled, missing], axis=1)
        return filled

    def names(self, names: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the names of the columns that are returned, from those of the table."""
        added = [f"{_PREFIX}{names[place]}" for place in self.indicated or ()]
        return np.array([*names[self.returned], *added], dtype=object)


def features(table: pd.DataFrame, keep_empty: bool, add_indicator: bool) -> Features:
    """Find which columns of a table are modelled and returned.

    Arguments:
        table: Table with missing values.
        keep_empty: Whether columns without a value are returned.
        add_indicator: Whether columns with a gap have an indicator.

    Raises:
        DataError: no column has a value, an empty one that's kept can't hold a 0, or one is called as an
            indicator.
    """
    missing, names = table.isna().to_numpy(), [str(label) for label in table.columns]
    empty = tuple(np.flatnonzero(missing.all(axis=0)).tolist())
    if len(empty) == len(names):
        raise DataError(f"column {names[0]!r} has no observed value, nor has any other")
    for place in empty if keep_empty else ():
        _zeros(table.iloc[:, place])
    gaps = tuple(np.flatnonzero(missing.any(axis=0)).tolist()) if add_indicator else None
    for place in gaps or ():
        added = f"{_PREFIX}{names[place]}"
        if added in names:
            accepted = "accepted: another name, or add_indicator=False"
            raise DataError(f"column {added!r} is called as the indicator of another; {accepted}")
    return Features(len(names), empty, keep_empty, gaps)


def _zeros(column: pd.Series) -> pd.Series:
    """Fill the gaps of a column that had no value; raise a `DataError` if it can't hold a 0."""
    if types.is_object_dtype(column.dtype):
        return column.where(column.notna(), 0)
    if not types.is_numeric_dtype(column.dtype):
        found = f"column {str(column.name)!r} has no value, and its dtype {column.dtype} no 0"
        raise DataError(f"{found}; accepted with keep_empty_features: numbers, truth values")
    return column.fillna(0)
