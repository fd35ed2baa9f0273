"""The XML of a sheet: where its cells stand, which hold formulas, and the same with other cells filled."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape

from notmiwae.errors import DataError

MOST_ROWS, MOST_COLUMNS = 2**20, 2**14
"""What a sheet has room for."""
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML can't hold."""

Value = bool | int | float | str | None
Area = tuple[int, int, int, int]


@dataclass
class Cell:
    """A cell as it stands in the XML.

    Attributes:
        row: Number of its row, from 1.
        column: Number of its column, from 1.
        start: Place of its first byte.
        style: Number of its style; None: the sheet's own.
        formula: Whether it holds a formula.
        anchor: Whether the formulas of other cells stand there, too.
        calculated: Whether its formula has a result.
    """

    row: int
    column: int
    start: int
    style: str | None = None
    formula: bool = False
    anchor: bool = False
    calculated: bool = False


@dataclass
class SheetScan:
    """What a sheet holds beside values.

    Attributes:
        formulas: Cells with formulas, by row and column.
        merged: Areas of merged cells: first row and column, last row and column.
    """

    formulas: dict[tuple[int, int], Cell] = field(default_factory=dict)
    merged: list[Area] = field(default_factory=list)


@dataclass
class _Walk:
    """A walk through a sheet, cell by cell."""

    xml: bytes
    on_cell: Callable[[Cell, int], None]
    on_row: Callable[[int, int], None] = lambda row, start: None
    on_row_end: Callable[[int, int, int], None] = lambda row, start, end: None
    merged: list[Area] = field(default_factory=list)
    row: int = 0
    row_start: int = 0
    column: int = 0
    inside: bool = False
    cell: Cell | None = None

    def run(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.Parse(self.xml, True)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "sheetData":
            self.inside = True
        elif name == "mergeCell":
            first, _, last = attributes["ref"].partition(":")
            self.merged.append((*place(first), *place(last or first)))
        elif not self.inside:
            return
        elif name == "row":
            self.row, self.column = int(attributes.get("r", self.row + 1)), 0
            _check(self.row, 1)
            self.row_start = self.parser.CurrentByteIndex
            self.on_row(self.row, self.row_start)
        elif name == "c":
            reference = attributes.get("r")
            self.row, self.column = place(reference) if reference else (self.row, self.column + 1)
            _check(self.row, self.column)
            self.cell = Cell(self.row, self.column, self.parser.CurrentByteIndex, attributes.get("s"))
            # An empty text is a result, too.
            self.cell.calculated = attributes.get("t") == "str"
        elif self.cell is not None and name == "f":
            self.cell.formula = True
            kind = attributes.get("t")
            self.cell.anchor = kind in ("array", "dataTable") or (kind == "shared" and "ref" in attributes)
        elif self.cell is not None and name == "v":
            self.parser.CharacterDataHandler = self.text

    def text(self, text: str) -> None:
        if self.cell is not None and text.strip():
            self.cell.calculated = True

    def end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        self.parser.CharacterDataHandler = None
        if name == "c" and self.cell is not None:
            self.on_cell(self.cell, self._behind())
            self.cell = None
        elif name == "sheetData":
            self.inside = False
        elif name == "row" and self.inside:
            self.on_row_end(self.row, self.row_start, self.parser.CurrentByteIndex)

    def _behind(self) -> int:
        """Return the place behind the element that ends; expat names its end tag, or that if it's empty."""
        at = self.parser.CurrentByteIndex
        return self.xml.index(b">", at) + 1 if self.xml.startswith(b"</", at) else at


def place(reference: str) -> tuple[int, int]:
    """Return the numbers of row and column of a cell that is named as B7; $ before either is passed over."""
    parts = _REFERENCE.fullmatch(reference.replace("$", ""))
    if not parts:
        raise ValueError(f"a cell is called {reference[:20]!r}")
    column = 0
    for letter in parts[1]:
        column = 26 * column + ord(letter) - ord("A") + 1
    return int(parts[2]), column


def cell_name(row: int, column: int) -> str:
    """Name a cell as B7 from the numbers of its row and column."""
    return f"{letters(column)}{row}"


def letters(column: int) -> str:
    """Name a column as people see it above a sheet."""
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def _check(row: int, column: int) -> None:
    if not (0 < row <= MOST_ROWS and 0 < column <= MOST_COLUMNS):
        raise ValueError(f"a cell in row {row} and column {column}; accepted: {MOST_ROWS} and {MOST_COLUMNS}")


def scan(xml: bytes) -> SheetScan:
    """Find the formulas and merged cells of a sheet.

    Raises:
        ExpatError, ValueError: it's no sheet.
    """
    found = SheetScan()

    def keep(cell: Cell, end: int) -> None:
        if cell.formula:
            found.formulas[cell.row, cell.column] = cell

    _Walk(xml, keep, merged=found.merged).run()
    return found


def filled(xml: bytes, values: Mapping[tuple[int, int], Value], like: Mapping[int, int]) -> bytes:
    """Return a sheet with other values in some cells; everything else stays, byte for byte.

    Arguments:
        xml: The sheet.
        values: Values by row and column; None: nothing. None stands below the sheet's last row.
        like: Row of the cell, by column, whose style a cell gets that isn't there yet.

    Raises:
        DataError: a cell holds the formulas of others.
    """
    by_row: dict[int, dict[int, Value]] = {}
    for (row, column), value in values.items():
        by_row.setdefault(row, {})[column] = value
    wanted = {(row, column) for column, row in like.items()}
    styles: dict[int, str | None] = {}

    def find_style(cell: Cell, end: int) -> None:
        if (cell.row, cell.column) in wanted:
            styles[cell.column] = cell.style

    _Walk(xml, find_style).run()
    pieces: list[bytes] = []
    done = 0

    def put(start: int, end: int, text: str) -> None:
        nonlocal done
        pieces.extend((xml[done:start], text.encode()))
        done = end

    def new(row: int, column: int) -> str:
        return element(row, column, by_row[row].pop(column), styles.get(column))

    def on_cell(cell: Cell, end: int) -> None:
        waiting = by_row.get(cell.row, {})
        before = "".join(new(cell.row, column) for column in sorted(waiting) if column < cell.column)
        if cell.column in waiting:
            if cell.anchor:
                raise DataError(
                    f"cell {cell_name(cell.row, cell.column)} holds the formula of other cells, too"
                )
            style = cell.style if cell.style not in (None, "0") else styles.get(cell.column)
            put(cell.start, end, before + element(cell.row, cell.column, waiting.pop(cell.column), style))
        elif before:
            put(cell.start, cell.start, before)

    def rest(row: int) -> str:
        return "".join(new(row, column) for column in sorted(by_row[row]))

    def on_row(row: int, start: int) -> None:
        for absent in sorted(number for number in by_row if number < row and by_row[number]):
            put(start, start, f'<{prefix}row r="{absent}">{rest(absent)}</{prefix}row>')

    def on_row_end(row: int, start: int, end: int) -> None:
        if not by_row.get(row):
            return
        if xml.startswith(b"/>", end - 2) and xml.rfind(b"<", start, end) == start:
            put(end - 2, end, f">{rest(row)}</{prefix}row>")  # it was empty
        else:
            put(end, end, rest(row))

    def element(row: int, column: int, value: Value, style: str | None) -> str:
        return _element(prefix, cell_name(row, column), value, style)

    prefix = _prefix(xml)
    _Walk(xml, on_cell, on_row, on_row_end).run()
    return b"".join([*pieces, xml[done:]])


def _prefix(xml: bytes) -> str:
    """Return what stands before the names of a sheet's elements, as `x:`, mostly nothing."""
    root = re.search(rb"<([A-Za-z_][\w.-]*:)?worksheet\b", xml)
    if not root or re.match(rb"\xff\xfe|\xfe\xff|<\?xml[^>]*encoding=[\"'](?![Uu][Tt][Ff]-?8)", xml):
        raise DataError("is stored in another encoding than UTF-8; accepted: what Excel itself saves")
    return (root[1] or b"").decode()


def _element(prefix: str, name: str, value: Value, style: str | None) -> str:
    """Write a cell."""
    start = f'<{prefix}c r="{name}"' + (f' s="{style}"' if style is not None else "")
    if value is None:
        return f"{start}/>"
    if isinstance(value, str):
        text = escape(_CONTROL.sub("", value))
        inside = f'<{prefix}is><{prefix}t xml:space="preserve">{text}</{prefix}t></{prefix}is>'
        return f'{start} t="inlineStr">{inside}</{prefix}c>'
    kind = ' t="b"' if isinstance(value, bool) else ""
    shown = int(value) if isinstance(value, bool) else value
    return f"{start}{kind}><{prefix}v>{shown!r}</{prefix}v></{prefix}c>"
