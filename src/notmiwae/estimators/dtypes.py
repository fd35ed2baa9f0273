"""Columns of dtypes that aren't modelled, in such that are; completed, they go back into their own.

Decimals, and objects that are numbers, become floats or nullable whole numbers, Arrow's dictionaries become
categories, and NumPy's whole numbers and truth values, where a marker stands among them, nullable.
"""

from decimal import Context, Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from notmiwae.arrays import Mask
from notmiwae.estimators.column_kinds import MOST_CATEGORIES

_DIGITS = Context(prec=400)
"""Enough for any number that is accepted, with as many places as `_FINEST` has."""
_FINEST = -30
"""Exponent of the last place to which decimals are imputed."""


def modelled(column: pd.Series, marked: Mask, said: bool) -> pd.Series:
    """Return a column in a dtype that is modelled, missing where a marker stands; itself if it is in one.

    Arguments:
        column: Column as it came.
        marked: Cells in which a marker stands, `[N]`.
        said: Whether the user says what kind of column it is.
    """
    dtype, arrow = column.dtype, _of_arrow(column.dtype)
    if marked.any() and isinstance(dtype, np.dtype) and dtype.kind in "iub":
        column = column.convert_dtypes()
    elif arrow == "dictionary":
        column = pd.Series(_chunks(column).to_pandas().array, index=column.index, name=column.name)
    elif arrow:
        column = column.astype(np.float64 if arrow == "decimal" else object)
    undefined = marked | _undefined(column)
    if undefined.any():
        column = column.mask(undefined)
    if types.is_object_dtype(column.dtype):
        return _numbers(column, bool(marked.any()), said)
    return column


def restored(original: pd.Series, missing: Mask, filled: pd.Series) -> pd.Series:
    """Return a completed column in the dtype in which it came; what was seen is as it was.

    Arguments:
        original: Column as it came.
        missing: Cells that were missing, markers too, `[N]`.
        filled: The column completed, as it was modelled.
    """
    dtype: Any = original.dtype
    arrow = _of_arrow(dtype)
    if arrow == "dictionary":
        return _dictionary(filled, dtype)
    if arrow == "null":
        return filled.infer_objects()
    if isinstance(dtype, np.dtype) and dtype.kind in "iub":
        return filled.astype(dtype)
    places = np.flatnonzero(missing)
    imputed = filled.iloc[places]
    decimals = [each for each in original[~missing] if isinstance(each, Decimal)]
    cells: list[Any] = imputed.tolist()
    if arrow == "decimal":
        cells = _within(_decimals(imputed, -dtype.pyarrow_dtype.scale), dtype)
    elif decimals:
        finest = min(int(each.as_tuple().exponent) for each in decimals)
        cells = _decimals(imputed, min(max(finest, _FINEST), 0))
    completed = original.copy()
    completed.iloc[places] = pd.Series(cells, dtype=dtype).array
    return completed


def _undefined(column: pd.Series) -> Mask:
    """Tell which cells of a nullable column of floats are NaN, which pandas may tell from NA."""
    if isinstance(column.dtype, np.dtype) or not types.is_float_dtype(column.dtype):
        return np.zeros(len(column), dtype=bool)
    found: Mask = np.isnan(column.to_numpy(dtype=np.float64, na_value=np.nan)) & ~column.isna().to_numpy()
    return found


def _numbers(column: pd.Series, marked: bool, said: bool) -> pd.Series:
    """Return a column of objects as one of numbers if it can be nothing else, or else as it is.

    Few different numbers of one type may be codes of categories, unless a marker stands among them. Where a
    user says the kind of a column, its objects are taken as they are but for decimals.
    """
    seen = column.dropna().tolist()
    if not seen or not all(isinstance(each, Real | Decimal) and not isinstance(each, bool) for each in seen):
        return column
    whole = [isinstance(each, Integral) for each in seen]
    if not any(isinstance(each, Decimal) for each in seen):
        codes = any(whole) == all(whole) and not marked and len(set(seen)) <= MOST_CATEGORIES
        if said or codes:
            return column
    if all(whole) and all(-(2**63) <= each < 2**63 for each in seen):
        return column.astype("Int64")
    try:
        return column.map(float, na_action="ignore").astype(np.float64)
    except OverflowError:
        # It's refused as what it is.
        return column


def _decimals(numbers: pd.Series, exponent: int) -> list[Decimal]:
    """Return numbers as decimals with as many places."""
    place = Decimal(1).scaleb(exponent)
    return [Decimal(float(each)).quantize(place, context=_DIGITS) for each in numbers]


def _within(decimals: list[Decimal], dtype: Any) -> list[Decimal]:
    """Return decimals within the largest that Arrow's dtype can hold."""
    kind = dtype.pyarrow_dtype
    largest = Decimal(10**kind.precision - 1).scaleb(-kind.scale, _DIGITS)
    return [max(-largest, min(largest, each)) for each in decimals]


def _chunks(column: pd.Series) -> Any:
    import pyarrow as pa

    found = pa.chunked_array(pa.array(column.array))
    return found.unify_dictionaries().combine_chunks()


def _of_arrow(dtype: Any) -> str:
    """Return which of Arrow's dtypes that aren't modelled it is; nothing of any other."""
    if not isinstance(dtype, pd.ArrowDtype):
        return ""
    import pyarrow as pa

    names = ("dictionary", "decimal", "null")
    return next((name for name in names if getattr(pa.types, f"is_{name}")(dtype.pyarrow_dtype)), "")


def _dictionary(filled: pd.Series, dtype: Any) -> pd.Series:
    """Return a column of categories as one of Arrow's dictionaries."""
    import pyarrow as pa

    kind = dtype.pyarrow_dtype
    codes = pa.array(filled.cat.codes.to_numpy(), type=kind.index_type)
    names = pa.array(filled.cat.categories.tolist(), type=kind.value_type)
    cells = pa.DictionaryArray.from_arrays(codes, names, ordered=kind.ordered)
    whole: pd.Series = pd.Series(cells, index=filled.index, name=filled.name, dtype=dtype)
    return whole
