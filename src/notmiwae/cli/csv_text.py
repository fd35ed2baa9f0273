"""CSV files as text: encoding, separator, decimal mark and the cells, before they mean anything.

Cells are kept as they stand in the file, quotes and all, with the end of each line: what was seen leaves so.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from notmiwae.cli.column_text import row_name
from notmiwae.cli.csv_dialect import decimal_commas, decoded, find_separator, sep_line
from notmiwae.cli.number_text import NUMBER, as_number
from notmiwae.errors import DataError

_BLANKS = " \t\r\n\v\f\ufeff"
"""What stands around names, a second byte order mark included."""
_WITH_HEADER = 2**20
"""Bytes of a file within which its header ends."""
_COMMENTS = ("#", "%", "//", "--", ";")
"""What lines of comment begin with in files that have them."""


@dataclass(frozen=True)
class CsvText:
    """A CSV file as it came.

    Attributes:
        separator: Separator of the columns.
        decimal: Decimal mark.
        encoding: Encoding, as Python names it.
        head: All up to the first row: the header, and what stands before it.
        raw: Cells as they stand in the file, quotes and all; columns by name.
        ends: What follows each row: the end of its line, blank lines and comments.
        header: Whether the first row has the columns' names; else they are called 1, 2 and so on.
        named: Characters of `head` up to the end of the names.
    """

    separator: str
    decimal: str
    encoding: str
    head: str
    raw: pd.DataFrame
    ends: Sequence[str]
    header: bool = True
    named: int = 0

    @cached_property
    def texts(self) -> pd.DataFrame:
        """Cells without their quotes."""
        return pd.DataFrame({name: [unquoted(cell) for cell in self.raw[name].tolist()] for name in self.raw})

    def file(self, raw: pd.DataFrame) -> bytes:
        """Return the file with other cells, and columns that are new behind the others, as bytes."""
        rows = zip(*(raw[name].tolist() for name in raw), strict=True)
        lines = [self.separator.join(row) + end for row, end in zip(rows, self.ends, strict=True)]
        new = [self.separator + self.quoted(str(name), "") for name in raw if name not in self.raw]
        names = "".join(new) if self.header else ""
        head = self.head[: self.named] + names + self.head[self.named :]
        return (head + "".join(lines)).encode(self.encoding)

    def quoted(self, text: str, like: str) -> str:
        """Return a cell for a text: in quotes where it needs them, or where the cell `like` has them."""
        if like.startswith('"') or any(each in text for each in (self.separator, '"', "\n", "\r")):
            return '"' + text.replace('"', '""') + '"'
        return text


def unquoted(cell: str) -> str:
    """Return what a cell says: without quotes, of which two within them stand for one."""
    inside, quote, behind = cell[1:].rpartition('"')
    return inside.replace('""', '"') + behind if cell.startswith('"') and quote else cell


def read_csv_text(
    path: Path, typed: argparse.Namespace, missing: Collection[str], place: Callable[[int], str] = row_name
) -> CsvText:
    """Read a CSV file as text.

    Arguments:
        path: CSV file; gzip by its name's end.
        typed: Options of `parsers.add_reading`.
        missing: Texts that stand for a missing value.
        place: Function that words where a row stands, from its number.

    Raises:
        DataError: it's no such file; the message has the line, and the option that may help.
        ParameterError: an option isn't accepted.
    """
    text, encoding = decoded(path, typed.encoding)
    separator, comment = _separator(text, typed), typed.comment
    head, rows, ends = _rows(text, separator, comment)
    if not rows:
        raise DataError(f"{path}: has no rows")
    rows, ends = _without_trailing_separators(rows, ends, separator, typed.no_header)
    names, named = _names(rows, typed.no_header), 0
    if not typed.no_header:
        _check_header(path, names, comment)
        head += separator.join(rows[0])
        named = len(head)
        head, rows, ends = head + ends[0], rows[1:], ends[1:]
        if rows and all(len(row) == len(names) + 1 for row in rows):
            # As R writes them: the names of rows have no name.
            names = ["", *names]
    for number, row in enumerate(rows):
        if len(row) != len(names):
            like = "the first row" if typed.no_header else "the header"
            raise DataError(
                f"{path}: {place(number)} has {len(row)} cells; accepted: {len(names)}, as {like} with "
                f"separator {separator!r}{_hint(names, comment)}"
            )
        for cell in row:
            if cell.startswith('"') and (len(cell) == 1 or cell.count('"') % 2):
                raise DataError(f"{path}: {place(number)}: a quote that is opened there isn't closed")
    if not rows:
        raise DataError(f"{path}: has a header and no rows")
    raw = pd.DataFrame(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)), dtype=object)
    found = CsvText(separator, typed.decimal or ".", encoding, head, raw, ends, not typed.no_header, named)
    # In a file with commas only quotes hold one within a cell.
    some = typed.decimal is None and (separator != "," or '"' in text)
    if some and decimal_commas(found.texts, missing, sure=separator == ";"):
        return replace(found, decimal=",")
    return found


def _without_trailing_separators(
    rows: list[list[str]], ends: list[str], separator: str, no_header: bool
) -> tuple[list[list[str]], list[str]]:
    """Take empty last cells without a name, which separators at ends of rows make, to the ends of lines."""
    while True:
        width, below = len(rows[0]), rows[1:] if len(rows) > 1 else rows
        named = not no_header and bool(rows[0][-1].strip())
        behind = all(len(row) == width + named and row[-1].strip() in ("", '""') for row in below)
        if not behind or width + named < 2 or (not named and rows[0][-1].strip() not in ("", '""')):
            return rows, ends
        cut = rows[named:]
        ends = ends[:named] + [separator + row[-1] + end for row, end in zip(cut, ends[named:], strict=True)]
        rows = rows[:named] + [row[:-1] for row in cut]


def csv_names(path: Path, typed: argparse.Namespace) -> list[str]:
    """Read the names of a CSV file's columns, of a large one from its head."""
    with path.open("rb") as file:
        head = file.read(_WITH_HEADER)
    if typed.encoding or path.suffix.lower() == ".gz" or b"\0" in head or len(head) < _WITH_HEADER:
        text, _ = decoded(path, typed.encoding)
    else:
        text = head[: head.rfind(b"\n") + 1].decode("utf-8-sig", errors="replace")
    _, rows, _ = _rows(text[:_WITH_HEADER], _separator(text, typed), typed.comment)
    return [name for name in _names(rows, typed.no_header) if name]


def _separator(text: str, typed: argparse.Namespace) -> str:
    separator: str | None = typed.separator
    if separator is not None and (len(separator.replace("\\t", "\t")) != 1 or separator in '\r\n"'):
        raise DataError(f"--separator: found {separator!r}; accepted: one character, no quote or line end")
    return (separator or find_separator(text, typed.comment)).replace("\\t", "\t")


def _names(rows: Sequence[Sequence[str]], no_header: bool) -> list[str]:
    """Return the columns' names: the cells of the first row, or where that is data, numbers from 1."""
    first = rows[0] if rows else []
    return numbered(len(first)) if no_header else [unquoted(name).strip(_BLANKS) for name in first]


def numbered(width: int) -> list[str]:
    """Name columns that have no header: 1, 2 and so on."""
    return [str(number) for number in range(1, width + 1)]


def _rows(text: str, separator: str, comment: str | None) -> tuple[str, list[list[str]], list[str]]:
    """Cut a text into what stands before the first row, the rows' cells, and what follows each row."""
    lead = sep_line(text)
    text = text[len(lead) :]
    body = text.rstrip("\r\n\x1a")
    mark = re.escape(separator)
    # A lone \r ends lines where no \n does.
    end, other = ("\r\n|\n", f"[^{mark}\r\n]|\r(?!\n)") if "\n" in body else ("\r", f"[^{mark}\r]")
    cell = f'((?:"(?:[^"]|"")*")(?:{other})*|(?:{other})*)({mark}|{end}|\\Z)'
    found = re.findall(cell, body)
    if len(found) > 1 and found[-2][1] == "":
        del found[-1]  # an empty match behind the last cell
    rows: list[list[str]] = []
    ends: list[str] = []
    head, row = lead, []
    for cells, after in found:
        row.append(cells)
        if after == separator:
            continue
        blank = row == [""] and (not rows or len(rows[0]) > 1)
        if blank or (comment and row[0].startswith(comment)):
            skipped = separator.join(row) + after
            head, ends = (head, [*ends[:-1], ends[-1] + skipped]) if ends else (head + skipped, ends)
        else:
            rows.append(row)
            ends.append(after)
        row = []
    if rows:
        ends[-1] += text[len(body) :]
    return head, rows, ends


def _check_header(path: Path, names: Sequence[str], comment: str | None) -> None:
    try:
        check_names(path, names)
    except DataError as error:
        raise DataError(f"{error}{_hint(names, comment)}") from None


def _hint(header: Sequence[str], comment: str | None) -> str:
    """Word what a first line that looks like a comment asks for."""
    for mark in _COMMENTS:
        if not comment and header and header[0].startswith(mark):
            return f". The first line begins with {mark}: if it's a comment, say --comment '{mark}'"
    if any(re.fullmatch(NUMBER, as_number(name, ".")) for name in header):
        return ". If the first row is data, say --no-header"
    return ""


def like_data(texts: pd.DataFrame) -> str:
    """Word what a header asks for that looks like data: numbers, and what its columns hold; else nothing."""
    named = [str(name) for name in texts if name]
    numbers = [name for name in named if re.fullmatch(NUMBER, as_number(name, "."))]
    others = (name in texts[name].to_numpy() for name in named if name not in numbers)
    if len(named) > 1 and numbers and all(others):
        shown = f"{', '.join(named[:3])}{', …' * (len(named) > 3)}"
        return f"the header looks like data ({shown}): if it's data, say --no-header"
    return ""


def check_names(path: Path, names: Sequence[str]) -> None:
    """Raise `DataError` unless columns have different names; only the first may have none."""
    for place, name in enumerate(names):
        if name in names[:place]:
            called = repr(name) if name else "nothing"
            raise DataError(f"{path}: two columns are called {called}; accepted: different names")
        if not name and place:
            raise DataError(f"{path}: column {place + 1} has no name")
