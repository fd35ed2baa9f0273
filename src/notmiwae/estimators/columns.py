"""Columns of a user's table: of which kind each is, and its values as numbers and back."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
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
_LARGEST = 1e150
"""Of a number: its square is to be one too."""
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
        held = column.astype(object)
        for value in held.dropna():
            if not isinstance(value, Hashable):
                raise DataError(f"column {self.name!r}: {value!r} is no category; accepted: text, numbers")
        codes = pd.Index(self.values, dtype=object).get_indexer(pd.Index(held, dtype=object))
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

    def complete(self, column: pd.Series, imputed: Floats) -> pd.Series:
        """The column with its missing cells imputed, of the same dtype unless that can't hold such values."""
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
    def _bounded(self) -> bool:
        return self.lowest is not None or self.highest is not None


def numbers(column: pd.Series) -> Floats:
    """A column of numbers as such, NaN where missing.

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
        raise DataError(f"column {name!r} has a number beyond {_LARGEST:g}; accepted: smaller ones") from None
    large = np.abs(values) > _LARGEST
    if large.any():
        row = int(np.flatnonzero(large)[0])
        accepted = f"accepted: finite numbers, at most {_LARGEST:g} in size"
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


def by_name(argument: str, given: Any, names: Sequence[str]) -> dict[str, Any]:
    """What an argument says of columns, by their names as text.

    Raises:
        ParameterError: it's no mapping, or names a column that isn't there.
    """
    if not isinstance(given, Mapping):
        raise ParameterError(f"{argument}: found {given!r}; accepted: a mapping from names of columns")
    for name in given:
        if str(name) not in names:
            raise ParameterError(f"{argument}: no column {name!r}{suggest(name, names)}")
    return {str(name): each for name, each in given.items()}


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
        DataError: a column has no value, or values that don't fit its kind.
        ParameterError: an unknown column, kind or bound.
    """
    names = [str(label) for label in table.columns]
    kinds = by_name("kinds", {} if kinds is None else kinds, names)
    bounds = by_name("bounds", {} if bounds is None else bounds, names)
    return tuple(
        _column(table.iloc[:, place].rename(name), kinds.get(name), bounds.get(name))
        for place, name in enumerate(names)
    )


def _column(column: pd.Series, kind: str | None, bounds: tuple[float | None, float | None] | None) -> Column:
    name = str(column.name)
    if kind is not None and kind not in KINDS:
        raise ParameterError(f"kinds: {name}: unknown kind {kind!r}{suggest(kind, KINDS)}")
    if column.isna().all():
        raise DataError(f"column {name!r} has no observed value; drop it")
    found = kind or _kind(column)
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
    lowest, highest = _limits(name, bounds, whole=found == "count")
    if found == "count":
        wrong = observed[(observed < 0) | (observed != np.rint(observed)) & ~np.isnan(observed)]
        if len(wrong):
            raise DataError(f"column {name!r} holds {wrong[0]:g}; accepted in a count: whole numbers from 0")
    if np.nanmin(observed) == np.nanmax(observed):
        # Nothing else was ever seen.
        lowest = highest = float(np.nanmin(observed))
    return Column(name, "count" if found == "count" else "continuous", (), lowest, highest)


def _limits(name: str, bounds: Any, whole: bool) -> tuple[float | None, float | None]:
    """Lowest and highest imputation, of whole numbers the nearest within the bounds and not below 0."""
    if bounds is None:
        bounds = (None, None)
    pair = isinstance(bounds, Sequence) and len(bounds) == 2
    if not pair or not all(each is None or (isinstance(each, Real) and each == each) for each in bounds):
        raise ParameterError(f"bounds: {name}: found {bounds!r}; accepted: two numbers, None for no bound")
    lowest, highest = (None if each is None or math.isinf(each) else float(each) for each in bounds)
    if whole:
        lowest = max(0.0, math.ceil(lowest or 0.0))
        highest = None if highest is None else float(math.floor(highest))
    if (
        (lowest is not None and highest is not None and lowest > highest)
        or bounds[0] == math.inf
        or bounds[1] == -math.inf
    ):
        accepted = "a whole number from 0 within them" if whole else "the lower one first"
        raise ParameterError(f"bounds: {name}: found {tuple(bounds)!r}; accepted: {accepted}")
    return lowest, highest


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
        f"column {str(column.name)!r} is of dtype {dtype}; accepted: numbers, truth values, categories"
    )


def _values(column: pd.Series) -> tuple[Any, ...]:
    """The categories in their order, or the values in theirs."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        present = set(column.dropna().tolist())
        return tuple(each for each in column.cat.categories.tolist() if each in present)
    name = str(column.name)
    seen = column.dropna().tolist()
    held = [value.item() if isinstance(value, np.generic) else value for value in seen]
    for value in held:
        if not isinstance(value, str | int | float | bool) or value in (math.inf, -math.inf):
            raise DataError(f"column {name!r} holds {value!r}; accepted: text, finite numbers, truth values")
    if len({type(each) for each in held}) > 1:
        kinds = ", ".join(sorted({type(each).__name__ for each in held}))
        raise DataError(f"column {name!r} mixes {kinds}; accepted: values of one type")
    return tuple(sorted(set(held)))


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
    own = [table.iloc[:, place].rename(column.name) for place, column in enumerate(columns)]
    return np.column_stack([column.encode(each) for column, each in zip(columns, own, strict=True)])


def fill(columns: Sequence[Column], table: pd.DataFrame, values: Floats) -> pd.DataFrame:
    """The table with its missing cells from `values` `[N, D]`; dtypes, index and other cells stay."""
    filled = table.copy()
    for place, column in enumerate(columns):
        own = table.iloc[:, place]
        missing = own.isna().to_numpy()
        if missing.any():
            completed: Any = column.complete(own, values[missing, place])
            # As a series: of an array of objects pandas would guess a dtype.
            filled.isetitem(place, completed)
    return filled
