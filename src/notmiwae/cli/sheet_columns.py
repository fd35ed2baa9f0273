"""Columns of an Excel sheet: truth values and dates are so, all else is read as the same text of CSV."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from notmiwae.cli.column_text import Columns, understand
from notmiwae.cli.csv_text import like_data
from notmiwae.cli.sheet_xml import cell_name
from notmiwae.cli.table_input import Table
from notmiwae.cli.workbook import Sheet, as_text, read_sheet
from notmiwae.errors import DataError
from notmiwae.files import MISSING

ERRORS = frozenset(
    {
        *(
            "#N/A",
            "#NULL!",
            "#DIV/0!",
            "#VALUE!",
            "#REF!",
            "#NAME?",
            "#NUM!",
            "#GETTING_DATA",
            "#SPILL!",
            "#CALC!",
        ),
        *("#FIELD!", "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#PYTHON!", "#EXTERNAL!"),
    }
)
"""What cells hold whose formulas have no result."""
_DATES = (dt.datetime, dt.date, dt.time, dt.timedelta)


def read_table(
    path: Path, typed: argparse.Namespace, kinds: Mapping[str, str], carried: Sequence[str]
) -> Table:
    """Read the table in a sheet of a workbook.

    Arguments:
        path: Workbook.
        typed: Options of `parsers.add_reading`.
        kinds: Kinds of columns that the user named.
        carried: Names of columns that are carried along.

    Raises:
        DataError: it holds no table, or a value is none of its column's; the message has the cell.
    """
    sheet = read_sheet(path, typed.sheet, typed.no_header)
    found = Columns(carried=[*carried, *[name for name in sheet.cells if name == ""]])
    if sheet.others and typed.sheet is None:
        found.notices.append(
            f"sheet {sheet.name!r} was read, the first of {1 + len(sheet.others)} (--sheet NAME)"
        )
    if sheet.passed_over:
        more = f" and {len(sheet.passed_over) - 1} more" if len(sheet.passed_over) > 1 else ""
        found.notices.append(
            f"row {sheet.passed_over[0]}{more} of sheet {sheet.name!r}: empty, and passed over"
        )
    if sheet.header:
        found.notices += filter(None, [like_data(sheet.texts)])
    for name, cells in sheet.cells.items():
        _understand(found, sheet, name, cells, typed.na, kinds)
    frame = pd.DataFrame(found.frame)
    once = tuple(dict.fromkeys(found.carried))
    return Table(
        path,
        frame,
        once,
        sheet=sheet,
        affixes=found.affixes,
        intervals=found.intervals,
        notices=tuple(found.notices),
    )


def _understand(
    found: Columns,
    sheet: Sheet,
    name: str,
    cells: list[Any],
    markers: Sequence[str],
    kinds: Mapping[str, str],
) -> None:
    """Add a column to those that were found."""
    values = [None if cell in ERRORS or str(cell).strip() in (*MISSING, *markers) else cell for cell in cells]
    seen = [value for value in values if value is not None]
    dates = [value for value in seen if isinstance(value, _DATES)]
    if name not in found.carried and 2 * len(dates) > len(seen):
        found.carried.append(name)
        found.notices.append(
            f"{name}: holds dates, as {as_text(dates[0])}, which aren't modelled; it's carried along"
        )
    if name in found.carried:
        found.frame[name] = _as_it_came(cells)
        return
    _say_formulas(found, sheet, name, values)
    if seen and all(isinstance(value, bool) for value in seen) and name not in kinds:
        found.frame[name] = pd.Series(values, dtype="boolean")
        return
    texts = pd.Series(["" if value is None else as_text(value) for value in values], name=name, dtype=object)
    understand(
        found,
        Path(f"{sheet.path}: sheet {sheet.name!r}"),
        texts,
        ".",
        markers,
        kinds,
        lambda number: f"cell {sheet.cell(name, number)}",
    )


def _as_it_came(cells: list[Any]) -> pd.Series:
    """Return a column that is carried along: dates as pandas has them, or what the cells hold."""
    seen = [cell for cell in cells if cell is not None]
    if seen and all(isinstance(cell, dt.datetime) for cell in seen):
        try:
            return pd.Series(pd.to_datetime(pd.Series(cells, dtype=object)))
        except (ValueError, OverflowError):
            pass  # a year that pandas doesn't know
    if all(isinstance(cell, str) for cell in seen):
        return pd.Series(cells, dtype=object)
    return pd.Series([None if cell is None else as_text(cell) for cell in cells], dtype=object)


def _say_formulas(found: Columns, sheet: Sheet, name: str, values: list[Any]) -> None:
    """Note that values are the results of formulas; raise `DataError` if they were never calculated.

    A formula without a result is a gap, which is filled; where it stands for other cells, too, it can't be.
    """
    column = sheet.columns[name]
    there = [sheet.scanned.formulas.get((row, column)) for row in sheet.rows]
    formulas = [(cell, value) for cell, value in zip(there, values, strict=True) if cell]
    if not formulas:
        return
    for cell, value in formulas:
        if cell.calculated and not (value is None and cell.anchor):
            continue
        what = "a formula that was never calculated"
        accepted = "a workbook that a spreadsheet program has saved"
        if cell.calculated:
            what, accepted = "the formula of other cells, too, and no result", "a value in its place"
        where = f"{sheet.path}: sheet {sheet.name!r}: column {name!r}: cell {cell_name(cell.row, column)}"
        raise DataError(f"{where} holds {what}; accepted: {accepted}, or --ignore {name}")
    empty = sum(value is None for _, value in formulas)
    first = cell_name(formulas[0][0].row, column)
    notice = f"{name}: {len(formulas)} of its cells hold formulas, from {first} on"
    filled = f"; {empty} of them have no result, and are missing" if empty else ""
    found.notices.append(f"{notice}; their values are those that were last calculated{filled}")
