"""What a user's columns are: their kinds, by their dtypes or as the user says, and their limits."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from notmiwae.errors import DataError, ParameterError
from notmiwae.estimators.columns import KINDS, SHOWN, Column, Kind, numbers
from notmiwae.estimators.whole_numbers import all_whole
from notmiwae.specs import suggest

MOST_CATEGORIES = 255

Limits = Mapping[str, tuple[float | None, float | None]]
"""Lowest and highest value of an imputation by column, None for neither."""


def by_name(argument: str, given: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return what an argument says of columns, by their names as text.

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
    limits: Limits | None = None,
) -> tuple[Column, ...]:
    """Describe the columns of a table; kinds that aren't given follow from the dtypes.

    Truth values, and whole numbers of which all are 0 or 1, are binary; other whole numbers from 0 upwards
    are counts; the dtypes `category`, `string` and `object` are categories. Floats of which all are whole are
    whole numbers: where a value is missing pandas and NumPy have no other.

    Arguments:
        table: Table with missing values.
        kinds: Kinds of columns by name, of `KINDS`.
        limits: Lowest and highest value by column, for columns of numbers.

    Raises:
        DataError: a column has no value, or values that don't fit its kind.
        ParameterError: an unknown column or kind, or limits that aren't any.
    """
    names = [str(label) for label in table.columns]
    kinds = by_name("kinds", {} if kinds is None else kinds, names)
    limits = by_name("limits", {} if limits is None else limits, names)
    return tuple(
        _column(table.iloc[:, place].rename(name), kinds.get(name), limits.get(name))
        for place, name in enumerate(names)
    )


def _column(column: pd.Series, kind: str | None, limits: tuple[float | None, float | None] | None) -> Column:
    name = str(column.name)
    if kind is not None and kind not in KINDS:
        raise ParameterError(f"kinds: {name}: unknown kind {kind!r}{suggest(kind, KINDS)}")
    if column.isna().all():
        raise DataError(f"column {name!r} has no observed value; drop it")
    found = kind or _kind(column)
    if found == "binary" and kind is None and limits is not None and types.is_float_dtype(column.dtype):
        # Who says limits takes it for numbers.
        found = "continuous"
    if found in ("binary", "categorical"):
        if limits is not None:
            raise ParameterError(f"limits: {name}: a {found} column has none")
        values = _values(column)
        if len(values) > 2 and found == "binary":
            raise DataError(f"column {name!r} has {len(values)} values; a binary one has two")
        if len(values) > MOST_CATEGORIES:
            shown = ", ".join(map(repr, values[:SHOWN]))
            raise DataError(
                f"column {name!r} has {len(values)} categories ({shown}, …); accepted: {MOST_CATEGORIES} at "
                "most. Are they numbers that were read as text?"
            )
        ordered = isinstance(column.dtype, pd.CategoricalDtype) and bool(column.cat.ordered)
        small = len(values) < 3
        return Column(name, "binary" if small else "categorical", values, ordered=ordered or small)
    observed = numbers(column)
    lowest, highest = _ends(name, limits, whole=found == "count")
    if found == "count":
        wrong = observed[(observed < 0) | (observed != np.rint(observed)) & ~np.isnan(observed)]
        if len(wrong):
            raise DataError(f"column {name!r} holds {wrong[0]:g}; accepted in a count: whole numbers from 0")
    if np.nanmin(observed) == np.nanmax(observed):
        # Nothing else was ever seen.
        lowest = highest = float(np.nanmin(observed))
    return Column(name, "count" if found == "count" else "continuous", (), lowest, highest)


def _ends(name: str, limits: Any, whole: bool) -> tuple[float | None, float | None]:
    """Find the lowest and highest imputation; of counts, whole numbers within the limits, not below 0."""
    if limits is None:
        limits = (None, None)
    pair = isinstance(limits, Sequence) and len(limits) == 2
    if not pair or not all(each is None or (isinstance(each, Real) and each == each) for each in limits):
        raise ParameterError(f"limits: {name}: found {limits!r}; accepted: two numbers, None for no limit")
    lowest, highest = (None if each is None or math.isinf(each) else float(each) for each in limits)
    if whole:
        lowest = max(0.0, math.ceil(lowest or 0.0))
        highest = None if highest is None else float(math.floor(highest))
    if (
        (lowest is not None and highest is not None and lowest > highest)
        or limits[0] == math.inf
        or limits[1] == -math.inf
    ):
        accepted = "a whole number from 0 within them" if whole else "the lower one first"
        raise ParameterError(f"limits: {name}: found {tuple(limits)!r}; accepted: {accepted}")
    return lowest, highest


def _kind(column: pd.Series) -> Kind:
    dtype = column.dtype
    if types.is_bool_dtype(dtype):
        return "binary"
    if isinstance(dtype, pd.CategoricalDtype) or types.is_string_dtype(dtype) or types.is_object_dtype(dtype):
        return "categorical"
    if types.is_integer_dtype(dtype):
        return _whole_kind(column.dropna().to_numpy())
    if types.is_float_dtype(dtype):
        values = numbers(column)
        seen = values[~np.isnan(values)]
        return _whole_kind(seen) if all_whole(seen) else "continuous"
    raise DataError(
        f"column {str(column.name)!r} is of dtype {dtype}; accepted: numbers, truth values, categories"
    )


def _whole_kind(values: npt.NDArray[Any]) -> Kind:
    if np.isin(values, [0, 1]).all():
        return "binary"
    return "count" if (values >= 0).all() else "continuous"


def _values(column: pd.Series) -> tuple[Any, ...]:
    """List the categories in their order, or the values in theirs."""
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
