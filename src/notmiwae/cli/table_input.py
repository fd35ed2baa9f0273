"""Tables that users have: CSV, Parquet, Excel or Stata, checked column by column before they are used."""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from notmiwae.cli.column_text import Columns, check_finite, row_name, understand
from notmiwae.cli.csv_dialect import rare_separator
from notmiwae.cli.csv_text import CsvText, check_names, csv_names, like_data, read_csv_text
from notmiwae.cli.number_text import Affixes
from notmiwae.cli.options import OTHER_FORMATS, STATA, TABLES, WORKBOOK
from notmiwae.errors import DataError, flat
from notmiwae.files import MISSING, PARQUET

if TYPE_CHECKING:
    from notmiwae.cli.stata import StataFile
    from notmiwae.cli.workbook import Sheet


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Attributes:
        path: Path of the file.
        frame: All columns, missing cells as pandas has them.
        carried: Names of the columns that are only carried along, as they stand in the file.
        csv: A CSV file as it came; None of another file.
        arrow: A Parquet file as it came, an Arrow table; None of another file.
        sheet: A sheet of an Excel workbook as it came; None of another file.
        stata: A Stata file as it came; None of another, or one of before Stata 13.
        affixes: What stands before and behind the numbers of a column, of those that have anything.
        intervals: Between which ends values lie that are missing in the frame, by column and row.
        notices: How values were read, where a user might want to know.
    """

    path: Path
    frame: pd.DataFrame
    carried: tuple[str, ...] = ()
    csv: CsvText | None = None
    arrow: Any = None
    sheet: "Sheet | None" = None
    stata: "StataFile | None" = None
    affixes: Mapping[str, Affixes] = field(default_factory=dict)
    intervals: Mapping[str, Mapping[int, pd.Interval]] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def modelled(self) -> pd.DataFrame:
        """Columns that aren't carried along."""
        return self.frame.drop(columns=list(self.carried))

    @property
    def told(self) -> pd.DataFrame:
        """Columns that aren't carried along, with what is known of missing values, as imputers take it."""
        frame = self.modelled
        for name, intervals in self.intervals.items():
            cells = frame[name].astype(object).tolist()
            for row, interval in intervals.items():
                cells[row] = interval
            frame[name] = pd.Series(cells, index=frame.index, dtype=object)
        return frame

    def place(self, name: str, number: int) -> str:
        """Say where a value stands, from its column and the number of its row from 0."""
        return f"cell {self.sheet.cell(name, number)}" if self.sheet else row_name(number)

    @property
    def header(self) -> bool:
        """Whether the names of columns stand in the file."""
        came = self.csv or self.sheet
        return bool(came.header) if came else True

    @property
    def texts(self) -> pd.DataFrame | None:
        """Cells as texts, as they came; None of a Parquet or Stata file."""
        came = self.csv or self.sheet
        return came.texts if came else None


def read(
    path: Path,
    typed: argparse.Namespace,
    kinds: Mapping[str, str] | None = None,
    carried: Sequence[str] = (),
    rows: Sequence[int] | None = None,
) -> Table:
    """Read a table.

    Numbers of which all are whole become `Int64` where some are missing, text becomes `category`. A first
    column without a name, where other programs write the names of rows, is carried along.

    Arguments:
        path: CSV, or Parquet, Excel or Stata by its name's end.
        typed: Options of `parsers.add_reading`.
        kinds: Kinds of columns that the user named; one of `options.KINDS` each.
        carried: Names of columns that are carried along.
        rows: Numbers of the rows, from 0, in the file that this one is a piece of; None: it's none.

    Raises:
        DataError: it isn't a table, or a value is none of its column's; the message has the place.
    """
    _check_file(path)
    kinds = kinds or {}

    def place(number: int) -> str:
        return row_name(number if rows is None else int(rows[number]))

    if is_parquet(path):
        return _read_parquet(path, carried, place)
    if is_workbook(path):
        from notmiwae.cli.sheet_columns import read_table

        return read_table(path, typed, kinds, carried)
    if is_stata(path):
        from notmiwae.cli import stata

        return stata.read_table(path, typed, kinds, carried)
    came = read_csv_text(path, typed, (*MISSING, *typed.na), place)
    found = Columns(carried=[*carried, *[name for name in came.texts if name == ""]])
    names = [str(name) for name in came.texts]
    if came.header:
        found.notices += filter(None, [like_data(came.texts)])
    if len(names) == 1 and not typed.separator:
        found.notices += filter(None, [rare_separator([*names, *came.texts[names[0]]])])
    for name in names:
        understand(found, path, came.texts[name], came.decimal, typed.na, kinds, place)
    once = tuple(dict.fromkeys(found.carried))
    frame = pd.DataFrame(found.frame)
    return Table(
        path,
        frame,
        once,
        came,
        affixes=found.affixes,
        intervals=found.intervals,
        notices=tuple(found.notices),
    )


def column_names(path: Path, typed: argparse.Namespace) -> list[str]:
    """Read the names of a table's columns, of a large file too.

    Raises:
        DataError: it isn't a table.
    """
    _check_file(path)
    if is_parquet(path):
        from pyarrow import parquet

        with _parquet_errors(path), path.open("rb") as file:
            return [str(name) for name in parquet.read_schema(file).names]
    if is_workbook(path):
        from notmiwae.cli.workbook import read_sheet

        return list(read_sheet(path, typed.sheet, typed.no_header, names_only=True).columns)
    if is_stata(path):
        from notmiwae.cli import stata

        return stata.column_names(path)
    return csv_names(path, typed)


def is_parquet(path: Path) -> bool:
    """Tell whether a file is Parquet by its name's end."""
    return path.suffix.lower() in PARQUET


def is_workbook(path: Path) -> bool:
    """Tell whether a file is an Excel workbook by its name's end."""
    return path.suffix.lower() == WORKBOOK


def is_stata(path: Path) -> bool:
    """Tell whether a file is of Stata by its name's end."""
    return path.suffix.lower() == STATA


def _check_file(path: Path) -> None:
    if not path.exists():
        raise DataError(f"{path}: no such file")
    if not path.is_file():
        raise DataError(f"{path}: is no file; accepted: a CSV, Parquet, Excel or Stata file")
    if path.suffix.lower() in OTHER_FORMATS:
        raise DataError(f"{path}: {path.suffix} can't be read; accepted: {TABLES}")


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: is no Parquet file: {flat(error)}") from None


def _read_parquet(path: Path, carried: Sequence[str], place: Callable[[int], str]) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    with _parquet_errors(path), path.open("rb") as file:
        found: Any = parquet.read_table(file)
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
            check_finite(path, name, frame[name].to_numpy(), place)
        elif pd.api.types.is_string_dtype(column.dtype):
            frame[name] = column.astype(object).astype("category")
    once = tuple(dict.fromkeys(carried))
    return Table(path, frame, once, arrow=found, notices=tuple(notices))
