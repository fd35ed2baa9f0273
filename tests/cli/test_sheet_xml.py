"""The XML of sheets that other programs write: cells are put into their places, and all else stays."""

import pytest

from notmiwae.cli.sheet_xml import cell_name, filled, place, scan
from notmiwae.errors import DataError

SHEET = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<x:worksheet xmlns:x="m"><x:sheetData>'
    b'<x:row r="1" spans="1:3"><x:c r="A1" s="2"><x:v>1</x:v></x:c><x:c r="C1" s="4"/></x:row>'
    b'<x:row><x:c t="s"><x:v>0</x:v></x:c></x:row>'
    b'<x:row r="4"><x:c r="A4"><x:f t="shared" ref="A4:A5" si="0">B4</x:f><x:v>3</x:v></x:c></x:row>'
    b'<x:row r="5"><x:c r="A5"><x:f t="shared" si="0"/><x:v></x:v></x:c>'
    b'<x:c r="B5" t="str"><x:f>""</x:f><x:v></x:v></x:c></x:row><x:row r="6"/>'
    b'</x:sheetData><x:mergeCells><x:mergeCell ref="B8:C9"/></x:mergeCells></x:worksheet>'
)


def test_cells_are_put_into_their_places_with_the_style_of_their_column():
    after = filled(SHEET, {(1, 2): 2.5, (1, 3): "<&", (1, 4): True, (2, 1): None, (2, 2): -3}, {2: 9, 1: 1})
    first = (
        b'<x:c r="B1"><x:v>2.5</x:v></x:c>'
        b'<x:c r="C1" s="4" t="inlineStr"><x:is><x:t xml:space="preserve">&lt;&amp;</x:t></x:is></x:c>'
        b'<x:c r="D1" t="b"><x:v>1</x:v></x:c></x:row>'
    )
    expected = SHEET.replace(b'<x:c r="C1" s="4"/></x:row>', first).replace(
        b'<x:c t="s"><x:v>0</x:v></x:c></x:row>',
        b'<x:c r="A2" s="2"/><x:c r="B2"><x:v>-3</x:v></x:c></x:row>',
    )
    assert after == expected
    assert filled(SHEET, {}, {}) == SHEET


def test_rows_that_are_empty_or_absent_are_made():
    after = filled(SHEET, {(3, 1): 7, (6, 2): 8}, {})
    row = b'<x:row r="%d"><x:c r="%s"><x:v>%d</x:v></x:c></x:row>'
    assert after == SHEET.replace(b'<x:row r="4">', row % (3, b"A3", 7) + b'<x:row r="4">').replace(
        b'<x:row r="6"/>', row % (6, b"B6", 8)
    )


def test_formulas_and_merged_cells_are_found():
    found = scan(SHEET)
    told = {at: (cell.anchor, cell.calculated) for at, cell in found.formulas.items()}
    assert told == {(4, 1): (True, True), (5, 1): (False, False), (5, 2): (False, True)}
    assert found.merged == [(8, 2, 9, 3)]


def test_what_cant_be_filled_is_said():
    with pytest.raises(DataError, match="cell A4 holds the formula of other cells"):
        filled(SHEET, {(4, 1): 1}, {})
    with pytest.raises(DataError, match="another encoding than UTF-8"):
        filled(SHEET.decode().replace("UTF-8", "latin-1").encode(), {(1, 1): 1}, {})


@pytest.mark.parametrize(
    ("name", "numbers"), [("A1", (1, 1)), ("Z9", (9, 26)), ("AA10", (10, 27)), ("XFD1", (1, 16384))]
)
def test_names_of_cells(name, numbers):
    assert place(name) == numbers
    assert cell_name(*numbers) == name
