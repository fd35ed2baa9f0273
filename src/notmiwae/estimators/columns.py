"""Columns of a user's table: their values as numbers and back, and their observation model."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from notmiwae.arrays import Floats
from notmiwae.errors import DataError
from notmiwae.model.observation.bernoulli import BernoulliSpec
from notmiwae.model.observation.categorical import CategoricalSpec
from notmiwae.model.observation.gaussian import GaussianSpec
from notmiwae.model.observation.mixed import MixedSpec, PartSpec
from notmiwae.model.observation.observation_model import ObservationSpec

Kind = Literal["continuous", "count", "binary", "categorical"]
KINDS: tuple[str, ...] = get_args(Kind)
LARGEST = 1e150
"""Size of the largest number: its square is to be one too."""
SHOWN = 5
"""Values that a message lists at most."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Name of the column.
        kind: `continuous`; `count`: whole numbers, imputed as such; `binary` and `categorical`: codes.
        values: Values that the codes stand for, in their order; empty for numbers.
        lowest: Smallest value that an imputation may have; None: any.
        highest: Largest value that an imputation may have; None: any.
        ordered: Whether higher and lower codes mean more and less.
        limit: Whether it holds the limits of another column's values: it's no data, and stays as it is.
    """

    name: str
    kind: Kind
    values: tuple[Any, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    ordered: bool = True
    limit: bool = False

    def encode(self, column: pd.Series) -> Floats:
        """Return the values as numbers, NaN where missing.

        Raises:
            DataError: a value is no number, infinite, or of an unknown category.
        """
        if self.limit:
            return np.zeros(len(column))
        return self._codes(column) if self.values else numbers(column)

    def _codes(self, column: pd.Series) -> Floats:
        held = column.astype(object)
        for value in held.dropna():
            if not isinstance(value, Hashable):
                raise DataError(f"column {self.name!r}: {value!r} is no category; accepted: text, numbers")
        codes = pd.Index(self.values, dtype=object).get_indexer(pd.Index(held, dtype=object))
        unknown = (codes < 0) & column.notna().to_numpy()
        if unknown.any():
            found = column[unknown].iloc[0]
            known = ", ".join(map(repr, self.values[:SHOWN])) + (", …" if len(self.values) > SHOWN else "")
            raise DataError(f"column {self.name!r}: unknown category {found!r}; accepted: {known}")
        return np.where(codes < 0, np.nan, codes.astype(np.float64))

    def decode(self, numbers: Floats) -> npt.NDArray[Any]:
        """Return imputed numbers as values of the column: the nearest count, the category of the code."""
        if self.values:
            codes = np.clip(np.rint(numbers), 0, len(self.values) - 1).astype(int)
            named: npt.NDArray[Any] = np.array(self.values, dtype=object)[codes]
            return named
        bounded = np.clip(numbers, self.lowest, self.highest) if self.bounded else numbers
        return np.rint(bounded) if self.kind == "count" else bounded

    def complete(self, column: pd.Series, imputed: Floats) -> pd.Series:
        """Fill the column's missing cells; its dtype stays unless that can't hold such values."""
        missing = column.isna().to_numpy()
        decoded = self.decode(imputed)
        if isinstance(column.dtype, pd.CategoricalDtype):
            here = set(column.cat.categories)
            absent = [value for value in dict.fromkeys(decoded.tolist()) if value not in here]
            # New rows may lack a category that was fitted, and numbers aren't to be made one.
            column = column.cat.add_categories(absent) if self.values else column.astype(np.float64)
        elif types.is_integer_dtype(column.dtype) and not self.values:
            limits = np.iinfo(getattr(column.dtype, "numpy_dtype", column.dtype))
            whole = [min(max(int(number), limits.min), limits.max) for number in np.rint(decoded)]
            decoded = np.array(whole, dtype=object)
        elif isinstance(column.dtype, pd.StringDtype) and not isinstance(decoded[0], str):
            column = column.astype(object)
        try:
            cells = pd.Series(decoded, dtype=object).astype(column.dtype).array
        except (TypeError, ValueError):
            # A column of names of which new rows have none is read as one of numbers, or the other way round.
            column, cells = column.astype(object), pd.Series(decoded, dtype=object).array
        completed = column.copy()
        completed.iloc[np.flatnonzero(missing)] = cells
        return completed

    @property
    def bounded(self) -> bool:
        """Whether an imputation has a lowest or a highest value."""
        return self.lowest is not None or self.highest is not None


def numbers(column: pd.Series) -> Floats:
    """Return a column of numbers as such, NaN where missing.

    Raises:
        DataError: a value is no number, or infinite.
    """
    name = str(column.name)
    if isinstance(column.dtype, pd.SparseDtype) or types.is_complex_dtype(column.dtype):
        raise DataError(
            f"column {name!r} is of dtype {column.dtype}; accepted: dense columns of real numbers"
        )
    if not types.is_numeric_dtype(column.dtype):
        column = column.astype(object)
        for value in column.dropna():
            if not isinstance(value, int | float | np.integer | np.floating | np.bool):
                raise DataError(
                    f"column {name!r}: {value!r} is no number; accepted: numbers, or the dtype 'category' "
                    "for a column of names"
                )
    try:
        values: Floats = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except OverflowError:
        raise DataError(f"column {name!r} has a number beyond {LARGEST:g}; accepted: smaller ones") from None
    large = np.abs(values) > LARGEST
    if large.any():
        row = int(np.flatnonzero(large)[0])
        accepted = f"accepted: finite numbers, at most {LARGEST:g} in size"
        raise DataError(f"column {name!r}: {values[row]} in row {row}; {accepted}")
    return values


def check_names(table: pd.DataFrame) -> None:
    """Raise a `DataError` if a table has no cells, two columns of one name, or names of several types."""
    if 0 in table.shape:
        raise DataError(
            f"the table has {len(table)} rows and {table.shape[1]} columns; accepted: one at least"
        )
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise DataError(f"two columns are called {twice[0]!r}")
    text = [isinstance(label, str) for label in table.columns]
    if any(text) and not all(text):
        label = table.columns[text.index(False)]
        raise DataError(
            f"column {label!r}: its name is no text, that of others is; accepted: names of one type"
        )


def observation(columns: Sequence[Column], real: ObservationSpec | None = None) -> ObservationSpec:
    """Choose the observation model: `real` (default: Gaussian) for numbers, beside those of codes."""
    groups: list[tuple[list[int], ObservationSpec]] = []
    of_kind = {
        kind: [place for place, column in enumerate(columns) if column.kind in kinds]
        for kind, kinds in (
            ("real", ("continuous", "count")),
            ("binary", ("binary",)),
            ("codes", ("categorical",)),
        )
    }
    if of_kind["real"]:
        groups.append((of_kind["real"], real or GaussianSpec()))
    if of_kind["binary"]:
        groups.append((of_kind["binary"], BernoulliSpec()))
    if of_kind["codes"]:
        counts = tuple(len(columns[place].values) for place in of_kind["codes"])
        groups.append((of_kind["codes"], CategoricalSpec(categories=counts)))
    if len(groups) == 1:
        return groups[0][1]
    return MixedSpec(
        parts=tuple(PartSpec(columns=tuple(places), observation=spec) for places, spec in groups)
    )


def encode(columns: Sequence[Column], table: pd.DataFrame) -> Floats:
    """Return a table as numbers, `[N, D]`, NaN where missing; see `Column.encode`."""
    own = [table.iloc[:, place].rename(column.name) for place, column in enumerate(columns)]
    return np.column_stack([column.encode(each) for column, each in zip(columns, own, strict=True)])


def fill(columns: Sequence[Column], table: pd.DataFrame, values: Floats) -> pd.DataFrame:
    """Fill a table's missing cells from `values` `[N, D]`; dtypes, index and other cells stay."""
    filled = table.copy()
    for place, column in enumerate(columns):
        own = table.iloc[:, place]
        missing = own.isna().to_numpy()
        if missing.any() and not column.limit:
            completed: Any = column.complete(own, values[missing, place])
            # As a series: of an array of objects pandas would guess a dtype.
            filled.isetitem(place, completed)
    return filled
