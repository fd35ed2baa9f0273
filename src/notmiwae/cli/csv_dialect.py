"""What a CSV file is written in: its encoding, its separator, its decimal mark."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import re
import zlib
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from notmiwae.cli.number_text import NUMBER, as_number
from notmiwae.errors import DataError, ParameterError, flat

SEPARATORS = (",", ";", "\t", "|")
_RARE = (":", " ", "^", "~")
"""Separators that are asked for: they stand in texts more often than between columns."""
_SNIFFED = 50
"""Rows in which the separator is looked for."""
HEAD = 2**16
"""Characters that these rows have at most."""
_SEP = "sep="
"""How a line begins that tells Excel the separator."""
_NO_THOUSANDS = re.compile(r",(?:\d{1,2}|\d{4,})(?:\D|$)")
"""A comma that stands between no thousands."""


def sep_line(text: str) -> str:
    """Return a first line such as `sep=;` with its end; nothing where there is none."""
    line = re.match(rf"{_SEP}[^\r\n\"](\r\n|\n|\r)", text)
    return line[0] if line else ""


def rare_separator(cells: Collection[str]) -> str:
    """Word which separator a file of one column may have; nothing where none cuts all rows alike."""
    rows = list(itertools.islice(cells, _SNIFFED))
    for mark in _RARE:
        counts = {row.strip().count(mark) for row in rows}
        if len(rows) > 1 and len(counts) == 1 and counts != {0}:
            return f"one column was read; if {mark!r} stands between columns: --separator '{mark}'"
    return ""


def decoded(path: Path, encoding: str | None) -> tuple[str, str]:
    """Read a file's text and its encoding.

    Raises:
        DataError: it's empty, binary, or of another encoding.
        ParameterError: there is no such encoding.
    """
    content = path.read_bytes()
    if path.suffix.lower() == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path}: is no gzip file: {flat(error)}") from None
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in content and not wide and encoding is None:
        if content[1:400:2].count(0) > 0.9 * len(content[1:400:2]):
            raise DataError(f"{path}: seems to be UTF-16 without its mark; accepted: --encoding utf-16-le")
        raise DataError(
            f"{path}: is a binary file; accepted: CSV text, Parquet named .parquet, Excel named .xlsx, "
            "Stata named .dta"
        )
    marked = content.startswith(b"\xef\xbb\xbf")
    encoding = encoding or ("utf-16" if wide else "utf-8-sig" if marked else "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = f"{path}: line {line} holds the byte 0x{content[error.start]:02x}"
        raise DataError(
            f"{found}; accepted: UTF-8 text, or --encoding with the name of another, as cp1252 (Excel in "
            "western Europe and America)"
        ) from None
    except (LookupError, UnicodeError):
        raise ParameterError(f"--encoding: found {encoding!r}; accepted: as utf-8, latin-1, cp1252") from None
    if re.match(r"\s*<(!doctype|html|table|\?xml)", text[:HEAD], re.IGNORECASE):
        raise DataError(f"{path}: is HTML or XML; accepted: CSV text")
    if not text.strip():
        raise DataError(f"{path}: is empty")
    return text, encoding


def find_separator(text: str, comment: str | None = None) -> str:
    """Find the separator that gives the first rows as many cells as the header, and the most."""
    if line := sep_line(text):
        return line[len(_SEP)]
    first = text[:HEAD].replace("\r\n", "\n").replace("\r", "\n")
    lines = first.split("\n")
    if len(text) > HEAD and len(lines) > 2:
        del lines[-1]  # cut off
    if comment:
        lines = [line for line in lines if not line.startswith(comment)]

    def fit(separator: str) -> tuple[bool, int]:
        rows = (row for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=separator) if row)
        try:
            widths = [len(row) for row in itertools.islice(rows, _SNIFFED)]
        except csv.Error:
            return False, 0
        return bool(widths) and widths[0] > 1 and len(set(widths)) == 1, widths[0] if widths else 0

    return max(SEPARATORS, key=fit)


def decimal_commas(texts: pd.DataFrame, missing: Collection[str], sure: bool) -> bool:
    """Tell whether some column has values as 1,5 throughout.

    Arguments:
        texts: Cells by column.
        missing: Texts that stand for a missing value.
        sure: Whether a comma is decimal that may stand between thousands.
    """
    for name in texts:
        values = texts[name].str.strip()
        values = values[~values.isin(missing)]
        if values.str.contains(",").any():
            read = values.map(lambda text: as_number(text.lstrip("<>≤≥⩽⩾= "), ","))
            if read.str.fullmatch(NUMBER).all() and (sure or values.str.contains(_NO_THOUSANDS).any()):
                return True
    return False
