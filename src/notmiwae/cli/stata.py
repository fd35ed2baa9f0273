"""Stata files (`.dta`): read by pandas, their values by their labels, and gaps filled in their places.

Of a file that was read all bytes stay but those of the cells that are filled: labels, formats, notes and the
twenty-six other ways in which a value of Stata's is missing.
"""

from __future__ import annotations

import argparse
import re
import shutil
import struct
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.typing import StataReader

from notmiwae.cli.column_text import Columns, understand, whole_or_not
from notmiwae.cli.csv_text import check_names
from notmiwae.cli.table_input import Table
from notmiwae.errors import DataError, flat
from notmiwae.estimators.interval_text import plain_number

_HEAD = re.compile(
    rb"<stata_dta><header><release>(11[789])</release><byteorder>(LSF|MSF)</byteorder>"
    rb"<K>(.{2,4}?)</K><N>(.{4,8}?)</N>",
    re.DOTALL,
)
_MAP = b"<map>"
_TYPES, _DATA = 2, 9
"""Places in the file's map of where the columns' types begin, and the values."""
_NUMBERS = {65526: "f8", 65527: "f4", 65528: "i4", 65529: "i2", 65530: "i1"}
_TEXTS = {32768: "V8"}
"""Of a long text, a reference to where it stands."""
_SHOWN = 5
_LARGEST = {"i1": 100, "i2": 32_740, "i4": 2_147_483_620}
_KINDS_OF_GAPS = 27
"""Ways in which a number may be missing, which take the place of the highest ones."""
_GAPS = {"i1": 101, "i2": 32_741, "i4": 2_147_483_621, "f4": 2.0**127, "f8": 2.0**1023}
"""How the missing value is stored that Stata writes as a dot."""
_BROKEN = (
    *(ValueError, OSError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(struct.error, MemoryError, AssertionError, StopIteration),
)
"""What pandas raises of bytes that are no Stata file."""


@dataclass(frozen=True)
class StataFile:
    """A Stata file as it came.

    Attributes:
        path: Path of the file.
        record: Layout of a row, a field for each column.
        start: Where the first row begins.
        encoding: Encoding of texts.
        codes: Numbers that labels stand for, by column and label.
    """

    path: Path
    record: np.dtype[Any]
    start: int
    encoding: str
    codes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def read_table(
    path: Path, typed: argparse.Namespace, kinds: Mapping[str, str], carried: Sequence[str]
) -> Table:
    """Read a table: columns whose values all have a label are categories, texts are read as those of CSV.

    Arguments:
        path: Stata file.
        typed: Options of `parsers.add_reading`.
        kinds: Kinds of columns that the user named.
        carried: Names of columns that are carried along.

    Raises:
        DataError: it's no Stata file, has no rows, or a value is none of its column's.
    """
    stored, named = _frames(path)
    check_names(path, list(map(str, stored)))
    if not len(stored):
        raise DataError(f"{path}: has no rows")
    with _errors(path):
        came = _layout(path, stored.shape[1])
    found, codes = Columns(carried=list(carried)), {}
    for place, name in enumerate(map(str, stored)):
        column, labelled = _as_written(stored[name]), named[name]
        notice = _not_modelled(column, came is not None and came.record[place].kind == "V")
        if notice and name not in carried:
            found.carried.append(name)
            found.notices.append(f"{name}: holds {notice}; it's carried along")
        if name in found.carried:
            found.frame[name] = column
        elif not pd.api.types.is_numeric_dtype(column.dtype):
            understand(found, path, column.astype(object), ".", typed.na, kinds)
        else:
            codes[name] = _add_numbers(found, column, labelled, typed.na, kinds.get(name))
    return Table(
        path,
        pd.DataFrame(found.frame),
        tuple(dict.fromkeys(found.carried)),
        stata=came and replace(came, codes=codes),
        affixes=found.affixes,
        intervals=found.intervals,
        notices=tuple(found.notices),
    )


def column_names(path: Path) -> list[str]:
    """Read the names of the columns.

    Raises:
        DataError: it's no Stata file.
    """
    with _errors(path), StataReader(path) as reader:
        return list(map(str, reader.variable_labels().keys()))


def fill(came: StataFile, frame: pd.DataFrame, before: pd.DataFrame, to: Path) -> None:
    """Write the file that was read with gaps filled, or with other cells missing.

    Arguments:
        came: The file as it came.
        frame: The table with other cells completed, or some missing.
        before: The table as it was read.
        to: File that is written.

    Raises:
        DataError: a number doesn't fit into its cell.
    """
    shutil.copyfile(came.path, to)
    rows: Any = np.memmap(to, came.record, "r+", came.start, len(frame))
    for place, name in enumerate(map(str, before)):
        gone = frame[name].isna().to_numpy()
        codes, kind, cells = came.codes.get(name, {}), came.record[place], rows[f"c{place}"]
        for row in np.flatnonzero(gone != before[name].isna().to_numpy()).tolist():
            value: Any = None if gone[row] else frame[name].iloc[row]
            cells[row] = _stored(name, codes.get(value, value), kind, came.encoding)
    rows.flush()


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """Raise what pandas raises of bytes that are no Stata file as `DataError`."""
    with warnings.catch_warnings():
        # Of texts in another encoding than the file says: they are read as Latin-1.
        warnings.simplefilter("ignore")
        try:
            yield
        except _BROKEN as error:
            raise DataError(f"{path}: is no Stata file that can be read: {flat(error, 200)}") from None


def _frames(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read values as they are stored, and again by their labels if there are any."""
    with _errors(path):
        stored = pd.read_stata(path, convert_categoricals=False)
        with StataReader(path) as reader:
            if not reader.value_labels():
                return stored, stored
    try:
        with _errors(path):
            return stored, pd.read_stata(path, order_categoricals=False)
    except DataError:
        # Two values have the same label.
        return stored, stored


def _layout(path: Path, columns: int) -> StataFile | None:
    """Find where rows stand, and how; None of a file of before Stata 13."""
    with path.open("rb") as file:
        content = file.read(1024)
        head = _HEAD.match(content)
        if not head:
            return None
        order = "<" if head[2] == b"LSF" else ">"
        places = np.frombuffer(content, f"{order}u8", 14, content.index(_MAP) + len(_MAP))
        file.seek(int(places[_TYPES]) + len(b"<variable_types>"))
        types = np.frombuffer(file.read(2 * columns), f"{order}u2").tolist()
    kinds = [
        f"{order}{_NUMBERS[each]}" if each in _NUMBERS else _TEXTS.get(each, f"S{each}") for each in types
    ]
    record = np.dtype([(f"c{place}", kind) for place, kind in enumerate(kinds)])
    encoding = "latin-1" if head[1] == b"117" else "utf-8"
    return StataFile(path, record, int(places[_DATA]) + len(b"<data>"), encoding)


def _as_written(column: pd.Series) -> pd.Series:
    """Return numbers of single precision as they are written: 0.1, not what that is in double precision."""
    return column.astype(str).astype(np.float64) if column.dtype == np.float32 else column


def _not_modelled(column: pd.Series, is_long: bool) -> str:
    """Say what a column holds that isn't modelled; nothing of any other."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        first = (
            f", as {str(column.dropna().iloc[0]).removesuffix(' 00:00:00')}" if column.notna().any() else ""
        )
        return f"dates{first}, which aren't modelled"
    return "long texts (strL), which aren't modelled" if is_long else ""


def _add_numbers(
    found: Columns, column: pd.Series, labelled: pd.Series, markers: Sequence[str], kind: str | None
) -> dict[str, int]:
    """Add a column that stores numbers; return those that its labels stand for, if it holds labels."""
    name = str(column.name)
    numbers = [number for number in map(plain_number, markers) if number is not None]
    column = column.mask(column.isin(numbers) | labelled.astype(object).isin(markers))
    codes: dict[str, int] = {}
    if isinstance(labelled.dtype, pd.CategoricalDtype):
        labelled = labelled.mask(column.isna()).cat.remove_unused_categories()
        pairs = zip(labelled.dropna().tolist(), column.dropna().tolist(), strict=True)
        codes = {str(label): int(code) for label, code in pairs if isinstance(label, str)}
        if kind not in ("continuous", "count") and len(codes) == len(labelled.cat.categories):
            found.frame[name] = labelled
            return codes
    if codes:
        shown = ", ".join(f"{code} ({label})" for label, code in list(codes.items())[:_SHOWN])
        taken = "has a label, and is taken as a number"
        if len(codes) > 1:
            taken = "have labels, and are taken as numbers"
        found.notices.append(f"{name}: {shown} {taken} (accepted too: --na {next(iter(codes.values()))})")
    found.frame[name] = whole_or_not(name, column.to_numpy(np.float64, na_value=np.nan))
    return {}


def _stored(name: str, value: Any, kind: np.dtype[Any], encoding: str) -> Any:
    """Return a value as a cell stores it.

    Raises:
        DataError: a number is longer than the texts of its column, or beyond what the column can store.
    """
    if kind.kind == "S":
        return _as_text(name, value, kind.itemsize, encoding)
    stored = kind.str[1:]
    if value is None:
        return _GAPS[stored]
    if kind.kind == "f":
        return float(value)
    number, highest = round(float(value)), _LARGEST[stored]
    lowest = -highest - _KINDS_OF_GAPS
    if not lowest <= number <= highest:
        remedy = "accepted: .csv, or a wider type, as Stata's `recast double` gives it"
        raise DataError(
            f"column {name!r}: {number} is imputed, and it stores {lowest} to {highest}; {remedy}"
        )
    return number


def _as_text(name: str, value: Any, width: int, encoding: str) -> bytes:
    if value is None or isinstance(value, str):
        return (value or "").encode(encoding)
    for digits in range(17, 0, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= width:
            return text.encode(encoding)
    raise DataError(f"column {name!r}: {value:g} is longer than its texts, {width} bytes; accepted: .csv")
