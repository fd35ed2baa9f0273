"""Columns of a user's table: of which kind each is, and its values as numbers and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from notmiwae.errors import DataError, ParameterError
from notmiwae.model.discrete import Bernoulli, Categorical
from notmiwae.model.mixed import Mixed, Part
from notmiwae.model.observation import Gaussian, ObservationSpec
from notmiwae.params import suggest

Floats = npt.NDArray[np.float64]
Kind = Literal["continuous", "count", "binary", "categorical"]
KINDS: tuple[str, ...] = get_args(Kind)
MOST_CATEGORIES = 255
_SHOWN = 5
"""Values that a message lists at most."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Its name.
        kind: `continuous`; `count`: whole numbers, imputed as such; `binary` and `categorical`: codes.
        values: What the codes stand for, in their order; empty for numbers.
        lowest: The smallest value that an imputation may have; None: any.
        highest: The largest.
        ordered: Whether higher and lower codes mean more and less.
    """

    name: str
    kind: Kind
    values: tuple[Any, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    ordered: bool = True

    def encode(self, column: pd.Series) -> Floats:
        """The values as numbers, NaN where missing.

        Raises:
            DataError: a value is no number, infinite, or of an unknown category.
        """
        return self._codes(column) if self.values else numbers(column)

    def _codes(self, column: pd.Series) -> Floats:
        codes = pd.Categorical(column.astype(object), categories=pd.Index(self.values, dtype=object)).codes
        unknown = (codes < 0) & column.notna().to_numpy()
        if unknown.any():
            found = column[unknown].iloc[0]
            known = ", ".join(map(repr, self.values[:_SHOWN])) + (", …" if len(self.values) > _SHOWN else "")
            raise DataError(f"column {self.name!r}: unknown category {found!r}; accepted: {known}")
        return np.where(codes < 0, np.nan, codes.astype(np.float64))

    def decode(self, numbers: Floats) -> npt.NDArray[Any]:
        """Imputed numbers as values of the column: the nearest count, the category of the nearest code."""
        if self.values:
            codes = np.clip(np.rint(numbers), 0, len(self.values) - 1).astype(int)
            named: npt.NDArray[Any] = np.array(self.values, dtype=object)[codes]
            return named
        bounded = np.clip(numbers, self.lowest, self.highest) if self._bounded else numbers
        return np.rint(bounded) if self.kind == "count" else bounded

    @property
    def _bounded(self) -> bool:
        return self.lowest is not None or self.highest is not None


def numbers(column: pd.Series) -> Floats:
    """A column of numbers as such, NaN where missing.

    Raises:
        DataError: a value is no number, or infinite.
    """
    if not types.is_numeric_dtype(column.dtype):
        found = column.dropna()
        text = found[~found.map(lambda value: isinstance(value, int | float | np.number))]
        if len(text):
            raise DataError(
                f"column {column.name!r}: {text.iloc[0]!r} is no number; accepted: numbers, or the dtype "
                "'category' for a column of names"
            )
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.isinf(values)
    if infinite.any():
        row = int(np.flatnonzero(infinite)[0])
        raise DataError(f"column {column.name!r}: {values[row]} in row {row}; accepted: finite numbers")
    return values


def describe(
    table: pd.DataFrame,
    kinds: Mapping[str, str] | None = None,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
) -> tuple[Column, ...]:
    """The columns of a table, their kinds found from their dtypes where they aren't given.

    Truth values, and whole numbers of which all are 0 or 1, are binary; other whole numbers from 0 upwards
    are counts; the dtypes `category`, `string` and `object` are categories.

    Arguments:
        table: The table.
        kinds: One of `KINDS` by column.
        bounds: Lowest and highest value by column, of numbers.

    Raises:
        DataError: two columns have one name, a column has no value, or values that don't fit its kind.
        ParameterError: an unknown column, kind or bound.
    """
    kinds, bounds = kinds or {}, bounds or {}
    names = table.columns.tolist()
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise DataError(f"two columns are called {twice[0]!r}")
    for argument, given in (("kinds", kinds), ("bounds", bounds)):
        for name in given:
            if name not in names:
                raise ParameterError(f"{argument}: no column {name!r}{suggest(name, names)}")
    return tuple(_column(table[name], kinds.get(name), bounds.get(name)) for name in names)


def _column(column: pd.Series, kind: str | None, bounds: tuple[float | None, float | None] | None) -> Column:
    if kind is not None and kind not in KINDS:
        raise ParameterError(f"kinds: {column.name}: unknown kind {kind!r}{suggest(kind, KINDS)}")
    if column.isna().all():
        raise DataError(f"column {column.name!r} has no observed value; drop it")
    found = kind or _kind(column)
    name = str(column.name)
    if found in ("binary", "categorical"):
        if bounds is not None:
            raise ParameterError(f"bounds: {name}: a {found} column has none")
        values = _values(column)
        if len(values) > 2 and found == "binary":
            raise DataError(f"column {name!r} has {len(values)} values; a binary one has two")
        if len(values) > MOST_CATEGORIES:
            shown = ", ".join(map(repr, values[:_SHOWN]))
            raise DataError(
                f"column {name!r} has {len(values)} categories ({shown}, …); accepted: {MOST_CATEGORIES} at "
                "most. Are they numbers that were read as text?"
            )
        ordered = isinstance(column.dtype, pd.CategoricalDtype) and bool(column.cat.ordered)
        small = len(values) < 3
        return Column(name, "binary" if small else "categorical", values, ordered=ordered or small)
    observed = numbers(column)
    lowest, highest = bounds or (None, None)
    if lowest is not None and highest is not None and not lowest <= highest:
        raise ParameterError(f"bounds: {name}: found ({lowest}, {highest}); the first is the lower one")
    if found == "count" and lowest is None:
        lowest = 0.0
    if np.nanmin(observed) == np.nanmax(observed):
        # Nothing else was ever seen.
        lowest = highest = float(np.nanmin(observed))
    return Column(name, "count" if found == "count" else "continuous", (), lowest, highest)


def _kind(column: pd.Series) -> Kind:
    dtype = column.dtype
    if types.is_bool_dtype(dtype):
        return "binary"
    if isinstance(dtype, pd.CategoricalDtype) or types.is_string_dtype(dtype) or types.is_object_dtype(dtype):
        return "categorical"
    if types.is_integer_dtype(dtype):
        values = column.dropna()
        if values.isin([0, 1]).all():
            return "binary"
        return "count" if (values >= 0).all() else "continuous"
    if types.is_float_dtype(dtype):
        return "continuous"
    raise DataError(
        f"column {column.name!r} is of dtype {dtype}; accepted: numbers, truth values, categories"
    )


def _values(column: pd.Series) -> tuple[Any, ...]:
    """The categories in their order, or the values in theirs."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        present = set(column.dropna().tolist())
        return tuple(each for each in column.cat.categories.tolist() if each in present)
    values = column.dropna().unique().tolist()
    if len({type(each) for each in values}) > 1:
        kinds = ", ".join(sorted({type(each).__name__ for each in values}))
        raise DataError(f"column {column.name!r} mixes {kinds}; accepted: values of one type")
    if not isinstance(values[0], str | int | float | bool):
        raise DataError(f"column {column.name!r} holds {values[0]!r}; accepted: text, numbers, truth values")
    return tuple(sorted(values))


def observation(columns: Sequence[Column], real: ObservationSpec | None = None) -> ObservationSpec:
    """The observation model of columns: `real` for numbers (default: Gaussian), beside those of the codes."""
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
        groups.append((of_kind["real"], real or Gaussian()))
    if of_kind["binary"]:
        groups.append((of_kind["binary"], Bernoulli()))
    if of_kind["codes"]:
        counts = tuple(len(columns[place].values) for place in of_kind["codes"])
        groups.append((of_kind["codes"], Categorical(categories=counts)))
    if len(groups) == 1:
        return groups[0][1]
    return Mixed(parts=tuple(Part(columns=tuple(places), observation=spec) for places, spec in groups))


def encode(columns: Sequence[Column], table: pd.DataFrame) -> Floats:
    """A table as numbers, `[N, D]`, NaN where missing; see `Column.encode`."""
    return np.column_stack([column.encode(table[column.name]) for column in columns])


def fill(columns: Sequence[Column], table: pd.DataFrame, values: Floats) -> pd.DataFrame:
    """The table with its missing cells from `values` `[N, D]`; dtypes, index and other cells stay."""
    filled = table.copy()
    for place, column in enumerate(columns):
        missing = table[column.name].isna().to_numpy()
        if missing.any():
            decoded = pd.Series(column.decode(values[missing, place]), dtype=object)
            filled.loc[missing, column.name] = decoded.astype(table[column.name].dtype).array
    return filled
