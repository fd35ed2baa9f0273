"""What container a table came in, the DataFrame that is modelled, and how it goes back into the same one."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmiwae.errors import LONGEST, DataError, flat
from notmiwae.estimators.columns import check_names
from notmiwae.estimators.dtypes import modelled, restored
from notmiwae.estimators.markers import Markers, beyond_usual, marked, markers_by_column


@dataclass(frozen=True)
class Arrived:
    """A table as it came and as it's modelled.

    Attributes:
        given: What a user gave: a DataFrame of pandas or polars, or an array.
        original: Its columns as pandas has them.
        frame: The same with missing cells that pandas takes for such, in dtypes that are modelled.
    """

    given: Any
    original: pd.DataFrame
    frame: pd.DataFrame

    def read_as(self, places: Sequence[int], read: pd.DataFrame) -> Arrived:
        """Return it with columns as they were read, of which cells say where a value lies."""
        original, frame = self.original.copy(deep=False), self.frame.copy(deep=False)
        for number, place in enumerate(places):
            column: Any = read.iloc[:, number]
            if column.dtype != frame.iloc[:, place].dtype:
                original.isetitem(place, column)
                frame.isetitem(place, column)
        return Arrived(self.given, original, frame)

    def back(self, filled: pd.DataFrame, places: Sequence[int], to_pandas: bool = False) -> Any:
        """Return a completed table in the container that the table came in.

        Arguments:
            filled: Completed columns, dtypes as in `frame`, and behind them others that are added.
            places: Places in the table of the former.
            to_pandas: Whether a DataFrame of polars goes back as one of pandas.
        """
        if not is_frame(self.given):
            return filled.to_numpy(dtype=self.original.dtypes.iloc[0])
        whole = filled.copy(deep=False)
        for number, place in enumerate(places):
            original, own = self.original.iloc[:, place], self.frame.iloc[:, place]
            if original.dtype != own.dtype:
                cells: Any = restored(original, own.isna().to_numpy(), filled.iloc[:, number])
                whole.isetitem(number, cells)
        return _polars_like(whole, self.given) if _is_polars(self.given) and not to_pandas else whole


def arrived(given: Any, missing_values: Markers, kinds: Any) -> Arrived:
    """Look for what is missing in a DataFrame, of pandas or polars.

    Arguments:
        given: What a user gave.
        missing_values: Argument of the imputer.
        kinds: Argument of the imputer.

    Raises:
        DataError: the columns have names that can't be used, or are of a type that pandas hasn't.
        ParameterError: `missing_values` is no marker, or names a column that isn't there.
    """
    table = as_pandas(given)
    check_names(table)
    said = {str(name) for name in kinds} if isinstance(kinds, Mapping) else ()
    markers = markers_by_column(missing_values, [str(label) for label in table.columns])
    frame = table
    for place, own in enumerate(markers):
        column = table.iloc[:, place]
        found: Any = modelled(column, marked(column, own), str(column.name) in said)
        if found is not column:
            frame = frame.copy(deep=False) if frame is table else frame
            frame.isetitem(place, found)
    return Arrived(given, table, frame)


def is_frame(table: Any) -> bool:
    """Tell whether a table is a DataFrame, of pandas or of polars."""
    return isinstance(table, pd.DataFrame) or _is_polars(table)


def as_pandas(table: Any) -> pd.DataFrame:
    """Return a DataFrame as one of pandas, that of polars in Arrow's dtypes.

    Raises:
        DataError: it's something else of polars, or has a type that Arrow or pandas hasn't.
    """
    if isinstance(table, pd.DataFrame):
        return table
    if not hasattr(table, "to_arrow") or not hasattr(table, "columns"):
        kind = type(table).__name__
        raise DataError(f"the table is a {kind} of polars; accepted: a DataFrame, as `collect()` makes one")
    import pyarrow as pa

    try:
        return table.to_arrow().to_pandas(types_mapper=pd.ArrowDtype)  # type: ignore[no-any-return]
    except pa.ArrowException as error:
        raise DataError(f"the table can't be read through Arrow: {flat(error, LONGEST)}") from None


def unmasked(table: Any, missing_values: Markers, known: Sequence[str]) -> Any:
    """Return an array or list with NaN where a mask or a marker stands; itself where there is neither.

    Arguments:
        table: Array, masked or not, or rows of a list.
        missing_values: Argument of the imputer.
        known: Names that the columns have, if there are as many.
    """
    masked = isinstance(table, np.ma.MaskedArray)
    if not masked and not beyond_usual(missing_values):
        return table
    # Of a list's numbers and texts NumPy would make texts.
    values = (
        table.data if masked else np.asarray(table, dtype=object if isinstance(table, list | tuple) else None)
    )
    if values.ndim != 2 or values.dtype.kind not in "iubfSUO":
        # Scikit-learn says what is wrong with it.
        return table
    names = list(known) if len(known) == values.shape[1] else numbered(values.shape[1])
    missing = np.array(np.ma.getmaskarray(table))
    for place, markers in enumerate(markers_by_column(missing_values, names)):
        missing[:, place] |= marked(pd.Series(values[:, place]), markers)
    return _with_gaps(values, missing)


def numbered(columns: int) -> list[str]:
    """Name columns that have no names."""
    return [f"x{place}" for place in range(columns)]


def _with_gaps(values: npt.NDArray[Any], mask: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    kind = {"i": np.float64, "u": np.float64, "b": np.float64, "S": object, "U": object}
    values = values.astype(kind.get(values.dtype.kind, values.dtype))
    values[mask] = np.nan
    return values


def _is_polars(table: Any) -> bool:
    return type(table).__module__.partition(".")[0] == "polars"


def _polars_like(filled: pd.DataFrame, given: Any) -> Any:
    """Return a completed table as a DataFrame of polars, each column of the type that it had."""
    import pyarrow as pa

    # It's imported by whoever made the table.
    pl = sys.modules["polars"]
    whole = pl.from_arrow(pa.Table.from_pandas(filled, preserve_index=False))
    types = {name: kind for name, kind in given.schema.items() if name in whole.columns and kind != pl.Null}
    return whole.cast(types)
