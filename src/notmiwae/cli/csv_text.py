"""CSV files as text: encoding, separator, decimal mark and the cells, before they mean anything."""

import csv
import io
import itertools
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from notmiwae.cli.number_text import NUMBER, as_number
from notmiwae.errors import DataError, flat

SEPARATORS = (",", ";", "\t", "|")
_SNIFFED = 50
"""Rows in which the separator is looked for."""


def read_texts(
    path: Path, separator: str | None, decimal: str | None, missing: Collection[str]
) -> tuple[str, str, pd.DataFrame]:
    """Read the separator, the decimal mark and the cells of a CSV file, all of them text."""
    text = _decoded(path).lstrip("\r\n")
    if separator is not None and (len(separator.replace("\\t", "\t")) != 1 or separator in '\r\n"'):
        raise DataError(f"--separator: found {separator!r}; accepted: one character, no quote or line end")
    separator = (separator or find_separator(text)).replace("\\t", "\t")
    header = next(csv.reader(io.StringIO(text), delimiter=separator))
    names = [name.strip() for name in header]
    check_names(path, names)
    if len(names) > 1:
        _check_widths(path, text, separator, len(names))
    try:
        rows = pd.read_csv(
            io.StringIO(text.rstrip("\r\n")),
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            # In a table of one column, an empty line is a missing value.
            skip_blank_lines=len(names) > 1,
        )
    except pd.errors.ParserError as error:
        raise DataError(f"{path}: {flat(error)}; separator {separator!r}: is another one meant?") from None
    texts = rows.iloc[1:].reset_index(drop=True).set_axis(names, axis=1)
    if not len(texts):
        raise DataError(f"{path}: has a header and no rows")
    if decimal is None:
        decimal = "," if separator == ";" and _decimal_commas(texts, missing) else "."
    return separator, decimal, texts


def _check_widths(path: Path, text: str, separator: str, width: int) -> None:
    """Raise `DataError` unless rows have as many cells as the header; pandas would fill up short ones."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    for number, row in enumerate(row for row in rows if row):
        if len(row) != width:
            raise DataError(
                f"{path}: row {number} has {len(row)} cells; accepted: {width}, as the header with separator "
                f"{separator!r}"
            )


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{path}: is UTF-16 text; accepted: UTF-8")
    if b"\0" in content:
        raise DataError(f"{path}: is a binary file; accepted: CSV text, or Parquet named .parquet")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = content[error.start]
        raise DataError(f"{path}: line {line} holds the byte 0x{found:02x}; accepted: UTF-8 text") from None
    if not text.strip():
        raise DataError(f"{path}: is empty")
    return text


def find_separator(text: str) -> str:
    """Find the separator that gives the first rows as many cells as the header, and the most."""

    def fit(separator: str) -> tuple[bool, int]:
        rows = (row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row)
        widths = [len(row) for row in itertools.islice(rows, _SNIFFED)]
        return widths[0] > 1 and len(set(widths)) == 1, widths[0]

    return max(SEPARATORS, key=fit)


def _decimal_commas(texts: pd.DataFrame, missing: Collection[str]) -> bool:
    """Tell whether some column has values as 1,5 throughout."""
    for name in texts:
        values = texts[name].str.strip()
        values = values[~values.isin(missing)]
        if values.str.contains(",").any():
            read = values.map(lambda text: as_number(text, ","))
            if read.str.fullmatch(NUMBER).all():
                return True
    return False


def check_names(path: Path, names: Sequence[str]) -> None:
    """Raise `DataError` unless columns have different names; only the first may have none."""
    for place, name in enumerate(names):
        if name in names[:place]:
            called = repr(name) if name else "nothing"
            raise DataError(f"{path}: two columns are called {called}; accepted: different names")
        if not name and place:
            raise DataError(f"{path}: column {place + 1} has no name")
