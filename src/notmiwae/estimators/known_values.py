"""What a user knows of missing cells: that they lie below a limit, above one, or between two.

It's said by column (`censored`), with a number or with the column that holds each row's limit; or by the cell
itself, as `<0.5`. A column is read as one of numbers where all its other cells are.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from notmiwae.arrays import Floats
from notmiwae.errors import AssumptionWarning, DataError, ParameterError
from notmiwae.estimators.column_kinds import Limits, by_name, describe
from notmiwae.estimators.columns import LARGEST, Column, encode, numbers
from notmiwae.estimators.interval_text import ends_of, plain_number, read_interval
from notmiwae.specs import suggest
from notmiwae.training.known_cells import KnownCells

Censored = Mapping[str, tuple[float | str | None, float | str | None]]
"""Lower and upper end of a column's gaps: a number, the column with each row's, or None for none."""
_WHOLE = (int, np.integer)
_LARGEST_WHOLE = 2**53
_ROUNDED = 0.5 - 1e-6
"""How far from a whole number what is rounded to it may lie."""


def described(
    table: pd.DataFrame, kinds: Mapping[str, str] | None, limits: Limits | None, censored: Censored | None
) -> tuple[pd.DataFrame, tuple[Column, ...], Floats, KnownCells | None]:
    """Describe a table that is to be fitted; return it with numbers alone, its columns, values, known cells.

    Arguments:
        table: Table with missing cells.
        kinds: Kinds of columns by name, as `describe` takes them.
        limits: Lowest and highest imputation by column.
        censored: Ends of gaps by column.

    Warns:
        AssumptionWarning: texts were read as what is known of a value.

    Raises:
        DataError: the table can't be used.
        ParameterError: an argument doesn't fit it.
    """
    names = [str(label) for label in table.columns]
    said = by_name("kinds", {} if kinds is None else kinds, names)
    table, known, notes = _read(table, censored, said)
    for note in notes:
        warnings.warn(note, AssumptionWarning, stacklevel=3)
    columns = describe(table if known is None else _with_ends(table, known), kinds, limits)
    holders = _limit_columns(censored)
    columns = tuple(
        Column(each.name, "continuous", limit=True) if each.name in holders else each for each in columns
    )
    for name in by_name("censored", censored or {}, names):
        _require_numbers(columns[names.index(name)])
    return table, columns, *_encoded(columns, table, known)


def as_described(
    table: pd.DataFrame, columns: Sequence[Column], censored: Censored | None
) -> tuple[pd.DataFrame, Floats, KnownCells | None]:
    """Return new rows with numbers alone, their values, and their known cells; see `described`."""
    table, known, _ = _read(table, censored, {column.name: column.kind for column in columns})
    return table, *_encoded(columns, table, known)


def known_cells(
    table: pd.DataFrame, columns: Sequence[Column], censored: Censored | None
) -> KnownCells | None:
    """Return what is known of a table's missing cells as it was said, whatever else limits the columns."""
    return _read(table, censored, {column.name: column.kind for column in columns})[1]


def in_numbers(table: pd.DataFrame, kinds: Mapping[str, str] | None) -> pd.DataFrame:
    """Return a table in which cells that say between which ends they lie are missing."""
    return _read(table, None, dict(kinds or {}))[0]


def _require_numbers(column: Column) -> None:
    if column.values:
        raise ParameterError(f"censored: {column.name}: is {column.kind}; accepted: columns of numbers")


def _limit_columns(censored: Censored | None) -> list[str]:
    """List the columns that hold limits of others."""
    return [end for ends in (censored or {}).values() for end in ends if isinstance(end, str)]


def _read(
    table: pd.DataFrame, censored: Censored | None, kinds: Mapping[str, str]
) -> tuple[pd.DataFrame, KnownCells | None, list[str]]:
    """Take what is known of missing cells from a table and an argument; say what was read from texts."""
    names = [str(label) for label in table.columns]
    ends: dict[int, Floats] = {}
    notes: list[str] = []
    read = table
    for place, name in enumerate(names):
        found = _from_cells(table.iloc[:, place], kinds.get(name))
        if found is not None:
            read = read.copy(deep=False) if read is table else read
            column, ends[place], texts = found
            own: Any = column
            read.isetitem(place, own)
            notes += [f"{name}: {_counted(texts)} read as known to lie there"] if texts else []
    for place, own in _from_argument(read, censored, names):
        gaps = read.iloc[:, place].isna().to_numpy()[:, None]
        before = ends.get(place, np.full(own.shape, [-np.inf, np.inf]))
        said = np.isfinite(before).any(axis=1, keepdims=True)
        ends[place] = np.where(gaps & ~said, own, before)
    ends = {place: each for place, each in sorted(ends.items()) if np.isfinite(each).any()}
    known = KnownCells(tuple(ends), np.stack([*ends.values()], axis=1)) if ends else None
    return read, known, notes


def _counted(texts: Sequence[str]) -> str:
    return f"{len(texts)} cell{'s' * (len(texts) > 1)}, as {texts[0]!r}, {'are' if len(texts) > 1 else 'is'}"


def _from_cells(column: pd.Series, kind: str | None) -> tuple[pd.Series, Floats, list[str]] | None:
    """Read a column of which some cells say where their value lies: as numbers, and the ends of those cells.

    None where there are no such cells, or where others are no numbers; so is a column of nothing else, unless
    its kind is said: it may be one of names.
    """
    text = types.is_object_dtype(column.dtype) or types.is_string_dtype(column.dtype)
    intervals = isinstance(column.dtype, pd.IntervalDtype)
    if kind in ("binary", "categorical") or isinstance(column.dtype, pd.CategoricalDtype):
        return None
    if not (text or intervals):
        return None
    cells = {row: each.strip() if isinstance(each, str) else each for row, each in enumerate(column.tolist())}
    known = {row: read_interval(cell) for row, cell in cells.items() if isinstance(cell, str)}
    known |= {row: cell for row, cell in cells.items() if isinstance(cell, pd.Interval)}
    ends = np.full((len(column), 2), [-np.inf, np.inf])
    for row, interval in known.items():
        if interval is not None:
            ends[row] = ends_of(interval)
    told = np.isfinite(ends).any(axis=1)
    if not told.any():
        return None
    values, whole = np.full(len(column), np.nan), True
    for row in np.flatnonzero(column.notna().to_numpy() & ~told).tolist():
        cell = cells[row]
        number = plain_number(cell) if isinstance(cell, str) else cell
        if not isinstance(number, int | float | np.integer | np.floating) or isinstance(number, bool):
            return None
        values[row] = min(max(number, -1e300), 1e300)
        whole = whole and (cell.lstrip("+-").isdigit() if isinstance(cell, str) else isinstance(cell, _WHOLE))
    seen = bool((~np.isnan(values)).any())
    if not (seen or kind or intervals):
        return None
    texts = [str(cells[row]) for row in np.flatnonzero(told).tolist() if isinstance(cells[row], str)]
    read = pd.Series(values, index=column.index, name=column.name)
    return read.astype("Int64") if whole and seen and _exact(values) else read, ends, texts


def _exact(values: Floats) -> bool:
    """Tell whether whole numbers can be held as integers."""
    return bool((np.abs(values[~np.isnan(values)]) <= _LARGEST_WHOLE).all())


def _from_argument(table: pd.DataFrame, censored: Any, names: Sequence[str]) -> Iterator[tuple[int, Floats]]:
    """Yield each column that is named, with the ends of every row, `[N, 2]`."""
    for name, pair in by_name("censored", {} if censored is None else censored, names).items():
        if (
            not isinstance(pair, Sequence)
            or isinstance(pair, str)
            or len(pair) != 2
            or pair[0] is pair[1] is None
        ):
            accepted = "accepted: a lower and an upper end, one of which may be None"
            raise ParameterError(f"censored: {name}: found {pair!r}; {accepted}")
        lower, upper = (_end(table, name, end, names) for end in pair)
        lower, upper = np.where(np.isnan(lower), -np.inf, lower), np.where(np.isnan(upper), np.inf, upper)
        wrong = lower > upper
        if wrong.any():
            row = int(wrong.argmax())
            found = f"{lower[row]:g} and {upper[row]:g} in row {row}"
            raise ParameterError(f"censored: {name}: found {found}; accepted: the lower end first")
        yield names.index(name), np.column_stack([lower, upper])


def _end(table: pd.DataFrame, name: str, end: Any, names: Sequence[str]) -> Floats:
    """Return an end of each row, NaN where there is none."""
    if isinstance(end, str):
        others = [each for each in names if each != name]
        if end not in others:
            raise ParameterError(f"censored: {name}: no column {end!r}{suggest(end, others)}")
        column = table.iloc[:, names.index(end)].rename(end)
        try:
            return numbers(column)
        except DataError as error:
            raise DataError(f"censored: {name}: {error}") from None
    if end is not None and (not isinstance(end, Real) or isinstance(end, bool) or np.isnan(float(end))):
        accepted = "accepted: a number, the name of a column with each row's limit, or None"
        raise ParameterError(f"censored: {name}: found {end!r}; {accepted}")
    return np.full(len(table), np.nan if end is None else float(end))


def _with_ends(table: pd.DataFrame, known: KnownCells) -> pd.DataFrame:
    """Put what stands for a known cell into the table, to see of what kind its column is."""
    filled = table.copy(deep=False)
    for number, place in enumerate(known.columns):
        column = table.iloc[:, place]
        if isinstance(column.dtype, pd.CategoricalDtype) or types.is_bool_dtype(column.dtype):
            continue  # it's refused once it's described
        whole = types.is_integer_dtype(column.dtype)
        own = KnownCells((0,), known.ends[:, [number]])
        try:
            values = own.filled(numbers(column.rename(str(column.name)))[:, None])[:, 0]
        except DataError as error:
            raise DataError(f"censored: {error}") from None
        whole = whole and _exact(values)
        series: Any = pd.Series(np.rint(values) if whole else values, index=column.index)
        filled.isetitem(place, series.astype("Int64") if whole else series)
    return filled


def _encoded(
    columns: Sequence[Column], table: pd.DataFrame, known: KnownCells | None
) -> tuple[Floats, KnownCells | None]:
    """Return a table as numbers, in which known cells have one of the size of their ends."""
    values = encode(columns, table)
    if known is None:
        return values, None
    ends = known.ends.copy()
    for number, place in enumerate(known.columns):
        _require_numbers(columns[place])
        ends[:, number] = _within(columns[place], table.iloc[:, place].dtype, ends[:, number])
    known = KnownCells(known.columns, ends)
    return known.filled(values), known


def _within(column: Column, dtype: Any, ends: Floats) -> Floats:
    """Return ends such that every value between them is, once it's written, between those that are known.

    Raises:
        DataError: there is none.
    """
    known = np.isfinite(ends).any(axis=1)
    far = ends[np.isfinite(ends) & (np.abs(ends) > LARGEST)]
    if len(far):
        raise DataError(
            f"column {column.name!r}: an end of {far[0]:g}; accepted: at most {LARGEST:g} in size"
        )
    lower, upper = ends[known].T
    lower = np.maximum(lower, -np.inf if column.lowest is None else column.lowest)
    upper = np.minimum(upper, np.inf if column.highest is None else column.highest)
    spare = 0.0
    if column.kind == "count" or types.is_integer_dtype(dtype):
        lower, upper, spare = np.ceil(lower), np.floor(upper), _ROUNDED
    elif dtype == np.float32:
        lower, upper = _single(lower, up=True), _single(upper, up=False)
    wrong = (lower > upper) | ((lower == upper) & (spare == 0.0))
    if wrong.any():
        row = int(np.flatnonzero(known)[wrong.argmax()])
        found = f"known to lie from {ends[row, 0]:g} to {ends[row, 1]:g} in row {row}"
        limits = " within its limits" if column.lowest is not None or column.highest is not None else ""
        what = "a whole number" if spare else "a value"
        raise DataError(f"column {column.name!r}: {found}; accepted: ends with {what} between them{limits}")
    found_ends = ends.copy()
    found_ends[known] = np.column_stack([lower - spare, upper + spare])
    return found_ends


def _single(values: Floats, up: bool) -> Floats:
    """Round to single precision, up or down."""
    single = values.astype(np.float32)
    further = np.nextafter(single, np.float32(np.inf if up else -np.inf))
    off = single < values if up else single > values
    rounded: npt.NDArray[np.float64] = np.where(off, further, single).astype(np.float64)
    return rounded
