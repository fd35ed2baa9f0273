"""Tables that users have: CSV or Parquet, checked column by column before anything is done with them."""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmiwae.cli.csv_text import CsvText, check_names, read_csv_text
from notmiwae.cli.number_text import NUMBER, Affixes, affixes, as_number, is_plain
from notmiwae.errors import DataError, flat
from notmiwae.files import MISSING, PARQUET

_NUMBER = re.compile(NUMBER)
_INFINITE = re.compile(r"[+-]?(?:[iI]nf|INF|[iI]nfinity|INFINITY)")
_LEADING_ZERO = re.compile(r"0\d+")
"""What a number doesn't have, but an identifier or a postal code has."""
_LARGEST_WHOLE = 2**53
_MOST_DIGITS = 15
"""Digits of a whole number that is exact in any case."""


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Attributes:
        path: Path of the file.
        frame: All columns, missing cells as pandas has them.
        carried: Names of the columns that are only carried along, as they stand in the file.
        csv: A CSV file as it came; None of another file.
        arrow: A Parquet file as it came, an Arrow table; None of another file.
        affixes: What stands before and behind the numbers of a column, of those that have anything.
        notices: How values were read, where a user might want to know.
    """

    path: Path
    frame: pd.DataFrame
    carried: tuple[str, ...] = ()
    csv: CsvText | None = None
    arrow: Any = None
    affixes: Mapping[str, Affixes] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def modelled(self) -> pd.DataFrame:
        """Columns that aren't carried along."""
        return self.frame.drop(columns=list(self.carried))


def read(
    path: Path,
    typed: argparse.Namespace,
    kinds: Mapping[str, str] | None = None,
    carried: Sequence[str] = (),
) -> Table:
    """Read a table.

    Numbers of which all are whole become `Int64` where some are missing, text becomes `category`. A first
    column without a name, where other programs write the names of rows, is carried along.

    Arguments:
        path: CSV, or Parquet by its name's end.
        typed: Options of `options.add_reading`.
        kinds: Kinds of columns that the user named; one of `options.KINDS` each.
        carried: Names of columns that are carried along.

    Raises:
        DataError: it isn't a table, or a value is none of its column's; the message has the place.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file")
    if not path.is_file():
        raise DataError(f"{path}: is no file; accepted: a CSV or Parquet file")
    if is_parquet(path):
        return _read_parquet(path, carried)
    found = read_csv_text(path, typed, (*MISSING, *typed.na))
    texts, decimal = found.texts, found.decimal
    if texts.columns[0] == "":
        carried = (*carried, "")
    kinds = kinds or {}
    columns, dressed, notices = {}, {}, []
    for name in texts.columns:
        stripped = texts[name].str.strip()
        column = stripped.mask(stripped.isin({*MISSING, *typed.na}) | _equals(stripped, typed.na))
        if name not in carried and name not in kinds and _is_long(column):
            carried = (*carried, name)
            notices.append(
                f"{name}: its whole numbers are longer than a computer's numbers; they identify something, "
                f"and are carried along (accepted too: --kind {name}=continuous)"
            )
        columns[name] = texts[name] if name in carried else _typed(path, column, decimal, kinds.get(name))
        if name not in carried and columns[name].dtype.kind in "iuf":
            marked = [text for text in column.dropna() if not is_plain(text, decimal)]
            if marked:
                dressed[name] = affixes(column.dropna().tolist())
                notices.append(f"{name}: {marked[0]} was read as {as_number(marked[0], decimal)}")
    frame = pd.DataFrame(columns)
    once = tuple(dict.fromkeys(carried))
    return Table(path, frame, once, found, affixes=dressed, notices=tuple(notices))


def is_parquet(path: Path) -> bool:
    """Tell whether a file is Parquet by its name's end."""
    return path.suffix.lower() in PARQUET


def _equals(column: pd.Series, markers: Sequence[str]) -> pd.Series:
    """Tell which texts are the number that a marker is, as -999.0 is -999."""
    numbers = {float(each) for each in markers if _NUMBER.fullmatch(each)}
    if not numbers:
        return pd.Series(False, index=column.index)
    return column.map(lambda text: bool(_NUMBER.fullmatch(text)) and float(text) in numbers).astype(bool)


def _is_long(column: pd.Series) -> bool:
    """Tell whether a column holds whole numbers only, of which one is too long to be exact."""
    found = column.dropna()
    return bool(found.str.fullmatch(r"\d+").all() and (found.str.len() > _MOST_DIGITS).any())


def _typed(path: Path, column: pd.Series, decimal: str, kind: str | None) -> pd.Series:
    """Return a column of texts, without its missing ones, as numbers or categories."""
    # Lists: in a table of 10,000 columns, what a pandas operation costs beside its work adds up.
    places = np.flatnonzero(column.notna().to_numpy())
    found = [text for text in column.tolist() if isinstance(text, str)]
    plain = [as_number(text, decimal) for text in found]
    infinite = [bool(_INFINITE.fullmatch(text)) for text in found]
    numbers = [bool(_NUMBER.fullmatch(text)) or inf for text, inf in zip(plain, infinite, strict=True)]
    some = sum(numbers)
    as_numbers = kind in ("continuous", "count")
    as_names = kind in ("binary", "categorical") and some < len(found)
    if as_names or (
        not as_numbers and (2 * some < len(found) or any(_LEADING_ZERO.fullmatch(text) for text in found))
    ):
        return column.astype(object).astype("category")
    for wrong, what in (
        ([not each for each in numbers], "is no number"),
        (infinite, "is not finite"),
    ):
        if any(wrong):
            place = wrong.index(True)
            text = found[place]
            raise DataError(
                f"{path}: column {column.name!r}: {text!r} in row {places[place] + 1} {what}, {some} of the "
                f"column's {len(found)} values are; accepted: finite numbers, --na {text!r} if it stands for "
                f"a missing value, --kind {column.name}=categorical if they are names"
            )
    values = np.full(len(column), np.nan)
    values[places] = [float(text) for text in plain]
    check_finite(path, column.name, values)
    if not found or (values[places] % 1 != 0).any() or (np.abs(values[places]) > _LARGEST_WHOLE).any():
        return pd.Series(values, name=column.name)
    return pd.Series(values, name=column.name).astype("int64" if len(found) == len(column) else "Int64")


def check_finite(path: Path, name: Any, values: npt.NDArray[np.float64]) -> None:
    """Raise `DataError` at the first infinite value of a column."""
    infinite = np.isinf(values)
    if infinite.any():
        row = int(np.flatnonzero(infinite)[0])
        raise DataError(
            f"{path}: column {name!r}: {values[row]} in row {row + 1} is not finite; accepted: finite numbers"
        )


def _read_parquet(path: Path, carried: Sequence[str]) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with path.open("rb") as file:
            found: Any = parquet.read_table(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: is no Parquet file: {flat(error)}") from None
    check_names(path, found.column_names)
    if not found.num_rows or not found.num_columns:
        raise DataError(f"{path}: has {found.num_rows} rows and {found.num_columns} columns")
    notices = []
    for each in found.schema:
        kind = str(each.type)
        if each.name not in carried and (pa.types.is_nested(each.type) or "binary" in kind):
            accepted = f"accepted: numbers, text, truth values; --ignore {each.name} carries it along"
            raise DataError(f"{path}: column {each.name!r} holds {kind}; {accepted}")
        if each.name not in carried and pa.types.is_temporal(each.type):
            carried = (*carried, each.name)
            notices.append(f"{each.name}: holds {kind}, which isn't modelled; it's carried along")
    try:
        frame = pd.read_parquet(path, dtype_backend="numpy_nullable")
    except (pa.ArrowException, ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        # What pandas wrote about its own types, or a text of other bytes.
        raise DataError(f"{path}: can't be read as a table: {flat(error)}") from None
    if not isinstance(frame.index, pd.RangeIndex):
        # The names of rows.
        levels = frame.index.nlevels
        frame = frame.reset_index()
        carried = (*carried, *map(str, frame.columns[:levels]))
    frame.columns = frame.columns.map(str)
    for each in found.schema:
        if pa.types.is_decimal(each.type) and each.name in frame:
            frame[each.name] = found[each.name].cast(pa.float64()).to_numpy()
    for name in frame.columns.difference(list(carried)):
        column = frame[name]
        if pd.api.types.is_float_dtype(column.dtype):
            frame[name] = column.astype(np.float64)
            check_finite(path, name, frame[name].to_numpy())
        elif pd.api.types.is_string_dtype(column.dtype):
            frame[name] = column.astype(object).astype("category")
    once = tuple(dict.fromkeys(carried))
    return Table(path, frame, once, arrow=found, notices=tuple(notices))
