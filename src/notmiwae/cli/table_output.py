"""Files that a subcommand writes: all of them whole, or none."""

import argparse
import gzip
import json
import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from notmiwae.cli.number_text import Affixes
from notmiwae.cli.table_input import Table, is_parquet, is_stata, is_workbook
from notmiwae.cli.workbook import as_text
from notmiwae.cli.workbook_output import (
    changed_cells,
    check_sheet_room,
    fill,
    in_texts,
    intervals_in,
    new_workbook,
)
from notmiwae.errors import DataError
from notmiwae.estimators.interval_text import write_interval
from notmiwae.files import whole_file


def write_all(writers: Mapping[Path, Callable[[Path], Any]], last: Callable[[], Any] | None = None) -> None:
    """Call each writer with a temporary path, then `last`; the files appear once all have ended well."""
    with ExitStack() as stack:
        temporary = {path: stack.enter_context(whole_file(path)) for path in writers}
        for path, write in writers.items():
            write(temporary[path])
        if last:
            last()


def write_results(typed: argparse.Namespace, table: pd.DataFrame, plot: Callable[[], Any]) -> None:
    """Write a table of results to `--output`, and a figure of them to `--figure`, where asked for."""
    writers: dict[Path, Callable[[Path], Any]] = {}
    if typed.output:
        writers[typed.output] = frame_writer(typed.output, table, digits="%.6g")
    if typed.figure:
        kind = typed.figure.suffix[1:].lower()
        writers[typed.figure] = lambda path: plot().savefig(path, dpi=150, format=kind)
    write_all(writers)


def table_writer(path: Path, frame: pd.DataFrame, like: Table) -> Callable[[Path], Any]:
    """Writes a completed table in the format that its name's end says.

    In a CSV file, whatever was seen stands as it came, text for text, and lines end as they did.

    Arguments:
        path: File that it's written to.
        frame: The table with other cells completed, some missing or said to lie in an interval, and columns
            of texts behind the others that are new.
        like: The table as it was read.
    """
    if is_parquet(path) and like.arrow is not None:
        return partial(_write_arrow, _filled(frame, like))
    if is_workbook(path) and like.sheet is not None:
        return partial(fill, like.sheet, changed_cells(frame, like))
    if is_stata(path) and like.stata is not None:
        from notmiwae.cli import stata

        return partial(stata.fill, like.stata, frame, like.frame)
    if is_parquet(path) or is_workbook(path) or like.texts is None:
        return frame_writer(path, in_texts(frame), like)
    if like.csv is None or (path.suffix.lower() == ".tsv" and like.csv.separator != "\t"):
        return frame_writer(path, _cells(frame, like, like.texts, lambda text, _: text), like)
    raw = _cells(frame, like, like.csv.raw, like.csv.quoted)
    content = like.csv.file(raw)
    return lambda temporary: temporary.write_bytes(
        gzip.compress(content, mtime=0) if _is_packed(path) else content
    )


def frame_writer(
    path: Path,
    frame: pd.DataFrame,
    like: Table | None = None,
    header: bool | None = None,
    digits: str | None = None,
) -> Callable[[Path], Any]:
    """Writes a table in the format that its name's end says.

    Arguments:
        path: File that it's written to.
        frame: The table.
        like: Another table, as which a CSV file is written; None: as most are.
        header: Whether the names of columns are written; None: as in the other table.
        digits: Format of numbers as texts; None: all digits.
    """
    if is_parquet(path):
        return lambda temporary: frame.to_parquet(temporary, index=False)
    if header is None:
        header = like.header if like else True
    if is_workbook(path):
        return partial(new_workbook, path, frame, header)
    separator, encoding, decimal = ",", "utf-8", "."
    if like and like.csv:
        separator, encoding, decimal = like.csv.separator, like.csv.encoding, like.csv.decimal
    separator = "\t" if path.suffix.lower() == ".tsv" else separator
    packing: Any = {"method": "gzip", "mtime": 0} if _is_packed(path) else None
    mark = "." if separator == "," else decimal
    return lambda temporary: frame.to_csv(
        temporary,
        index=False,
        header=header,
        sep=separator,
        decimal=mark,
        float_format=digits,
        encoding=encoding,
        compression=packing,
    )


def check_room(typed: argparse.Namespace, table: Table, draws: int) -> None:
    """Raise `DataError` if the outputs of `impute` have no room for the table, before work is done."""
    check_stata(typed.output, table, typed.mark_censored)
    if is_workbook(typed.output) and table.sheet is None:
        check_sheet_room(typed.output, table.frame)
    if typed.draws_out and is_workbook(typed.draws_out):
        check_sheet_room(typed.draws_out, table.frame, 1 + draws, 2)


def check_stata(path: Path, table: Table, further: bool = False) -> None:
    """Raise `DataError` if a Stata file can't be written as the one that was read, before work is done.

    Arguments:
        path: File that is to be written.
        table: The table as it was read.
        further: Whether there will be further columns.
    """
    if not is_stata(path):
        return
    if table.stata is None:
        accepted = "accepted: .csv, .parquet or .xlsx, or an input that Stata 13 or a later one saved"
        raise DataError(f"{path}: {table.path} is of before Stata 13, which is read alone; {accepted}")
    if further:
        raise DataError(f"{path}: --mark-censored: a Stata file gets no further columns; accepted: .csv")


def _write_arrow(table: Any, path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(table, path)


def _filled(frame: pd.DataFrame, like: Table) -> Any:
    """Return the Arrow table that was read with other cells completed, or some missing; the rest stays.

    A column of whole numbers whose imputations needn't be is one of numbers; all other types stay too.
    """
    import pyarrow as pa

    table = like.arrow
    for name in frame.columns.difference(like.frame.columns, sort=False):
        table = table.append_column(name, pa.array(frame[name].tolist(), pa.string()))
    for place, each in enumerate(like.arrow.schema):
        column = frame.get(each.name)
        if column is None or each.name in like.carried:
            continue
        missing, before = column.isna().to_numpy(), like.frame[each.name].isna().to_numpy()
        kind = pa.float64() if pa.types.is_integer(each.type) and column.dtype.kind == "f" else each.type
        if kind == each.type and (missing == before).all():
            continue
        cells = [None if gone else cell for gone, cell in zip(missing, table[place].to_pylist(), strict=True)]
        for row in np.flatnonzero(before & ~missing).tolist():
            cells[row] = _as_arrow(column.iloc[row], kind)
        field = pa.field(each.name, kind, metadata=each.metadata)
        table = table.set_column(place, field, pa.array(cells, kind))
    return table


def _as_arrow(value: Any, kind: Any) -> Any:
    """Return an imputed value as one of a column of this type."""
    import pyarrow as pa

    plain_value = value.item() if isinstance(value, np.generic) else value
    if pa.types.is_decimal(kind):
        return Decimal(plain_value).quantize(Decimal(1).scaleb(-kind.scale))
    return plain_value


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _cells(
    frame: pd.DataFrame, like: Table, came: pd.DataFrame, written: Callable[[str, str], str]
) -> pd.DataFrame:
    """Return the cells as texts: as they came, but for what is imputed or newly missing.

    Arguments:
        frame: The table with other cells completed, or some missing.
        like: The table as it was read.
        came: Cells as they came.
        written: Function from an imputed text, and the column's first cell with a value, to its cell.
    """
    texts: dict[Any, Any] = {}
    mark = like.csv.decimal if like.csv else "."
    for name, column in frame.items():
        if name not in came:
            texts[name] = [written(value, "") if isinstance(value, str) else "" for value in column.tolist()]
            continue
        cells = came[name].to_numpy(dtype=object, copy=True)
        missing, before = column.isna().to_numpy(), like.frame[name].isna().to_numpy()
        imputed = before & ~missing
        values = [as_text(value) for value in column[imputed].tolist()]
        if pd.api.types.is_numeric_dtype(column.dtype):
            around = like.affixes.get(str(name), Affixes())
            values = [around.before + value.replace(".", mark) + around.behind for value in values]
        first = str(cells[~before][0]) if not before.all() else ""
        cells[imputed] = [written(value, first) for value in values]
        cells[missing & ~before] = ""
        for row, interval in intervals_in(column).items():
            cells[row] = written(write_interval(interval, mark), "")
        texts[name] = cells
    return pd.DataFrame(texts, index=frame.index)


def plain(value: Any) -> Any:
    """Return a value as JSON has it: numbers that aren't finite are null."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_json(content: Any) -> None:
    """Print indented JSON on the output stream."""
    print(json.dumps(plain(content), indent=2, allow_nan=False, ensure_ascii=False))


def long_format(path: Path, table: Table, draws: list[pd.DataFrame], first: int = 0) -> pd.DataFrame:
    """Put completed tables below each other, as the long format of R's mice.

    Its first columns are `.imp`, 0 for the table as it came and then 1 to M, and `.id`, the row from 1.

    Arguments:
        path: File that it's written to.
        table: The table as it came.
        draws: Completed tables.
        first: Number of rows before it, if it's a piece of a larger table.

    Raises:
        DataError: the table has a column of that name.
    """
    for name in (".imp", ".id"):
        if name in table.frame:
            raise DataError(f"{table.path}: column {name!r} is what the draws' own is called; rename it")
    parts = []
    for number, frame in enumerate((table.frame, *draws)):
        part = frame
        if table.texts is not None and not is_parquet(path) and not is_workbook(path):
            part = _cells(frame, table, table.texts, lambda text, _: text)
        part = part.reset_index(drop=True)
        part.insert(0, ".id", range(first + 1, first + len(part) + 1))
        part.insert(0, ".imp", number)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
