"""Excel workbooks that are written: the one that was read with other cells filled, or a new one.

Of a workbook that was read all files stay byte for byte but the sheet's, in which cells are put in their
places: other sheets, formats, pictures and formulas with their results are as they were. Where there are
formulas, a spreadsheet program is asked to calculate them anew when it opens the file.
"""

from __future__ import annotations

import datetime as dt
import io
import math
import re
import shutil
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from notmiwae.cli.number_text import Affixes
from notmiwae.cli.sheet_xml import MOST_COLUMNS, MOST_ROWS, Value, filled
from notmiwae.cli.workbook import Sheet, as_text, broken_is_an_error
from notmiwae.errors import DataError
from notmiwae.estimators.interval_text import write_interval

if TYPE_CHECKING:
    from notmiwae.cli.table_input import Table

_LONGEST_TEXT = 32_767
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_EXACT = 10**15
"""Whole numbers from which on Excel's aren't exact."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time that new workbooks' files have: the same table gives the same bytes."""
_CHAIN = "xl/calcChain.xml"
"""The order in which cells with formulas are calculated; a program that finds none makes its own."""


def changed_cells(frame: pd.DataFrame, like: Table) -> dict[tuple[int, int], Value]:
    """Return what is imputed, newly missing (None) or new, by row and column of the sheet that was read.

    Arguments:
        frame: The table with other cells completed, or some missing, and new columns behind the others.
        like: The table as it was read.
    """
    assert like.sheet
    found: dict[tuple[int, int], Value] = {}
    last = max(like.sheet.columns.values())
    for name in map(str, frame):
        if name in like.carried:
            continue
        if name not in like.sheet.columns:
            last += 1
            places = [*([like.sheet.header] if like.sheet.header else []), *like.sheet.rows]
            cells = [*([name] if like.sheet.header else []), *frame[name].tolist()]
            found |= {(row, last): cell for row, cell in zip(places, cells, strict=True) if cell is not None}
            continue
        column, cells = frame[name], like.sheet.cells[name]
        missing, before = column.isna().to_numpy(), like.frame[name].isna().to_numpy()
        seen = [cells[row] for row in np.flatnonzero(~before)]
        as_texts = bool(seen) and all(isinstance(cell, str) for cell in seen)
        # A category's text stands for the number or truth value that the cells hold.
        by_text = {as_text(cell): cell for cell in reversed(seen)} if not as_texts else {}
        around = like.affixes.get(name, Affixes())
        for row in np.flatnonzero(missing != before).tolist():
            value = None if missing[row] else _plain(column.iloc[row])
            if value is not None and as_texts and not isinstance(value, str):
                value = f"{around.before}{as_text(value)}{around.behind}"
            elif isinstance(value, str):
                value = by_text.get(value, value)
            found[like.sheet.rows[row], like.sheet.columns[name]] = value
        for row, interval in intervals_in(column).items():
            found[like.sheet.rows[row], like.sheet.columns[name]] = write_interval(interval)
    return found


def intervals_in(column: pd.Series) -> dict[int, pd.Interval]:
    """Find the cells of a column that say between which ends they lie, by row."""
    if column.dtype != object:
        return {}
    return {row: cell for row, cell in enumerate(column.tolist()) if isinstance(cell, pd.Interval)}


def in_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Write cells that say between which ends they lie as texts."""
    written = frame.copy(deep=False)
    for name in frame:
        found = intervals_in(frame[name])
        if found:
            cells = frame[name].tolist()
            for row, interval in found.items():
                cells[row] = write_interval(interval)
            written[name] = pd.Series(cells, index=frame.index, dtype=object)
    return written


def fill(sheet: Sheet, values: Mapping[tuple[int, int], Value], to: Path) -> None:
    """Write the workbook that was read with other values in some cells of the sheet.

    Raises:
        DataError: a cell can't be filled, or the workbook isn't there any more.
    """
    if not values:
        shutil.copyfile(sheet.path, to)
        return
    first_seen = {
        number: sheet.rows[next((row for row, cell in enumerate(sheet.cells[name]) if cell is not None), 0)]
        for name, number in sheet.columns.items()
    }
    with broken_is_an_error(sheet.path), zipfile.ZipFile(sheet.path) as archive:
        try:
            changed = {sheet.part: filled(archive.read(sheet.part), values, first_seen)}
        except DataError as error:
            raise DataError(f"{sheet.path}: sheet {sheet.name!r}: {error}") from None
        names = archive.namelist()
        if values.keys() & sheet.scanned.formulas.keys() and _CHAIN in names:
            names.remove(_CHAIN)
            for part in ("[Content_Types].xml", "xl/_rels/workbook.xml.rels"):
                changed[part] = re.sub(
                    rb"<[\w:]*(Override|Relationship)\b[^>]*calcChain[^>]*/>", b"", archive.read(part)
                )
        book = "xl/workbook.xml"
        if book in names and any(
            re.search(rb"<(\w+:)?f[\s/>]", archive.read(name))
            for name in names
            if "/worksheets/sheet" in name
        ):
            changed[book] = _calculated_anew(archive.read(book))
        with zipfile.ZipFile(to, "w") as written:
            for name in names:
                entry = archive.getinfo(name)
                written.writestr(entry, changed.get(name) or archive.read(name), entry.compress_type)


def _calculated_anew(book: bytes) -> bytes:
    """Ask for the calculation of all formulas when the workbook is opened."""
    asked = b' fullCalcOnLoad="1"'
    there = re.search(rb"<(\w+:)?calcPr\b", book)
    if there:
        end = book.index(b">", there.end())
        attributes = re.sub(rb'\s+fullCalcOnLoad="\w*"', b"", book[there.end() : end])
        return book[: there.end()] + asked + attributes + book[end:]
    last = list(re.finditer(rb"</(\w+:)?(sheets|functionGroups|externalReferences|definedNames)>", book))[-1]
    return book[: last.end()] + b"<" + (last[1] or b"") + b"calcPr" + asked + b"/>" + book[last.end() :]


def check_sheet_room(path: Path, frame: pd.DataFrame, copies: int = 1, more_columns: int = 0) -> None:
    """Raise `DataError` if a table doesn't fit into a new workbook.

    Arguments:
        path: The workbook.
        frame: The table.
        copies: How often its rows stand below each other.
        more_columns: Number of columns beside its own.
    """
    rows, columns = 1 + copies * len(frame), frame.shape[1] + more_columns
    if rows > MOST_ROWS or columns > MOST_COLUMNS:
        raise DataError(
            f"{path}: {rows:,} rows and {columns:,} columns; a sheet has room for {MOST_ROWS:,} and "
            f"{MOST_COLUMNS:,}; accepted: .csv or .parquet"
        )
    for name in frame:
        texts = [
            (row, text) for row, text in enumerate([name, *frame[name].tolist()]) if isinstance(text, str)
        ]
        for row, text in texts:
            wrong = _ILLEGAL.search(text)
            if wrong or len(text) > _LONGEST_TEXT:
                what = f"holds the character {wrong[0]!r}" if wrong else f"has {len(text):,} characters"
                raise DataError(
                    f"{path}: column {name!r}: the text in row {row} {what}; accepted in a workbook: "
                    f"{_LONGEST_TEXT:,} characters at most, none of them a control character"
                )


def new_workbook(path: Path, frame: pd.DataFrame, header: bool, to: Path) -> None:
    """Write a workbook with one sheet.

    Arguments:
        path: Name that the workbook will have.
        frame: The table.
        header: Whether the names of columns stand above it.
        to: File that is written.

    Raises:
        DataError: the table doesn't fit.
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    check_sheet_room(path, frame)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")

    def cell(value: Any) -> Any:
        kept = _plain(value)
        if not isinstance(kept, str):
            return kept
        # What begins with = is a text, not a formula that somebody's table smuggles in.
        made = WriteOnlyCell(sheet, value="")
        made.value, made.data_type = kept, "s"
        return made

    if header:
        sheet.append([cell(str(name)) for name in frame])
    for row in zip(*(frame[name].tolist() for name in frame), strict=True):
        sheet.append(list(map(cell, row)))
    content = io.BytesIO()
    book.save(content)
    with zipfile.ZipFile(content) as made, zipfile.ZipFile(to, "w") as written:
        for entry in made.infolist():
            part = made.read(entry)
            if entry.filename == "docProps/core.xml":
                part = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2000-01-01T00:00:00Z", part)
            written.writestr(zipfile.ZipInfo(entry.filename, _EPOCH), part, zipfile.ZIP_DEFLATED)


def _plain(value: Any) -> Any:
    """Return a value as a cell may hold it."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bool | str | Decimal):
        return value
    if isinstance(value, int):
        return value if abs(value) < _EXACT else str(value)
    if isinstance(value, pd.Timestamp):
        return value.isoformat() if value.tz else value.to_pydatetime(warn=False)
    if isinstance(value, dt.datetime | dt.date | dt.time | dt.timedelta):
        return value
    return str(value)
