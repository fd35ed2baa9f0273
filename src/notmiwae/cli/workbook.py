"""Excel workbooks (`.xlsx`): the table in a sheet, with what writing it again needs to know.

A workbook is a zip archive of XML. One that anybody may have made is opened with care: of limited size when
it's unpacked, without document types, and so without entities. openpyxl reads the cells; where a formula
stands, it has the value that was last calculated.
"""

from __future__ import annotations

import posixpath
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

import pandas as pd

from notmiwae.cli.csv_text import check_names, numbered
from notmiwae.cli.options import INSTALL
from notmiwae.cli.sheet_xml import SheetScan, cell_name, scan
from notmiwae.errors import DataError, NotMIWAEError, ParameterError, flat

_LARGEST = 2**28
"""Bytes of a workbook, unpacked, at most."""
_MOST_CELLS = 2**25
"""Cells of a table in a workbook, at most: empty ones take no room in the file, but in memory."""
_OLD = b"\xd0\xcf\x11\xe0"
"""How workbooks of Excel's old format begin, and those that it has encrypted."""
_BROKEN = (
    *(
        zipfile.BadZipFile,
        zlib.error,
        expat.ExpatError,
        ElementTree.ParseError,
        struct.error,
        OSError,
        EOFError,
    ),
    *(ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, RuntimeError),
)
"""What zipfile, XML and openpyxl raise of bytes that are none of theirs."""


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook as it came.

    Attributes:
        path: Path of the workbook.
        name: Name of the sheet.
        others: Names of the workbook's other sheets.
        part: Name of the sheet's file within the workbook.
        header: Number of the row with the columns' names, from 1; 0: they are called 1, 2 and so on.
        columns: Number of each column in the sheet, from 1, by name.
        rows: Number of each row in the sheet, from 1.
        cells: Values of each column; None where a cell is empty.
        passed_over: Numbers of the empty rows between the others.
        scanned: Formulas and merged cells of the sheet.
    """

    path: Path
    name: str
    others: tuple[str, ...]
    part: str
    header: int
    columns: dict[str, int]
    rows: list[int]
    cells: dict[str, list[Any]]
    passed_over: list[int]
    scanned: SheetScan

    @cached_property
    def texts(self) -> pd.DataFrame:
        """Cells as texts: numbers as Python writes them, dates as ISO 8601 does, nothing for none."""
        texts = {name: list(map(as_text, cells)) for name, cells in self.cells.items()}
        return pd.DataFrame(texts, dtype=object)

    def cell(self, column: str, number: int) -> str:
        """Name a cell as B7, from its column and the number of its row in the table, from 0."""
        return cell_name(self.rows[number], self.columns[column])


def as_text(value: Any) -> str:
    """Write a cell's value as a text."""
    if value is None or isinstance(value, str):
        return value or ""
    return str(value).upper() if isinstance(value, bool) else str(value).removesuffix(" 00:00:00")


def read_sheet(path: Path, sheet: str | None, no_header: bool, names_only: bool = False) -> Sheet:
    """Read a sheet: its first row with anything in it has the names of columns; empty rows are passed over.

    Arguments:
        path: Workbook.
        sheet: Name of the sheet; None: the first.
        no_header: Whether its first row is data.
        names_only: Whether its first rows are enough.

    Raises:
        DataError: it's no workbook, or the sheet holds no table.
        ParameterError: there is no sheet of that name.
    """
    try:
        import openpyxl
    except ImportError:
        raise DataError(f"{path}: Excel workbooks need openpyxl, which isn't installed: {INSTALL}") from None
    with broken_is_an_error(path), warnings.catch_warnings():
        # Of what openpyxl wouldn't write again: it writes nothing.
        warnings.simplefilter("ignore")
        parts = _open_with_care(path)
        name = _chosen(path, sheet, list(parts))
        with zipfile.ZipFile(path) as archive:
            scanned = scan(archive.read(parts[name]))
        rows = _Rows(f"{path}: sheet {name!r}", no_header)
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
            book[name].reset_dimensions()  # what a file says of them may be wrong
            for number, values in enumerate(book[name].iter_rows(values_only=True), 1):
                rows.add(number, values)
                if names_only and len(rows.found) > 1:
                    break
    names = rows.names()
    if not rows.found and not names_only:
        raise DataError(f"{rows.where} has a header and no rows")
    rows.check_merged(scanned)
    columns = {each: place + 1 for place, each in names.items()}
    cells = {each: rows.column(place) for place, each in names.items()}
    others = tuple(each for each in parts if each != name)
    numbers, header = list(rows.found), 0 if no_header else rows.header_at
    return Sheet(
        path, name, others, parts[name], header, columns, numbers, cells, rows.passed_over(), scanned
    )


@dataclass
class _Rows:
    """The rows of a sheet, as they are read."""

    where: str
    no_header: bool
    header: tuple[Any, ...] = ()
    header_at: int = 0
    found: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    width: int = 0
    gaps: list[int] = field(default_factory=list)

    def add(self, number: int, values: tuple[Any, ...]) -> None:
        """Take a row; raise `DataError` where it's wider than the header, or the table too large."""
        width = len(values)
        while width and values[width - 1] in (None, ""):
            width -= 1
        if not width:
            if self.header and self.width == 1:
                self.gaps.append(number)
            return
        if not self.header_at:
            self.header_at = number
            if not self.no_header:
                self.header, self.width = values[:width], width
                return
        if width > self.width and not self.no_header:
            last, found = cell_name(self.header_at, self.width), as_text(values[width - 1])[:40]
            raise DataError(
                f"{self.where}: cell {cell_name(number, width)} holds {found!r}, and the header, the first "
                f"row, ends in {last}; accepted: a name above each value, and no title above the names"
            )
        # Of a single column an empty cell is a gap, if another value follows.
        self.found |= dict.fromkeys(self.gaps, ())
        self.gaps = []
        self.found[number] = values[:width]
        self.width = max(self.width, width)
        if len(self.found) * self.width > _MOST_CELLS:
            raise DataError(f"{self.where}: more than {_MOST_CELLS:,} cells; accepted: CSV or Parquet")

    def names(self) -> dict[int, str]:
        """Return the names of columns by their places; those with neither name nor value are left out."""
        if not self.header_at:
            raise DataError(f"{self.where} is empty")
        if self.no_header:
            return dict(enumerate(numbered(self.width)))
        texts = [as_text(value).strip() for value in self.header]
        used = [place for place, text in enumerate(texts) if text or any(map(_is_there, self.column(place)))]
        check_names(Path(self.where), [texts[place] for place in used])
        return {place: texts[place] for place in used}

    def column(self, place: int) -> list[Any]:
        """List the values of a column."""
        return [values[place] if place < len(values) else None for values in self.found.values()]

    def passed_over(self) -> list[int]:
        """List the empty rows between the others."""
        there = self.found.keys() | {self.header_at}
        return [number for number in range(self.header_at, max(there)) if number not in there]

    def check_merged(self, scanned: SheetScan) -> None:
        """Raise `DataError` at merged cells in the table: what they say of each cell nobody knows."""
        last = max([self.header_at, *self.found])
        for top, left, bottom, right in scanned.merged:
            if top <= last and bottom >= self.header_at and left <= self.width and right > 0:
                area = f"{cell_name(top, left)}:{cell_name(bottom, right)}"
                raise DataError(
                    f"{self.where}: cells {area} are merged; accepted: a cell for each value (unmerge them)"
                )


def _is_there(value: Any) -> bool:
    return value not in (None, "")


@contextmanager
def broken_is_an_error(path: Path) -> Iterator[None]:
    """Raise what is wrong with a workbook as a `DataError` of one line."""
    try:
        yield
    except NotMIWAEError:
        raise
    except _BROKEN as error:
        raise DataError(f"{path}: is no Excel workbook that can be read: {flat(error, 200)}") from None


def _open_with_care(path: Path) -> dict[str, str]:
    """Check a workbook before anything is unpacked; return the files of its sheets, by their names."""
    with path.open("rb") as file:
        if file.read(4) == _OLD:
            accepted = "accepted: .xlsx without a password"
            raise DataError(f"{path}: is encrypted, or a workbook of Excel's old format; {accepted}")
    with zipfile.ZipFile(path) as archive:
        size = sum(each.file_size for each in archive.infolist())
        if size > _LARGEST:
            raise DataError(
                f"{path}: takes {size / 2**20:,.0f} MiB when it's unpacked; accepted: {_LARGEST / 2**20:.0f} "
                "at most, or CSV or Parquet, which are read in pieces"
            )
        for each in archive.infolist():
            if each.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise DataError(f"{path}: its {each.filename!r} is compressed as no workbook is")
            if each.filename.lower().endswith((".xml", ".rels", ".vml")):
                _check_type(path, each.filename, archive)
        return _sheet_parts(archive)


def _check_type(path: Path, name: str, archive: zipfile.ZipFile) -> None:
    """Raise `DataError` if a file of XML has a document type: only there are entities defined."""
    begun: list[Any] = []

    def refuse(*_: Any) -> None:
        raise DataError(f"{path}: its {name!r} has a document type, as no workbook has")

    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda tag, attributes: begun.append(tag)
    parser.StartDoctypeDeclHandler = refuse
    with archive.open(name) as file:
        while not begun and (content := file.read(2**16)):
            parser.Parse(content)


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the files of a workbook's sheets of cells, by the sheets' names."""

    def related(part: str) -> dict[str, tuple[str, str]]:
        folder, file = posixpath.split(part)
        root = ElementTree.fromstring(archive.read(posixpath.join(folder, "_rels", f"{file}.rels")))
        return {
            each.attrib["Id"]: (
                each.attrib["Type"].rpartition("/")[2],
                posixpath.normpath(posixpath.join("/", folder, each.attrib["Target"])).lstrip("/"),
            )
            for each in root
        }

    book = [target for kind, target in related("").values() if kind == "officeDocument"][0]  # noqa: RUF015
    targets = related(book)
    found = {}
    for each in ElementTree.fromstring(archive.read(book)).iter():
        if each.tag.endswith("}sheet"):
            relations = [text for name, text in each.attrib.items() if name.endswith("}id")]
            kind, target = targets[relations[0]]
            if kind == "worksheet":
                found[each.attrib["name"]] = target
    return found


def _chosen(path: Path, sheet: str | None, names: list[str]) -> str:
    """Return the name of the sheet that was asked for."""
    if not names:
        raise DataError(f"{path}: has no sheet of cells")
    if sheet is None:
        return names[0]
    if sheet in names:
        return sheet
    from notmiwae.specs import suggest

    raise ParameterError(f"--sheet: no sheet {sheet!r} in {path}{suggest(sheet, names, 12)}")
