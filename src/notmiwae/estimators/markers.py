"""What stands in a table for a missing value, beside NaN, None and pandas' NA, which always do."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from notmiwae.arrays import Mask
from notmiwae.errors import ParameterError
from notmiwae.estimators.column_kinds import by_name

Marker = float | str
Markers = Any
"""A marker, a list of them, or either by column: numbers, texts, and what always marks a missing value."""

_LARGEST = 1e300
"""Size of the largest number that is taken for one."""


def markers_by_column(missing_values: Markers, names: Sequence[str]) -> list[tuple[Marker, ...]]:
    """Return the markers of each column, without those that always are.

    Arguments:
        missing_values: Argument of the imputer.
        names: Names of the columns.

    Raises:
        ParameterError: it's no marker, or names a column that isn't there.
    """
    if isinstance(missing_values, Mapping):
        given = by_name("missing_values", missing_values, names)
        return [_listed(given.get(name)) for name in names]
    return [_listed(missing_values)] * len(names)


def beyond_usual(missing_values: Markers) -> bool:
    """Tell whether anything is to be looked for beside what always marks a missing value."""
    return isinstance(missing_values, Mapping) or bool(_listed(missing_values))


def _listed(given: Any) -> tuple[Marker, ...]:
    several = given if isinstance(given, list | tuple) else [given]
    return tuple(each for each in several if _is_marker(each))


def _is_marker(value: Any) -> bool:
    """Tell whether it's a marker to look for, and not one that always is."""
    number: Any = value if isinstance(value, Real) else None
    if value is None or value is pd.NA or (number is not None and number != number):
        return False
    if not isinstance(value, str | np.bool) and (number is None or abs(number) >= _LARGEST):
        accepted = "accepted: a finite number, a text, NaN, None, a list of them, or those by column"
        raise ParameterError(f"missing_values: found {value!r}; {accepted}")
    return True


def marked(column: pd.Series, markers: Sequence[Marker]) -> Mask:
    """Tell which cells of a column hold a marker, `[N]`; no truth value is a number, nor a text one."""
    found = np.zeros(len(column), dtype=bool)
    if not markers:
        return found
    if types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype):
        precision = getattr(column.dtype, "numpy_dtype", column.dtype)
        single = isinstance(precision, np.dtype) and precision == np.float32
        values = column.to_numpy(dtype=np.float32 if single else np.float64, na_value=np.nan)
        for marker in markers:
            # One that's beyond single precision is found nowhere in it.
            if not isinstance(marker, str | bool | np.bool):
                with np.errstate(over="ignore"):
                    found |= values == float(marker)
        return found
    held = column.astype(object).tolist()
    for marker in markers:
        found |= np.array([_same(value, marker) for value in held], dtype=bool)
    return found


def _same(value: Any, marker: Marker) -> bool:
    truth = bool | np.bool
    if isinstance(value, str) or isinstance(marker, str):
        return isinstance(value, str) and value == marker
    alike = isinstance(value, truth) == isinstance(marker, truth)
    return alike and isinstance(value, Real | Decimal | np.bool) and float(value) == float(marker)
